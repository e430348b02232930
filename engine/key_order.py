"""Upserts with the same key run one after the other: the later one updates the record of the earlier one."""

import zlib

from .operation import UPSERT, Operation


def key_number(model: str, key: tuple) -> int:
    """A 32-bit hash of an upsert's key. A collision only makes two operations wait for each other without need."""
    return zlib.crc32(f"{model}{key!r}".encode("utf-8", "surrogatepass")) - 2**31


def order_upserts(operations: list[Operation], earlier: dict[int, str] | None = None) -> None:
    """Make each upsert wait for the previous one with a common key: sets `key_level` and `after`.

    An operation only waits for one of a lower level, or of its own level and a lower key level. All operations of a chunk
    have the same level and key level, so two chunks never wait for each other, whatever their priorities and groups.

    :param operations: with their levels and keys set
    :param earlier: key number -> name of the last operation with this key among those the draft has already
    """
    families: dict[tuple, list[Operation]] = {}
    for operation in operations:
        if operation.type == UPSERT and operation.keys:
            family = operation.model, frozenset(operation.params["key"])
            families.setdefault(family, []).append(operation)
    for (model, _names), members in families.items():
        if earlier:
            _follow_earlier(members, lambda key, model=model: earlier.get(key_number(model, key)))
        if len(members) > 1:
            _follow_each_other(members)


def last_of_keys(operations: list[Operation]) -> dict[int, str]:
    """Key number -> name of the last operation with this key, in the order in which they run."""
    upserts = [operation for operation in operations if operation.type == UPSERT and operation.keys]
    return {
        key_number(operation.model, key): operation.operation_id
        for operation in sorted(upserts, key=_run_order)
        for key in operation.keys
        if key is not None
    }


def _follow_earlier(operations, before):
    for operation in operations:
        names = {before(key) for key in operation.keys if key is not None} - {None}
        if names:
            operation.after, operation.key_level = frozenset(names), 1


def _follow_each_other(operations):
    last: dict[tuple, Operation] = {}
    for operation in sorted(operations, key=_run_order):
        before = {last[key].operation_id: last[key] for key in operation.keys if key in last}
        if before:
            operation.after |= before.keys()
            operation.key_level = max(operation.key_level, 1 + max(other.key_level for other in before.values()))
        last.update((key, operation) for key in operation.keys if key is not None)


def _run_order(operation):
    return operation.level, -operation.priority, operation.position
