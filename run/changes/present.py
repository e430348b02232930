"""What records hold at present, compared with what changes say of them."""

import json

from odoo.exceptions import UserError

from ...engine.payload import dumps
from .brief import Brief, brief
from .columns import Many2oneColumn
from .contents import content_of
from .image import X2MANY, Images

#: What a field without a value may show.
EMPTY = (False, [], {})


class Present:
    """The present values of some records, read at once.

    :param model: the model, in the environment of the job's user
    :param ids: of records
    :param names: of fields
    :param bool whole: read all columns as well
    :raises AccessError: the user may not read one of the fields
    :raises UserError: there is no such field any more
    """

    def __init__(self, model, ids, names, whole=False):
        for name in names:
            if name not in model._fields:
                raise UserError(model.env._("There is no field '%(field)s' of %(model)s any more.", field=name, model=model._name))
            model._check_field_access(model._fields[name], "read")
        self.model = model
        images = Images(model, None if whole else names)
        self.others = images.others(names)
        self.image = images.take(dict.fromkeys(ids), self.others)
        self.columns = {column.name: (column, values) for column, values in zip(images.columns, self.image.values, strict=True)}
        self.shown = {}

    def __contains__(self, id_):
        """Whether the record exists, and the user may read it."""
        return id_ in self.image.places

    def get(self, id_, name):
        """The value of a field, in the form of `comparable`, long texts as `Brief`s; False where the field can't be read."""
        if (id_, name) not in self.shown:
            self.shown[id_, name] = brief(self._show(id_, name, self.image.places[id_]))
        return self.shown[id_, name]

    def raw(self, id_, name):
        """A column as it was selected."""
        return self.columns[name][1][self.image.places[id_]]

    def differing(self, id_, values, whole=False):
        """Names of fields that hold something else; not of those that follow from others.

        :param int id_: of a record that is here
        :param dict values: as changes have them
        :param bool whole: other columns must be empty
        """
        fields = self.model._fields
        differing = [name for name, value in values.items() if self.get(id_, name) != comparable(fields[name], value)]
        if whole:
            others = {*self.columns, *self.others} - values.keys()
            differing += [name for name in fields if name in others and self.get(id_, name) not in EMPTY]
        return [name for name in differing if not is_derived(fields[name])]

    def _show(self, id_, name, place):
        if name not in self.columns:
            return comparable(self.model._fields[name], as_json(self.image.others[place].get(name, False)))
        column, values = self.columns[name]
        if column.__class__ is Many2oneColumn:
            return values[place] or False
        [shown] = column.shown([values[place]], [id_])
        return comparable(column.field, as_json(shown))


def is_derived(field):
    """Whether a field follows from others: it may differ just because another record has changed.

    A computed field that can be edited holds what somebody has entered, unless that is stored with another record.
    """
    return bool(field.compute and (field.readonly or (field.related and field.store)))


def follows_from_itself(model, field):
    """Whether a field that follows from others follows from fields of the same record alone."""
    for path in model.pool.field_depends[field]:
        name, _dot, more = path.partition(".")
        on = model._fields[name]
        if more or on.type in X2MANY or (_is_computed(on) and on is not field and not follows_from_itself(model, on)):
            return False
    return True


def comparable(field, value):
    """A value of a change in a form in which equal values are equal: many2one as ids, whatever their names, x2many in any order, only
    properties that are set.
    """
    if field.type == "many2one":
        return value[0] if isinstance(value, list) and value else value
    if field.type in X2MANY and isinstance(value, list):
        return sorted(value, key=repr)
    if field.type == "properties":
        return {name: one for name, one in (_properties(value) or {}).items() if one not in EMPTY}
    return value


def to_write(field, value):
    """What to write so that a field gets a value that was read; not of a one2many, as that would delete lines or cut them off."""
    if field.type == "many2many":
        return [(6, 0, value or [])]
    if field.type == "binary":
        return content_of(value)
    return _properties(value) if field.type == "properties" else comparable(field, value)


def as_json(value):
    """A value of `read()` as changes are stored."""
    return value if value.__class__ in (bool, int, float, str, Brief) else json.loads(dumps(value))


def labels(model, names):
    """The names of fields for people, in one text."""
    described = model.fields_get(list(names), ["string"])
    return ", ".join(described[name]["string"] if name in described else name for name in names)


def _is_computed(field):
    """Whether nobody has entered the value of a field."""
    return is_derived(field) or bool(field.compute and not field.store)


def _properties(value):
    """Properties as a dict of their names and values, records as ids."""
    if not isinstance(value, list):
        return value
    return {entry["name"]: _property(entry) for entry in value if "name" in entry}


def _property(entry):
    value = entry.get("value", False)
    if entry.get("type") == "many2one" and isinstance(value, list):
        return value[0] if value else False
    if entry.get("type") == "many2many" and isinstance(value, list):
        return [one[0] if isinstance(one, list) else one for one in value]
    return value
