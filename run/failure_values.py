"""Which record a failure is about, and its values field by field, for people."""

import json

from odoo import fields
from odoo.exceptions import UserError

from ..engine.cells import ID, cell_of, rows_of_item, with_changes
from ..engine.isolate import isolate
from ..engine.operation import LOAD, UNDO, UPSERT
from ..engine.operations import TYPES
from ..engine.values import is_wrong
from ..store import chosen
from .differences import names_of_changes
from .failures import columns_of, item_of
from .record_names import NAMES, REFERENCES, first_text, names_by_model, record_name

#: Characters kept of a value as it was sent.
SENT_LENGTH = 300
#: Column of an import: the id in the database.
DATABASE_ID = ".id"
#: Longer values are not read for a name.
LONGEST_READ = 20_000
#: Field types that have a widget; those in the second place are edited as such.
EDITED_AS = {
    "char": "char", "text": "text", "html": "text", "integer": "integer", "float": "float", "monetary": "float",
    "boolean": "boolean", "date": "date", "datetime": "datetime", "selection": "selection", "many2one": "many2one",
}  # fmt: skip


# -- which record ----------------------------------------------------------------------------------


def labels(env, failure_ids):
    """What people call the records of failures: the name of the record if there is one that the caller may read, else what the
    values say: name, reference, external id or key.

    :param failure_ids: of failures that the caller may see
    :returns: dict failure id -> text, which may be empty
    """
    failures = chosen.described(env.cr, list(failure_ids), LONGEST_READ)
    names = names_by_model(env, [(failure["model"], failure["record_id"]) for failure in failures if failure["record_id"]])
    nameless = [failure for failure in failures if not names.get((failure["model"], failure["record_id"]))]
    undone = names_of_changes(env, [_change_of(failure) for failure in nameless if _change_of(failure)])
    named = {failure["id"]: undone.get(_change_of(failure)) or _name_in_values(env, failure) for failure in nameless}
    return {failure["id"]: named.get(failure["id"]) or names.get((failure["model"], failure["record_id"]), "") for failure in failures}


def _change_of(failure):
    """Id of the change that an undo could not take back; None for other failures."""
    item = item_of(failure) if failure["operation_type"] == UNDO else None
    return item[1] if isinstance(item, list) and len(item) > 1 else None


def _name_in_values(env, failure):
    details = json.loads(failure["details"] or "{}")
    columns = details.get("fields", []) if failure["operation_type"] == LOAD else []
    [row, *_lines] = rows_of_item(failure["operation_type"], item_of(failure), columns) or [{}]
    model = env.get(failure["model"])
    keys = details.get("key", []) if failure["operation_type"] == UPSERT else []
    name = first_text(row, [*([model._rec_name] if model is not None else []), *NAMES])
    reference = first_text(row, [*keys, *REFERENCES])
    parts = list(dict.fromkeys(filter(None, (name, reference))))
    return " · ".join(map(isolate, parts)) if len(parts) > 1 else "".join(parts)


# -- field by field --------------------------------------------------------------------------------


def described_values(failure, env, shared=None):
    """The values of a failed record, field by field, for a form.

    :param dict failure: as `store.chosen` reads it
    :param env: the caller's environment
    :param dict shared: values that all records of its operation get, which can't be changed for one (`readonly`)
    :returns: list of dicts with `row` (from 0: an import's record may have several), `name`, `label`, `type` (as which it is edited;
        False: only as JSON), `relation`, `selection`, `required`, `help`, `value` (in the form of the web client; False where the
        one sent can't be that) and `sent` (the one sent, as text)
    """
    columns = columns_of(failure)
    rows = rows_of_item(failure["operation_type"], item_of(failure), columns)
    model = env.get(failure["model"])
    if failure["operation_type"] == LOAD:
        labels_of_columns = _column_labels(env, model, columns)
        return [
            {**_cell(name, value), "label": labels_of_columns.get(name, name), "row": place}
            for place, row in enumerate(rows)
            for name, value in row.items()
        ]
    known = model.fields_get([*rows[0], *(shared or ())]) if model is not None else {}
    return [
        *({**_described(env, name, value, known.get(name)), "row": 0} for name, value in rows[0].items()),
        *({**_described(env, name, value, known.get(name)), "row": 0, "readonly": True} for name, value in (shared or {}).items()),
    ]


def _column_labels(env, model, columns):
    """What people call the columns of an import, by the fields on their way; a column that names no field is called by its name.

    :param model: its model; None where there is none any more
    :rtype: dict
    """
    return {name: " / ".join(_labels_on_way(env, model, name)) or name for name in columns}


def _labels_on_way(env, model, name):
    labels_found = []
    for part in name.split("/"):
        info = model.fields_get([part], ["string", "relation"]).get(part) if model is not None else None
        if info is None and part != DATABASE_ID:
            return []
        labels_found.append({ID: env._("External ID"), DATABASE_ID: env._("Database ID")}.get(part) or info["string"])
        model = env.get(info.get("relation")) if info else None
    return labels_found


def _cell(name, value):
    """A value as one line of text."""
    return {
        "name": name, "label": name, "type": "char" if not isinstance(value, (dict, list)) else False, "relation": False,
        "selection": [], "required": False, "help": "", "value": cell_of(value), "sent": cell_of(value)[:SENT_LENGTH],
    }  # fmt: skip


def _described(env, name, value, info):
    if name == ID or info is None or info["type"] not in EDITED_AS or isinstance(value, (dict, list)):
        return {**_cell(name, value), "label": info["string"] if info else name, "type": False}
    return {
        "name": name,
        "label": info["string"],
        "type": EDITED_AS[info["type"]],
        "relation": info.get("relation", False),
        "selection": [list(choice) for choice in info.get("selection", [])],
        "required": info["required"],
        "help": info.get("help") or "",
        "value": _for_widget(env, info, value),
        "sent": cell_of(value)[:SENT_LENGTH],
    }


def _for_widget(env, info, value):
    """A value in the form that a widget of its field takes; False where it can't be that."""
    kind = info["type"]
    if kind == "boolean":
        return bool(value)
    if value is None or value is False or is_wrong(kind, value):
        return 0 if kind in ("integer", "float", "monetary") else False
    if kind == "many2one":
        name = record_name(env, info["relation"], int(value))
        return {"id": int(value), "display_name": name} if name is not None else False
    if kind == "selection":
        return value if value in dict(info["selection"]) else False
    if kind in ("date", "datetime"):
        field = fields.Date if kind == "date" else fields.Datetime
        try:
            return field.to_string(field.to_datetime(value) if kind == "datetime" else field.to_date(value))
        except (ValueError, TypeError):
            return False
    return int(value) if kind == "integer" else float(value) if kind in ("float", "monetary") else str(value)


def edited(failure, edits, env):
    """What a failed record is to be run with after some of its values were edited in a form.

    :param dict failure: as `store.chosen` reads it
    :param dict edits: row (from "0") -> name -> new value
    :param env: for the error
    :returns: JSON values
    :raises UserError: the form is not of this record
    """
    kind, item, columns = failure["operation_type"], item_of(failure), columns_of(failure)
    rows = rows_of_item(kind, item, columns)
    if not isinstance(edits, dict) or not all(
        row.isdecimal() and int(row) < len(rows) and isinstance(values, dict) for row, values in edits.items()
    ):
        raise UserError(env._("The edits must name rows, fields and values."))
    return with_changes(kind, item, [edits.get(str(place), {}) for place in range(len(rows))], columns)


def takes_fields(failure):
    """Whether a failed record can be given more fields: not an import, whose columns are fixed."""
    item = item_of(failure)
    return failure["operation_type"] != LOAD and "data" in TYPES[failure["operation_type"]].keys and isinstance(item, (dict, list))


# -- one field of many records ---------------------------------------------------------------------


def names_to_replace(env, failures):
    """What can be replaced in these failures: the names that have values, then the other fields of the model of the first one.

    :param failures: dicts of `store.chosen`
    :returns: list of `[name, label]`
    """
    if not failures:
        return []
    names = dict.fromkeys(
        name
        for failure in failures
        for row in rows_of_item(failure["operation_type"], item_of(failure), columns_of(failure))
        for name in row
    )
    model = env.get(failures[0]["model"])
    if failures[0]["operation_type"] == LOAD:
        labels_of_columns = _column_labels(env, model, names)
        return [[name, labels_of_columns[name]] for name in names]
    if model is None or not takes_fields(failures[0]):
        return [[name, name] for name in names]
    known = model.fields_get(attributes=["string", "type", "readonly"])
    others = [name for name, info in known.items() if not info["readonly"] and info["type"] in EDITED_AS and name not in names]
    others.sort(key=lambda name: known[name]["string"])
    return [[name, known[name]["string"] if name in known else name] for name in (*names, *others)]


def first_value(failure, name):
    """The value of this name in a failed record, as the text of a cell: the first one, where an import's record has several rows."""
    rows = rows_of_item(failure["operation_type"], item_of(failure), columns_of(failure))
    return cell_of(rows[0].get(name)) if rows else ""


def described_field(env, failure, name):
    """One field without a value, in the form of `described_values`."""
    model = env.get(failure["model"])
    if failure["operation_type"] == LOAD:
        found = {**_cell(name, ""), "label": _column_labels(env, model, [name])[name]}
    else:
        info = model.fields_get([name]).get(name) if model is not None else None
        found = _described(env, name, False, info) if info else _cell(name, "")
    return {**found, "type": found["type"] or "char", "row": 0}
