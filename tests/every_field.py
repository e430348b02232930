"""A model with a field of every type, and values for each: for what has to hold for any field."""

from odoo import Command

from .committed_case import committed
from .properties import st

MODEL = "x_batch_every"
COMPANY = {"company_dependent": True}
#: Field -> type, and what it needs besides.
FIELDS = {
    "x_char": ("char", {}),
    "x_term": ("char", {"translate": "standard"}),
    "x_text": ("text", {}),
    "x_html": ("html", {"sanitize": True}),
    "x_terms": ("html", {"translate": "html_translate"}),
    "x_integer": ("integer", {}),
    "x_float": ("float", {}),
    "x_boolean": ("boolean", {}),
    "x_date": ("date", {}),
    "x_datetime": ("datetime", {}),
    "x_choice": ("selection", {"selection_ids": [Command.create({"value": v, "name": v}) for v in ("a", "b")]}),
    "x_country_id": ("many2one", {"relation": "res.country"}),
    "x_reference": ("reference", {"selection_ids": [Command.create({"value": "res.country", "name": "Country"})]}),
    "x_currency_id": ("many2one", {"relation": "res.currency"}),
    "x_monetary": ("monetary", {"currency_field": "x_currency_id"}),
    "x_binary": ("binary", {}),
    "x_tag_ids": ("many2many", {"relation": "res.country.group"}),
    "x_parent_id": ("many2one", {"relation": MODEL}),
    "x_line_ids": ("one2many", {"relation": MODEL, "relation_field": "x_parent_id"}),
    "x_own_char": ("char", COMPANY),
    "x_own_integer": ("integer", COMPANY),
    "x_own_float": ("float", COMPANY),
    "x_own_boolean": ("boolean", COMPANY),
    "x_own_date": ("date", COMPANY),
    "x_own_datetime": ("datetime", COMPANY),
    "x_own_country_id": ("many2one", {"relation": "res.country", **COMPANY}),
    "x_computed": (
        "char",
        {"depends": "x_char,x_integer", "compute": "for r in self: r['x_computed'] = '%s %s' % (r.x_char, r.x_integer)"},
    ),
    "x_code": ("char", {"related": "x_country_id.code", "store": True}),
    "x_currency_name": ("char", {"related": "x_currency_id.full_name", "readonly": False, "store": False}),
}


def make_model():
    """Create the model, committed; returns what drops it again."""
    with committed() as env:
        name = Command.create({"name": "x_name", "field_description": "Name", "ttype": "char"})
        model = env["ir.model"].create({"name": "Every Field", "model": MODEL, "field_id": [name]})
        for field, (ttype, more) in FIELDS.items():
            values = {"store": True, **more} if "compute" in more else more
            env["ir.model.fields"].create(
                {"model_id": model.id, "name": field, "field_description": field[2:], "ttype": ttype, **values}
            )
        rights = dict.fromkeys(("perm_read", "perm_write", "perm_create", "perm_unlink"), True)
        group = env.ref("batch_executor.group_batch_user").id
        env["ir.model.access"].create({"name": MODEL, "model_id": model.id, "group_id": group, **rights})
        model_id = model.id

    def drop():
        with committed() as env:
            model = env["ir.model"].browse(model_id)
            for name in ("x_computed", "x_code", "x_currency_name", "x_line_ids"):  # those that depend on others first
                model.field_id.filtered(lambda field, name=name: field.name == name).unlink()
            model.unlink()

    return drop


TEXTS = st.none() | st.sampled_from(["", "a", "b\tc\n\\d", "é 'x' \"y\"", "<b>x</b>", "😀"])
NUMBERS = st.sampled_from([0, 1, -7, 2**31 - 1])
FLOATS = st.sampled_from([0.0, 0.1, 1.005, -2.5, 1e12])
DAYS = st.none() | st.sampled_from(["2026-01-31", "1999-12-31"])
TIMES = st.none() | st.sampled_from(["2026-01-31 10:00:00", "1999-12-31 23:59:59"])
COUNTRIES = st.none() | st.integers(1, 5)
VALUES = {
    "x_char": TEXTS,
    "x_term": TEXTS,
    "x_text": TEXTS,
    "x_html": TEXTS,
    "x_terms": st.none() | st.sampled_from(["<p>one</p>", "<p>one</p><p>two</p>", ""]),
    "x_integer": NUMBERS,
    "x_float": FLOATS,
    "x_boolean": st.booleans(),
    "x_date": DAYS,
    "x_datetime": TIMES,
    "x_choice": st.none() | st.sampled_from(["a", "b"]),
    "x_country_id": COUNTRIES,
    "x_reference": st.none() | st.sampled_from(["res.country,1", "res.country,2"]),
    "x_currency_id": st.none() | st.sampled_from([1, 2]),
    "x_monetary": FLOATS,
    "x_binary": st.none() | st.sampled_from(["YQ==", "YmI="]),
    "x_tag_ids": st.lists(st.integers(1, 2), max_size=2, unique=True).map(lambda ids: [[6, 0, ids]]),
    "x_line_ids": st.just([[0, 0, {"x_name": "line"}]]),
    "x_own_char": TEXTS,
    "x_own_integer": NUMBERS,
    "x_own_float": FLOATS,
    "x_own_boolean": st.booleans(),
    "x_own_date": DAYS,
    "x_own_datetime": TIMES,
    "x_own_country_id": COUNTRIES,
}
#: Values of some fields.
ROW = st.fixed_dictionaries({}, optional=VALUES)
