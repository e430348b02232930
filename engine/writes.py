"""Decides which writes may be merged or split without changing their effect."""

from collections.abc import Callable
from datetime import date
from typing import Any

from .payload import copied, dumps
from .references import SCALARS, is_ref

#: Commands with the same effect in one write for all records or in several. many2many: unlink, link, clear and set, but not
#: those that create, change or delete a record. one2many: create and clear, because each record gets its own lines; a line
#: can be linked to one record only.
REPEATABLE = {"many2many": frozenset((3, 4, 5, 6)), "one2many": frozenset((0, 5))}


def has_own_effect(field_type: str, value: Any) -> bool:
    """Whether one write of a value on several records differs from several writes of it.

    :param field_type: type of the field that gets the value
    """
    if value.__class__ in SCALARS or isinstance(value, date):
        return False
    codes = REPEATABLE.get(field_type)
    if codes is None:
        return not is_ref(value)
    return not (isinstance(value, (list, tuple)) and all(_code(command) in codes for command in value))


def group_by_values(pairs: list, type_of: Callable[[str], str]) -> list[tuple[dict, list]]:
    """Merge writes on different records that have the same values, where that changes no effect.

    Only neighbours: a write may change other records, so none overtakes one with other values.

    :param pairs: `[id, values]` of each record
    :param type_of: returns the type of a field, by its name
    :returns: `(values, ids)` of each write
    """
    groups: list[tuple[Any, dict, list]] = []
    for place, (record_id, values) in enumerate(pairs):
        is_separate = any(has_own_effect(type_of(name), value) for name, value in values.items())
        key = place if is_separate else dumps(values)
        if not groups or groups[-1][0] != key:
            groups.append((key, values, []))
        groups[-1][2].append(record_id)
    return [(copied(values), ids) for _key, values, ids in groups]


def _code(command):
    return command[0] if isinstance(command, (list, tuple)) and command and command[0].__class__ is int else None
