"""Finds values that a field can't store.

Used after the database has refused a record without saying which value is wrong.
"""

import math
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from .problems import UNSAYABLE

#: Greatest value of PostgreSQL's type integer.
MAX_INTEGER = 2**31 - 1
NUMBERS = frozenset(("integer", "float", "monetary", "many2one_reference"))
TEXTS = frozenset(("char", "text", "html", "selection"))
#: Field types that accept any JSON value.
FREE = frozenset(("json", "properties", "properties_definition", "binary", "boolean"))


def can_be_id(value: Any) -> bool:
    """Whether a record can have this id; a query for a greater one fails in PostgreSQL."""
    return value.__class__ is int and 0 < value <= MAX_INTEGER


def is_wrong(kind: str, value: Any) -> bool:
    """Whether a field of this type can't store a value, as far as the value itself shows.

    :param kind: the field type
    """
    if value is None or value is False:
        return False
    if kind == "many2one":
        return value is True or not _is_number(value, whole=True)
    if kind in ("date", "datetime"):
        return not isinstance(value, date) and not _is_instant(value)
    if kind in NUMBERS:
        return not _is_number(value, whole=kind not in ("float", "monetary"))
    if kind in TEXTS:
        return isinstance(value, (dict, list, tuple)) or any(map(_is_unstorable, texts_in(value)))
    if kind in ("one2many", "many2many"):
        commands = isinstance(value, (list, tuple)) and all(map(_is_command, value))
        return not commands or any(map(_is_unstorable, texts_in(value)))
    return kind not in FREE and any(map(_is_unstorable, texts_in(value)))


def _is_number(value, whole):
    try:
        number = float(value) if not whole or isinstance(value, float) else int(value)
    except (TypeError, ValueError, OverflowError):
        return False
    return abs(number) <= MAX_INTEGER if whole else math.isfinite(number)  # isfinite also refuses NaN


def _is_instant(value):
    try:
        datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return False
    return True


def _is_command(value):
    return value.__class__ is int or (isinstance(value, (list, tuple)) and 2 <= len(value) <= 3 and value[0] in range(7))


def _is_unstorable(text):
    found = UNSAYABLE.search(text)
    return bool(found) and (found[0] == "\x00" or "\ud800" <= found[0] <= "\udfff")


def texts_in(value: Any) -> Iterator[str]:
    """All texts inside a value, at any depth."""
    stack = [value]
    while stack:
        value = stack.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            stack += [*value.keys(), *value.values()]
        elif isinstance(value, (list, tuple)):
            stack += value
