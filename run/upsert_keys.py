"""Upsert keys in the field's own form: one value is one key, however a client spells it.

The check at submission, the lock, the search and the comparison with what was found all go by it.
"""

import math
import re

from odoo.fields import Domain
from odoo.models import BaseModel

from ..engine.key_order import key_number
from ..engine.payload import dumps
from ..engine.references import find_refs

#: A whole number as PostgreSQL reads it.
WHOLE_NUMBER = re.compile(r"\s*[+-]?[0-9]+\s*", re.ASCII)


class BadKey(ValueError):
    """A value that its field does not take: it can't identify a record."""


def can_identify(field):
    """Whether a field may be part of an upsert's key."""
    return field.type in FORMS and field._description_searchable


class UpsertKeys:
    """The keys of an upsert's rows: one tuple per row, equal exactly where the same record is meant.

    :param model: in the environment the rows are going to be written in
    :param names: of the key fields, in any order
    :raises KeyError: a field is not there
    """

    def __init__(self, model, names):
        self.model = model
        self.names = sorted(names)
        fields = [model._fields[name] for name in self.names]
        self.forms = [(_Id if field.name == "id" else FORMS[field.type])(field, model) for field in fields]

    def of(self, values):
        """The key of a row.

        Nothing is asked of the database per row. A `$ref` that is not resolved yet is equal to itself only.

        :raises BadKey: a field does not take its value
        """
        return tuple([self._cell(name, form, values) for name, form in zip(self.names, self.forms, strict=True)])

    def _cell(self, name, form, values):
        value = values[name]
        try:
            return form.of(value, values)
        except (TypeError, ValueError, ArithmeticError, AttributeError) as error:
            if next(find_refs(value), None) is not None:
                return dumps(value), "$ref"
            raise BadKey(
                self.model.env._(
                    "%(value)s can't identify a record by %(field)s: %(reason)s",
                    value=repr(value)[:100],
                    field=name,
                    reason=str(error) or type(error).__name__,
                )
            ) from error

    def of_record(self, record):
        """The key of a record that is there."""
        return tuple([form.of_found(record[name]) for name, form in zip(self.names, self.forms, strict=True)])

    def domain(self, rows):
        """Find the records of all keys, and perhaps others that hold one field of this and one of that key.

        :param rows: pairs of a key and the row's values
        """
        rows = list(rows)
        return Domain.AND(
            Domain(name, "in", list({term for key, values in rows for term in form.terms(key[place], values[name])}))
            for place, (name, form) in enumerate(zip(self.names, self.forms, strict=True))
        )

    def values_to_create(self, values, key):
        """What a new record gets: a client's spelling of a reference is not always one that `create` takes."""
        cells = zip(self.names, self.forms, key, strict=True)
        return {**values, **{name: cell for name, form, cell in cells if form.is_given_to_create}}

    def number(self, key):
        """A 32-bit mark of a key."""
        return key_number(self.model._name, key)


class _Form:
    """How the values of a field become parts of a key; one that is absent is False, or the field's own nought."""

    #: Whether a new record gets the cell, not the value as it was sent.
    is_given_to_create = False

    def __init__(self, field, model):
        self.field = field
        self.model = model

    def of(self, value, values):
        """The cell of a value as it was sent.

        :param values: the row it stands in
        :raises TypeError, ValueError, ArithmeticError, AttributeError: the field does not take it
        """
        return self.field.convert_to_cache(value, self.model) or False

    def of_found(self, value):
        """The cell of a value as it was read."""
        return value or False

    def terms(self, cell, value):
        """What to search for."""
        return (cell,)


class _Text(_Form):
    def __init__(self, field, model):
        super().__init__(field, model)
        self.is_plain = field.type in ("char", "text") and not field.size and not callable(field.translate)

    def of(self, value, values):
        if not (self.is_plain and value.__class__ is str):
            value = self.field.convert_to_column(value, self.model)
        if not value:
            return False
        if "\x00" in value:
            raise ValueError(self.model.env._("a text can't hold the character NUL"))
        if not value.isascii():
            value.encode()  # a lone surrogate raises
        return str(value)

    def of_found(self, value):
        return str(value) if value else False


class _Boolean(_Form):
    def of(self, value, values):
        return bool(value)


class _Integer(_Form):
    def of(self, value, values):
        return self.field.convert_to_column(value, self.model)

    def of_found(self, value):
        return value or 0


class _Float(_Form):
    def of(self, value, values):
        return _number(self.field.convert_to_column(value, self.model), self.model.env)

    def of_found(self, value):
        return self.of(value, None)


class _Monetary(_Form):
    """Rounded as its column is: by the currency that the values, or their defaults, name."""

    def __init__(self, field, model):
        super().__init__(field, model)
        currency = model._fields[field.get_currency_field(model)]
        related = (currency.related or "").partition(".")[0]
        self.currency_name = currency.name
        self.source_names = [name for name in (currency.name, related) if name]
        self.is_computed_first = bool(currency.precompute)
        self.default = None
        self.currencies = {}

    def of(self, value, values):
        value = float(value or 0.0)
        currency = self._currency(values)
        return _number(currency.round(value) if currency else value, self.model.env)

    def of_found(self, value):
        return _number(value or 0.0, self.model.env)

    def _currency(self, values):
        for name in self.source_names:
            if name in values:
                return self._currency_of(name, values[name])
        if self.default is None:
            defaults = self.model.default_get(self.source_names)
            self.default = self._currency(defaults) if defaults else self.model.env["res.currency"]
            if not self.default and self.is_computed_first:
                self.default = self.model.new({})[self.currency_name]
        return self.default

    def _currency_of(self, name, value):
        source = _id_of(value, self.model.env)
        if (name, source) not in self.currencies:
            record = self.model.new({name: source})
            self.currencies[name, source] = record.sudo()[self.currency_name]._origin
        return self.currencies[name, source]


class _Many2one(_Form):
    is_given_to_create = True

    def of(self, value, values):
        return _id_of(value, self.model.env)

    def of_found(self, value):
        return value.id or False


class _Id(_Form):
    """The record's own id: there is none to be made with it."""

    def of(self, value, values):
        id_ = _id_of(value, self.model.env)
        if not id_:
            raise ValueError(self.model.env._("an id is needed, of a record that is there"))
        return id_


class _Many2oneReference(_Integer):
    def of(self, value, values):
        return super().of(value.id if isinstance(value, BaseModel) else value, values)


class _Reference(_Form):
    is_given_to_create = True

    def __init__(self, field, model):
        super().__init__(field, model)
        self.models = frozenset(field.get_values(model.env))

    def of(self, value, values):
        if isinstance(value, BaseModel):
            return self.of_found(value)
        if not value:
            return False
        model_name, id_ = value.split(",")
        if model_name not in self.models:
            raise ValueError(self.model.env._("it refers to no record of %r", model_name))
        return f"{model_name},{int(id_)}"

    def of_found(self, value):
        return f"{value._name},{value.id}" if value else False

    def terms(self, cell, value):
        # one that was written with blanks has them in its column
        return (cell, value) if isinstance(value, str) and value else (cell,)


#: By type of field. One that is not here can't identify a record.
FORMS = {
    "boolean": _Boolean,
    "char": _Text,
    "date": _Form,
    "datetime": _Form,
    "float": _Float,
    "html": _Text,
    "integer": _Integer,
    "many2one": _Many2one,
    "many2one_reference": _Many2oneReference,
    "monetary": _Monetary,
    "reference": _Reference,
    "selection": _Text,
    "text": _Text,
}


def _number(value, env):
    value = float(value)
    if math.isnan(value):
        raise ValueError(env._("it is no number"))  # and equals none
    return value + 0.0  # of the two noughts the one without a sign


def _id_of(value, env):
    """The id that a client means by 1, 1.0, "1" or [1, "Name"]; False for none.

    :raises TypeError, ValueError: it is no id
    """
    if value.__class__ is int:
        return value or False
    if isinstance(value, BaseModel):
        if value:
            value.ensure_one()
        return value.id or False
    if isinstance(value, (list, tuple)) and value and (len(value) == 1 or (len(value) == 2 and _is_label(value[1]))):
        value = value[0]
    if not value:
        return False
    if isinstance(value, str) and WHOLE_NUMBER.fullmatch(value):
        return int(value) or False
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != int(value):
        raise ValueError(env._("it is no id"))
    return int(value) or False


def _is_label(value):
    return isinstance(value, str) or value is None or value is False
