"""Plans the chunks of operations: splits large operations, coalesces small neighbouring ones."""

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from . import place, states
from .operation import CREATE, DELETE, UPDATE, Operation
from .payload import Payload, dumps
from .rounds import in_rounds
from .row_numbers import ROWS, within

#: Records in a stored chunk where the engine chooses the size: it is cut to that size when it is claimed.
ADAPTIVE_BLOCK = 1000


@dataclass(slots=True)
class ChunkPlan:
    """A chunk to be stored or run, in the order of `sequence`."""

    kind: str
    operation_type: str
    model: str
    payload: Payload
    priority: int = 0
    sequence: int = 0
    level: int = 0
    waits: set[str] = field(default_factory=set)  # operation_ids it must wait for
    after: set[str] = field(default_factory=set)  # those of `waits` that it follows because of a common upsert key
    group_keys: list[int] = field(default_factory=list)
    round_no: int | None = None  # it runs after chunks of its operation with lower numbers; None: order does not matter
    key_level: int = 0  # that of all its operations


def plan(operations: list[Operation], max_chunk_size: int, *, in_order: bool = False, grouped: bool = True) -> list[ChunkPlan]:
    """Split and coalesce `operations` into chunks.

    :param operations: in submission order
    :param max_chunk_size: most records in a chunk; 0: the engine chooses the size
    :param in_order: the job runs strictly in order, so only direct neighbours are coalesced. Else creates are also
        coalesced across other operations: those can't work on records that are yet to be created
    :param grouped: whether lanes may run chunks side by side. If not, `group_by` has no use, and records keep their order
    """
    planner = _Planner(max_chunk_size or ADAPTIVE_BLOCK, in_order, grouped and not in_order)
    if any(operation.priority for operation in operations):
        operations = sorted(operations, key=lambda operation: -operation.priority)
    for operation in operations:
        planner.add(operation)
    return planner.finish()


def group_key(field_name: str, value: Any) -> int:
    """A 32-bit hash of a group: the records with this value. A collision only costs some parallelism."""
    return zlib.crc32(f"{field_name}={dumps(value)}".encode()) - 2**31


def pack_groups(members: list, size: int, group_of: Callable) -> Iterator[tuple[list, list[int]]]:
    """Pack members into chunks of whole groups; a group larger than a chunk gets several chunks.

    :param size: most members in a chunk
    :param group_of: returns the `(field name, value)` of a member
    :returns: `(members, group keys)` of each chunk
    """
    groups: dict[int, list] = {}
    for member in members:
        groups.setdefault(group_key(*group_of(member)), []).append(member)
    part, keys = [], []
    for key, group in groups.items():
        if part and len(part) + len(group) > size:
            yield part, keys
            part, keys = [], []
        part, keys = part + group, [*keys, key]
        while len(part) > size:
            yield part[:size], keys
            part = part[size:]
    if part:
        yield part, keys


class _Planner:
    def __init__(self, size, in_order, has_groups):
        self.size = size
        self.in_order = in_order
        self.has_groups = has_groups
        self.names: dict[int, str] = {}  # position -> name of operations
        self.chunks: list[ChunkPlan] = []
        self.open: dict[tuple, dict[int, ChunkPlan]] = {}  # coalescing key -> key level -> the chunk that can take more
        self.grouped: dict[tuple, list[Operation]] = {}
        self.absent: dict[str, set[int]] = {}  # model -> ids to be deleted that did not exist at submission

    def add(self, operation: Operation):
        count, group_by = operation.record_count, self.has_groups and operation.group_by
        self.names[operation.position] = operation.operation_id
        if operation.absent:
            self.absent.setdefault(operation.model, set()).update(operation.absent)
        if operation.selection is not None:
            self._close_neighbours()
            self._append(operation, [operation.selection], [0], kind=states.RESOLVE)
        elif group_by and count == 1:
            key = (operation.key_level, *_coalescing_key(operation))
            if key not in self.grouped:
                self.grouped[key] = []
            self.grouped[key].append(operation)
        elif group_by and count:
            self._close_neighbours()
            self._split_groups([(operation, item) for item in range(count)], self._size_of(operation))
        elif count > self.size or _needs_own_chunk(operation):
            self._close_neighbours()
            self._split(operation)
        elif count:
            self._coalesce(operation, count)

    def finish(self):
        for operations in self.grouped.values():
            self._split_groups([(operation, 0) for operation in operations], self.size)
        if self.grouped:
            self._sort()
        for number, chunk in enumerate(self.chunks):
            chunk.sequence = place.planned(number)
            if chunk.operation_type == DELETE and (absent := self.absent.get(chunk.model)):
                chunk.payload.params["absent"] = [
                    id_ for id_ in chunk.payload.items if id_.__class__ is int and id_ in absent
                ]
        return self.chunks

    def _sort(self):
        """Put the chunks in the order of their first operations, but behind those that they follow because of a common upsert key.

        A job that runs as one transaction takes them in this order.
        """
        ranks, last = {}, {}  # of a chunk; name of an operation -> highest rank of its chunks
        for chunk in sorted(self.chunks, key=lambda chunk: (chunk.level, chunk.key_level)):
            operations = chunk.payload.operations
            rank = max(operations[0], *(last.get(name, 0) for name in chunk.after)) if chunk.after else operations[0]
            ranks[id(chunk)] = rank
            for name in {self.names[operation] for operation in operations}:
                last[name] = max(rank, last.get(name, 0))
        self.chunks.sort(key=lambda chunk: (-chunk.priority, ranks[id(chunk)], chunk.level, chunk.key_level))

    def _size_of(self, operation):
        """Most records of an operation in one chunk; the records of a set stay together, whatever their number."""
        return max(self.size, operation.record_count) if operation.params.get("set") else self.size

    def _split(self, operation):
        size, count = self._size_of(operation), operation.record_count
        if operation.item_levels is None or (self.in_order and operation.type == UPDATE):
            for first in range(0, count, size):
                self._append_items(operation, range(first, min(first + size, count)))
            return
        for round_no, parts in enumerate(in_rounds(operation.item_levels, size)):
            for part in parts:
                self._append_items(operation, part).round_no = self._round(round_no)

    def _append_items(self, operation, items):
        return self._append(
            operation, [operation.items[item] for item in items], [operation.index_of(item) for item in items]
        )

    def _round(self, number):
        """The round of a chunk; None in a job in strict order, where each chunk waits for those before it anyway."""
        return None if self.in_order else number

    def _coalesce(self, operation, count):
        key = _coalescing_key(operation)
        crosses = operation.type == CREATE and not self.in_order
        if not crosses and key not in self.open:
            self._close_neighbours()
        chunks = self.open.setdefault(key, {})
        chunk = chunks.get(operation.key_level)
        if chunk is None or len(chunk.payload) + count > self.size:
            chunk = chunks[operation.key_level] = self._append(operation, [], [])
        payload = chunk.payload
        items = range(count)
        if operation.item_levels is not None:
            chunk.round_no = self._round(0)
            if operation.type != UPDATE:  # rows that refer to others come behind them; writes keep their order anyway
                items = sorted(items, key=operation.item_levels.__getitem__)
        payload.items += [operation.items[item] for item in items]
        if count == 1:  # mostly; there may be a hundred thousand of them
            payload.operations.append(operation.position)
            payload.indexes.append(operation.index_of(0))
        else:
            payload.operations += [operation.position] * count
            payload.indexes += map(operation.index_of, items)
        if waits := _waits(operation):
            chunk.waits |= waits
            chunk.after |= operation.after

    def _close_neighbours(self):
        """Close the open chunks, because the next operation is to run after them; creates may cross it and stay open."""
        self.open = {} if self.in_order else {key: chunk for key, chunk in self.open.items() if key[2] == CREATE}

    def _split_groups(self, members, size):
        ordered = members[0][0].item_levels is not None
        last_keys, round_no = None, 0
        for part, keys in pack_groups(members, size, _group_of):
            chunk = self._append_group(part, keys)
            # items about the same record are in the same group; its parts keep their order
            round_no = round_no + 1 if last_keys and keys[0] == last_keys[-1] else 0
            last_keys = keys
            if ordered:
                chunk.round_no = self._round(round_no)

    def _append_group(self, members, keys):
        chunk = self._append(members[0][0], [], [])
        for operation, item in members:
            chunk.payload.items.append(operation.items[item])
            chunk.payload.operations.append(operation.position)
            chunk.payload.indexes.append(operation.index_of(item))
            chunk.waits |= _waits(operation)
            chunk.after |= operation.after
        chunk.group_keys = keys
        if runs := chunk.payload.params.get(ROWS):
            chunk.payload.params[ROWS] = within(runs, chunk.payload.indexes)
        return chunk

    def _append(self, operation, items, indexes, kind=states.RECORDS):
        params = {**operation.params, "return_ids": operation.return_ids}
        if indexes and ROWS in params:
            params[ROWS] = within(params[ROWS], indexes)
        if self.has_groups and operation.group_by and kind == states.RESOLVE:
            params["group_by"] = operation.group_by
        chunk = ChunkPlan(
            kind=kind,
            operation_type=operation.type,
            model=operation.model,
            payload=Payload(items, [operation.position] * len(items), indexes, params, operation.context),
            priority=operation.priority,
            level=operation.level,
            waits=set(_waits(operation)),
            after=set(operation.after),
            key_level=operation.key_level,
        )
        self.chunks.append(chunk)
        return chunk


def _waits(operation):
    if operation.depends_on or operation.after:
        return operation.refs.union(operation.depends_on, operation.after)
    return operation.refs


def _needs_own_chunk(operation):
    """Whether an operation can't share a chunk: its values are kept apart from the ids, or it is a model-level call."""
    return operation.params and not operation.params.keys().isdisjoint(("values", "model_level", "duplicates"))


def _coalescing_key(operation):
    params = dumps(operation.params) if operation.params else ""
    context = dumps(operation.context) if operation.context else ""
    return (operation.level, operation.priority, operation.type, operation.model, params, context, operation.return_ids)


def _group_of(member):
    """The group of an item. All items of an update about one record get the group of the first, so they stay in order."""
    operation, item = member
    if operation.item_levels is not None and operation.type == UPDATE:
        item = operation.first_of(item)
    return operation.group_by, _group_value(operation, item)


def _group_value(operation, item):
    if operation.group_values is not None:
        return operation.group_values[item]
    if operation.type == UPDATE:
        return operation.items[item][1].get(operation.group_by)
    return operation.items[item].get(operation.group_by)
