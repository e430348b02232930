"""Values of fields in a user's words: language, formats, time zone, and names in the place of ids."""

from odoo import fields
from odoo.tools import format_date, format_datetime, formatLang, html2plaintext, human_size

from ..engine.payload import dumps
from .record_names import names_by_model

#: Most names that are said of a value that links many records.
NAMES_SHOWN = 3
#: Longer HTML is shown as it is: its text would take too long to find.
LONGEST_HTML = 20_000
#: Most decimals that are said of a number.
MOST_DECIMALS = 6
#: Types whose texts are compared part by part; values of others are one thing.
TEXTS = ("char", "text", "html")
LINKS = ("one2many", "many2many")
#: What is asked of fields.
ASKED = ("string", "type", "selection", "relation", "digits", "min_display_digits")


class ValueWords:
    """Says values in the form of `read()` as their reader would. Reads each model's fields once, and names for all values together."""

    def __init__(self, env):
        """:param env: of the reader"""
        self.env = env
        self._fields = {}
        self._names = {}

    def learn(self, values):
        """Read the names that are needed to say some values, with a search for each model.

        :param values: tuples of model, name of the field, and value
        """
        wanted = set()
        for model, name, value in values:
            wanted.update(self._linked(self.field(model, name), value))
        self._names.update(names_by_model(self.env, wanted))

    def field(self, model, name):
        """What `fields_get` says of a field; where the reader may not know it, or it is gone, a field without a type."""
        if model not in self._fields:
            self._fields[model] = self.env[model].fields_get(attributes=ASKED) if model in self.env else {}
        return self._fields[model].get(name) or {"string": name, "type": None}

    def text(self, model, name, value):
        """A value in words; empty for no value."""
        field = self.field(model, name)
        kind = field["type"]
        if kind == "boolean":
            return self.env._("yes") if value else self.env._("no")
        if value is None or value is False or value == []:
            return ""
        say = getattr(self, f"_say_{kind}", None)
        try:
            return say(field, value) if say else self._say_other(field, value)
        except (TypeError, ValueError, KeyError, AttributeError, IndexError):  # the field was another one when this was stored
            return self._say_other(field, value)

    # -- by type -----------------------------------------------------------------------------------

    def _say_other(self, _field, value):
        return value if isinstance(value, str) else dumps(value)

    def _say_integer(self, _field, value):
        return formatLang(self.env, value, digits=0)

    def _say_float(self, field, value):
        decimals = len(f"{value:.{MOST_DECIMALS}f}".rstrip("0").partition(".")[2])
        least = field.get("min_display_digits") or (field.get("digits") or (0, 0))[1]
        return formatLang(self.env, value, digits=max(decimals, least))

    def _say_monetary(self, field, value):
        return self._say_float({**field, "digits": field.get("digits") or (16, 2)}, value)

    def _say_date(self, _field, value):
        return format_date(self.env, fields.Date.to_date(value))

    def _say_datetime(self, _field, value):
        return format_datetime(self.env, fields.Datetime.to_datetime(value))

    def _say_selection(self, field, value):
        return dict(field["selection"]).get(value) or str(value)

    def _say_html(self, _field, value):
        return html2plaintext(value) if len(value) <= LONGEST_HTML else value

    def _say_binary(self, _field, value):
        return self.env._("file (%s)", human_size(len(value) * 3 // 4) or 0)  # it is base64

    def _say_many2one(self, field, value):
        record_id, *name = value if isinstance(value, (list, tuple)) else [value]
        return str(name[0]) if name and name[0] else self._name_of(field["relation"], record_id)

    def _say_reference(self, _field, value):
        model, _comma, record_id = value.partition(",")
        return self._name_of(model, int(record_id))

    def _say_one2many(self, field, value):
        names = ", ".join(self._name_of(field["relation"], id_) for id_ in value[:NAMES_SHOWN])
        return self.env._("%(names)s, … (%(count)s)", names=names, count=len(value)) if len(value) > NAMES_SHOWN else names

    _say_many2many = _say_one2many

    def _say_properties(self, _field, value):
        return "; ".join(f"{part.get('string') or part['name']}: {part.get('value') or ''}" for part in value)

    # -- linked records ----------------------------------------------------------------------------

    def _name_of(self, model, record_id):
        """The name of a record that was learnt; its id where the reader may not read it, or it is gone."""
        return self._names.get((model, record_id)) or f"#{record_id}"

    def _linked(self, field, value):
        """Pairs of model and id of the records whose names are needed to say a value."""
        if field["type"] in LINKS and isinstance(value, list):
            return [(field["relation"], id_) for id_ in value[:NAMES_SHOWN] if isinstance(id_, int)]
        if field["type"] == "many2one" and isinstance(value, int) and value:
            return [(field["relation"], value)]
        if field["type"] == "reference" and isinstance(value, str) and "," in value:
            model, _comma, record_id = value.partition(",")
            return [(model, int(record_id))] if record_id.isdecimal() else []
        return []
