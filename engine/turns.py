"""What is done about one and the same thing takes turns: the first before the second."""

import zlib

from .spec import UPSERT, Operation


def key_number(model: str, key: tuple) -> int:
    """A 32-bit mark of an upsert's key; a clash only makes two keys wait for each other."""
    return zlib.crc32(f"{model}{key!r}".encode("utf-8", "surrogatepass")) - 2**31


def order_upserts(operations: list[Operation], earlier: dict[int, str] | None = None) -> None:
    """Let each upsert wait for the one before it that has a key in common: the later one updates what that one makes.

    An operation only waits for one of a lower level, or of its own level and a lower turn. As a chunk holds operations of
    one level and one turn, no two chunks can wait for each other, whatever priorities and groups make of their order.

    :param operations: with their levels and keys; gets `turn` and `after`
    :param earlier: key number -> the operation of the same draft that had it last
    """
    families: dict[tuple, list[Operation]] = {}
    for operation in operations:
        if operation.type == UPSERT and operation.keys:
            family = operation.model, frozenset(operation.params["key"])
            families.setdefault(family, []).append(operation)
    for (model, _names), members in families.items():
        if earlier:
            _follow(members, lambda key, model=model: earlier.get(key_number(model, key)))
        if len(members) > 1:
            _take_turns(members)


def last_of_keys(operations: list[Operation]) -> dict[int, str]:
    """Key number -> the operation that has this key last."""
    upserts = [operation for operation in operations if operation.type == UPSERT and operation.keys]
    return {
        key_number(operation.model, key): operation.operation_id
        for operation in sorted(upserts, key=_run_order)
        for key in operation.keys
        if key is not None
    }


def _follow(operations, before):
    for operation in operations:
        names = {before(key) for key in operation.keys if key is not None} - {None}
        if names:
            operation.after, operation.turn = frozenset(names), 1


def _take_turns(operations):
    last: dict[tuple, Operation] = {}
    for operation in sorted(operations, key=_run_order):
        before = {last[key].operation_id: last[key] for key in operation.keys if key in last}
        if before:
            operation.after |= before.keys()
            operation.turn = max(operation.turn, 1 + max(other.turn for other in before.values()))
        last.update((key, operation) for key in operation.keys if key is not None)


def _run_order(operation):
    return operation.level, -operation.priority, operation.position
