"""Operations that have to do with the same records run one after the other: upserts with a common key, of which the later one updates what
the earlier one has made, and imports (`load`) of a record that an earlier one has made, or that refer to one by its external id.
"""

import zlib

from .external_ids import defined_names, referred_names
from .operation import LOAD, UPSERT, Operation


def key_number(model: str, key: tuple) -> int:
    """A 32-bit hash of an upsert's key. A collision only makes two operations wait for each other without need."""
    return _number(f"{model}{key!r}")


def order_keys(operations: list[Operation], earlier: dict[int, str] | None = None) -> None:
    """Make each operation wait for the previous one with a common key or external id: sets `key_level` and `after`.

    An operation only waits for one of a lower level, or of its own level and a lower key level. All operations of a chunk
    have the same level and key level, so two chunks never wait for each other, whatever their priorities and groups.

    :param operations: with their levels, keys and columns of ids set
    :param earlier: key number -> name of the last operation with this key or external id among those the draft has already
    """
    families: dict[tuple, list[Operation]] = {}
    for operation in operations:
        if operation.type == UPSERT and operation.keys:
            family = operation.model, frozenset(operation.params["key"])
            families.setdefault(family, []).append(operation)
        elif operation.type == LOAD and operation.id_columns:
            families.setdefault((LOAD,), []).append(operation)
    for members in families.values():
        if earlier:
            _follow_earlier(members, earlier)
        if len(members) > 1:
            _follow_each_other(members)


def last_of_keys(operations: list[Operation]) -> dict[int, str]:
    """Key number -> name of the last operation with this key or external id, in the order in which they run."""
    found: dict[int, str] = {}
    for operation in sorted(operations, key=_run_order):
        found.update(dict.fromkeys(_numbers(operation, _defined(operation)), operation.operation_id))
    return found


def numbers_of(operations: list[Operation]) -> set[int]:
    """The key numbers that operations are to look for among those the draft has already."""
    return {number for operation in operations for number in _numbers(operation, _met(operation))}


def _follow_earlier(operations, earlier):
    for operation in operations:
        names = {earlier.get(number) for number in _numbers(operation, _met(operation))} - {None}
        if names:
            operation.after, operation.key_level = frozenset(names), 1


def _follow_each_other(operations):
    last: dict = {}
    for operation in sorted(operations, key=_run_order):
        before = {last[key].operation_id: last[key] for key in _met(operation) if key in last}
        if before:
            operation.after |= before.keys()
            operation.key_level = max(operation.key_level, 1 + max(other.key_level for other in before.values()))
        last.update(dict.fromkeys(_defined(operation), operation))


def _defined(operation):
    """The keys, or the external ids, of an operation's records."""
    if operation.type == UPSERT:
        return {key for key in operation.keys or () if key is not None}
    return {name for names in defined_names(operation) for name in names}


def _met(operation):
    """The same, and the external ids of other records that they refer to."""
    return _defined(operation).union(*referred_names(operation))


def _numbers(operation, keys):
    if operation.type == UPSERT:
        return {key_number(operation.model, key) for key in keys}
    return set(map(_number, keys))


def _number(text):
    return zlib.crc32(text.encode("utf-8", "surrogatepass")) - 2**31


def _run_order(operation):
    return operation.level, -operation.priority, operation.position
