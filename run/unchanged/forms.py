"""Whether a column already holds a value: what Odoo would write of it is compared with what is stored.

A comparison takes the raw value of the column and the value as it was sent. It may raise what the field's conversion raises. Where it
says that both are equal, a write would leave the column as it is.
"""

import json

from odoo import fields
from odoo.tools import float_repr, float_round

from ...engine.payload import copied


def comparison(model, field):
    """The function that compares a stored column; None where nothing certain can be said.

    :param model: the model, in the environment in which it would be written
    :param field: a field with a column of its own, the same for all companies
    """
    make = _MAKERS.get(type(field))
    return make and make(model, field)


def _boolean(_model, _field):
    return lambda raw, value: raw is bool(value)


def _integer(_model, _field):
    return lambda raw, value: not isinstance(value, dict) and raw is not None and raw == int(value or 0)


def _float(model, field):
    if not (digits := field.get_digits(model.env)):
        return lambda raw, value: raw is not None and raw == float(value or 0.0)
    scale = digits[1]
    return lambda raw, value: raw is not None and raw == _rounded(float(value or 0.0), scale)


def _rounded(value, scale):
    return float(float_repr(float_round(value, precision_digits=scale), precision_digits=scale))


def _text(model, field):
    if field.translate:
        return _translated(model, field, lambda value: field.convert_to_cache(value, model))
    size = field.size
    if size is None:
        return lambda raw, value: raw == value if type(value) is str else raw == _as_text(value)
    return lambda raw, value: raw == field.convert_to_cache(value, model)


def _as_text(value):
    return None if value is None or value is False else value.decode() if isinstance(value, bytes) else str(value)


def _html(model, field):
    if field.sanitize and field.sanitize_overridable:
        return None  # what is written depends on what is there
    known = {}  # sanitized texts by what was sent: many are alike

    def sanitized(value):
        key = type(value), value
        if key not in known:
            known[key] = field.convert_to_cache(value, model)
        return known[key]

    if field.translate:
        return _translated(model, field, sanitized)
    return lambda raw, value: raw == sanitized(value)


def _translated(model, field, convert):
    """A language without a value of its own shows another one's, and a write would give it one."""
    lang = field.translation_lang(model.env)
    languages = {lang} if model.env["res.lang"]._get_data(code="en_US") or field.translate is not True else {lang, "en_US"}

    def same(raw, value):
        text = convert(value)
        if raw is None or text is None:
            return raw is text
        if callable(field.translate) and any(name.startswith("_") for name in raw):
            return False  # terms that wait for their translation
        return all(raw.get(name) == text for name in languages)

    return same


def _selection(model, field):
    return lambda raw, value: raw == field.convert_to_cache(value, model)


_date = _selection


def _json(model, field):
    return lambda raw, value: _spelled(raw) == _spelled(field.convert_to_cache(value, model))


def _spelled(value):
    """JSON text, as Python takes 1 and true for the same."""
    return json.dumps(value, sort_keys=True)


def _many2one(_model, _field):
    # anything but an id or nothing is left to Odoo
    return lambda raw, value: raw == value if type(value) is int else raw is None and (value is None or value is False)


def _properties(model, field):
    def same(raw, value):
        if isinstance(value, list) and any(part.get("definition_changed") or part.get("definition_deleted") for part in value):
            return False
        return _spelled(raw) == _spelled(field.convert_to_cache(copied(value), model))

    return same


def _binary(model, field):
    def same(raw, value):
        stored = field.convert_to_column(value, model)
        return raw is stored if raw is None or stored is None else bytes(raw) == bytes(stored.adapted)

    return same


_MAKERS = {
    fields.Boolean: _boolean,
    fields.Integer: _integer,
    fields.Many2oneReference: _integer,
    fields.Float: _float,
    fields.Char: _text,
    fields.Text: _text,
    fields.Html: _html,
    fields.Selection: _selection,
    fields.Reference: _selection,
    fields.Date: _date,
    fields.Datetime: _date,
    fields.Json: _json,
    fields.Many2one: _many2one,
    fields.Properties: _properties,
    fields.Binary: _binary,
}
