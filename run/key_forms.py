"""Convert the values of upsert keys into the form that the field stores, so that they can be compared."""

import math
import re

from odoo.models import BaseModel

#: A whole number as PostgreSQL reads it.
WHOLE_NUMBER = re.compile(r"\s*[+-]?[0-9]+\s*", re.ASCII)


class _Form:
    """Converts the values of one field into cells of a key. The cell of an empty value is False, or the field's zero.

    :param field: the field
    :param model: its model, in the environment the rows are going to be written in
    """

    #: Whether a new record is created with the cell instead of the value sent.
    is_given_to_create = False

    def __init__(self, field, model):
        self.field = field
        self.model = model

    def of(self, value, values):
        """The cell of a value that was sent.

        :param value: the value
        :param dict values: all values of its row
        :raises TypeError, ValueError, ArithmeticError, AttributeError: the field can't take the value
        """
        return self.field.convert_to_cache(value, self.model) or False

    def of_found(self, value):
        """The cell of a value that was read from a record."""
        return value or False

    def terms(self, cell, value):
        """The values to search for.

        :param cell: of the key
        :param value: as it was sent
        :returns: a tuple
        """
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
            value.encode()  # raises for a lone surrogate
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
    """Rounded as in its column: to the currency given by the row's values, or by the defaults."""

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


class RecordId(_Form):
    """The record's own id: it only finds records, as none can be created with a given id."""

    def of(self, value, values):
        """The id.

        :raises ValueError: there is none
        """
        id_ = _id_of(value, self.model.env)
        if not id_:
            raise ValueError(self.model.env._("the id of an existing record is needed"))
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
            raise ValueError(self.model.env._("it refers to no record of '%s'", model_name))
        return f"{model_name},{int(id_)}"

    def of_found(self, value):
        return f"{value._name},{value.id}" if value else False

    def terms(self, cell, value):
        # a value written as "model, 1" is stored with its blank
        return (cell, value) if isinstance(value, str) and value else (cell,)


#: Field type -> class. Fields of other types can't be part of a key.
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
        raise ValueError(env._("it is no number"))  # NaN equals nothing, not even itself
    return value + 0.0  # turns -0.0 into 0.0


def _id_of(value, env):
    """The id in a value such as 1, 1.0, "1", [1, "Name"] or a record; False for an empty value.

    :raises TypeError, ValueError: the value is no id
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
