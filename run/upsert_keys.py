"""Upsert keys, normalized by the fields, so that different spellings of a value give the same key.

The check at submission, the locks, the search, and the comparison with the records found all use these keys.
"""

from odoo.fields import Domain

from ..engine.key_order import key_number
from ..engine.payload import dumps
from ..engine.references import find_refs
from .errors import missing_field
from .key_forms import FORMS, RecordId


class BadKey(ValueError):
    """A key value can't identify a record, because its field can't take it."""


def can_identify(field):
    """Whether a field can be part of an upsert's key."""
    return field.type in FORMS and field._description_searchable


class UpsertKeys:
    """Makes the keys of an upsert's rows: one tuple per row. Two keys are equal exactly if they identify the same record.

    :param model: in the environment the rows are going to be written in
    :param names: names of the key fields, in any order
    :raises ValueError: a field does not exist
    :raises KeyError: a field can't identify a record
    """

    def __init__(self, model, names):
        self.model = model
        self.names = sorted(names)
        if text := missing_field(model, self.names):
            raise ValueError(text)
        fields = [model._fields[name] for name in self.names]
        self.forms = [(RecordId if field.name == "id" else FORMS[field.type])(field, model) for field in fields]

    def of(self, values):
        """The key of a row. Needs no query per row.

        A `$ref` that is not resolved yet equals only the same `$ref`.

        :param dict values: the row
        :raises BadKey: a field can't take its value
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
        """The key of an existing record."""
        return tuple([form.of_found(record[name]) for name, form in zip(self.names, self.forms, strict=True)])

    def domain(self, rows):
        """A domain that finds the records of all keys. It may find others too, which combine the fields of different keys.

        :param rows: pairs `(key, values)`
        """
        rows = list(rows)
        return Domain.AND(
            Domain(name, "in", list({term for key, values in rows for term in form.terms(key[place], values[name])}))
            for place, (name, form) in enumerate(zip(self.names, self.forms, strict=True))
        )

    def values_to_create(self, values, key):
        """The values to create a record with. References are taken from the key, as `create` does not accept every spelling.

        :param dict values: the row
        :param tuple key: its key
        """
        cells = zip(self.names, self.forms, key, strict=True)
        return {**values, **{name: cell for name, form, cell in cells if form.is_given_to_create}}

    def number(self, key):
        """A 32-bit hash of a key."""
        return key_number(self.model._name, key)
