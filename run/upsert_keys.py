"""Upsert keys in the field's own form: one value is one key, however a client spells it.

The check at submission, the lock, the search and the comparison with what was found all go by it.
"""

from odoo.fields import Domain

from ..engine.key_order import key_number
from ..engine.payload import dumps
from ..engine.references import find_refs
from .key_forms import FORMS, RecordId


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
        self.forms = [(RecordId if field.name == "id" else FORMS[field.type])(field, model) for field in fields]

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
