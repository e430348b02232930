"""Which writes may be put together, and which may be cut: those whose values have no effect of their own per write."""

from collections.abc import Callable
from datetime import date
from typing import Any

from .payload import copied, dumps
from .references import SCALARS, is_ref

#: Commands that come to the same however many writes give them. Of a many2many: unlink, link, clear and set, not those that
#: create, change or delete a record. Of a one2many: create and clear, as each record gets lines of its own; but a line can
#: be linked to one record only.
REPEATABLE = {"many2many": frozenset((3, 4, 5, 6)), "one2many": frozenset((0, 5))}


def has_own_effect(field_type: str, value: Any) -> bool:
    """Whether it makes a difference if some records get a value by one write, or by several."""
    if value.__class__ in SCALARS or isinstance(value, date):
        return False
    codes = REPEATABLE.get(field_type)
    if codes is None:
        return not is_ref(value)
    return not (isinstance(value, (list, tuple)) and all(_code(command) in codes for command in value))


def group_by_values(pairs: list, type_of: Callable[[str], str]) -> list[tuple[dict, list]]:
    """`[id, values]` pairs of different records -> (values, ids) with as few writes as come to the same.

    :param type_of: the type of a field, by its name
    """
    groups: dict[Any, tuple[dict, list]] = {}
    for place, (record_id, values) in enumerate(pairs):
        is_separate = any(has_own_effect(type_of(name), value) for name, value in values.items())
        groups.setdefault(place if is_separate else dumps(values), (values, []))[1].append(record_id)
    return [(copied(values), ids) for values, ids in groups.values()]


def _code(command):
    return command[0] if isinstance(command, (list, tuple)) and command and command[0].__class__ is int else None
