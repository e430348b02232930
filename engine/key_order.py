"""Upserts of the same key run one after the other: the later one updates what the earlier one has made."""

import zlib

from .operation import UPSERT, Operation


def key_number(model: str, key: tuple) -> int:
    """A 32-bit mark of an upsert's key; a clash only makes two keys wait for each other."""
    return zlib.crc32(f"{model}{key!r}".encode("utf-8", "surrogatepass")) - 2**31


def order_upserts(operations: list[Operation], earlier: dict[int, str] | None = None) -> None:
    """Let each upsert wait for the one before it that has a key in common.

    An operation only waits for one of a lower level, or of its own level and a lower key level. As a chunk holds operations
    of one level and one key level, no two chunks can wait for each other, whatever priorities and groups make of their order.

    :param operations: with their levels and keys; gets `key_level` and `after`
    :param earlier: key number -> the operation of the same draft that had it last
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
    """Key number -> the operation that has this key last."""
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
