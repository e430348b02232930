"""A failed record as rows of cells, by the names that its values were sent with; and what a person has changed in them."""

import json
import re
from typing import Any

from .operation import CREATE, LOAD, UNDO, UPDATE, UPSERT
from .payload import dumps

#: Column of the record's id, in operations on existing records.
ID = "id"
#: Columns that a file of failures has besides the values. Its CSV has an apostrophe before what a spreadsheet would take for a formula, and numbers
#: and dates as Odoo writes them.
PLACE = ("_operation", "_index")
ERROR = ("_error_type", "_error")
OURS = frozenset((*PLACE, *ERROR))
#: A text that a spreadsheet takes for a formula, of whatever width its first character, or that would be one without apostrophes.
FORMULA = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
#: What spreadsheets change in a text: the ends of its lines, and control characters.
RETOUCHED = re.compile(r"\r\n?|[\x00-\x08\x0b\x0c\x0e-\x1f]")
#: What people remove around a text.
BLANKS = " \t\n\xa0"
#: What no file can hold.
UNHELD = re.compile("[\ufffe\uffff\ud800-\udfff]")
#: Field types whose values are JSON in a cell.
STRUCTURED = frozenset(("one2many", "many2many", "json", "properties", "properties_definition"))
WHOLE = frozenset(("integer", "many2one", "many2one_reference"))
TRUTHS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False, "": False}


# -- items -----------------------------------------------------------------------------------------


def rows_of_item(kind: str, item: Any, columns: list[str] = ()) -> list[dict[str, Any]]:
    """The values of a failed record by name; those of an import have a dict for each of its rows.

    :param kind: the operation type
    :param item: as chunks hold it, see `Operation.items`
    :param columns: of an import
    """
    if kind == LOAD and isinstance(item, list):
        return [dict(zip(columns, row, strict=False)) for row in item if isinstance(row, list)]
    if kind in (CREATE, UPSERT) and isinstance(item, dict):
        return [item]
    if kind == UPDATE and isinstance(item, list) and len(item) == 2 and isinstance(item[1], dict):
        return [{ID: item[0], **item[1]}]
    if kind == UNDO and isinstance(item, list):
        return [{ID: item[0]}]
    return [{} if item is None else {ID: item}]


def with_changes(kind: str, item: Any, changes: list[dict[str, Any]], columns: list[str] = ()) -> Any:
    """A copy of an item with other values.

    :param changes: for each row of `rows_of_item`, name -> value
    """
    if kind == LOAD and isinstance(item, list):
        return [
            [changed.get(name, value) for name, value in zip(columns, row, strict=True)]
            for row, changed in zip(item, changes, strict=True)
        ]
    [changed] = changes
    if kind in (CREATE, UPSERT) and isinstance(item, dict):
        return {**item, **changed}
    if kind == UPDATE and isinstance(item, list):
        values = {name: value for name, value in changed.items() if name != ID}
        return [changed.get(ID, item[0]), {**item[1], **values}]
    return changed.get(ID, item)


# -- texts -----------------------------------------------------------------------------------------


def cell_of(value: Any) -> str:
    """A value as the text of a cell; nothing for null and false."""
    if value is None or value is False:
        return ""
    if isinstance(value, str):
        return value
    return str(value) if value.__class__ is int else dumps(value)


def defused(value: Any) -> str:
    """`cell_of` for a spreadsheet: a text is never a formula there. `armed` gives back any text that it was given."""
    if not isinstance(value, str):
        return cell_of(value)
    return f"'{value}" if FORMULA.match(value) else value


def armed(text: str) -> str:
    """The text that `defused` has given this form."""
    return text[1:] if text.startswith("'") and FORMULA.match(text) else text


def held(text: str) -> str:
    """A text without what no file can hold."""
    return text if text.isascii() else UNHELD.sub("?", text)


def looks_equal(before: str, now: str) -> bool:
    """Whether a cell differs at most by what a spreadsheet does to a text.

    A text without the blanks that were around it was mended: spreadsheets keep them.
    """
    if before == now:
        return True
    return now != before.strip(BLANKS) and RETOUCHED.sub("\n", before).strip() == RETOUCHED.sub("\n", now).strip()


def value_of(text: str, field_type: str | None, before: Any = None) -> Any:
    """The value that a person means by the text of a cell.

    A text that the field can't hold stays a text: what it is checked by says so.

    :param field_type: type of the field; None: a column of an import, whose values are texts
    :param before: the value it replaces
    :raises ValueError: it must be JSON, and is not
    """
    if field_type is None:
        return text
    stripped = text.strip()
    if field_type == "boolean":
        return TRUTHS.get(stripped.lower(), text)
    if not stripped:
        return False
    if isinstance(before, (dict, list)) or field_type in STRUCTURED:
        return json.loads(text)
    if field_type in WHOLE:
        return int(stripped) if re.fullmatch(r"[+-]?[0-9]{1,20}", stripped) else text
    if field_type in ("float", "monetary"):
        return float(stripped) if re.fullmatch(r"[+-]?[0-9]{1,20}(\.[0-9]{0,20})?", stripped) else text
    return text
