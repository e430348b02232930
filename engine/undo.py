"""Divides the changes of a job into the chunks of the job that takes them back."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .payload import Payload
from .sizing import TARGET_BYTES


@dataclass(frozen=True, slots=True)
class Undone:
    """An operation whose changes are taken back by an operation of the new job."""

    id: int  # of the new operation
    changes: int
    context: dict


@dataclass(slots=True)
class _Part:
    """Changes that run in one chunk: of records of one model, each of which occurs once."""

    model: str
    context: dict
    items: list = field(default_factory=list)
    operations: list = field(default_factory=list)
    indexes: list = field(default_factory=list)
    records: set[int] = field(default_factory=set)
    bytes: int = 0  # of the values that the chunk will read

    def takes(self, other: "_Part", size: int) -> bool:
        """Whether the changes of another part may run in this chunk as well."""
        return (
            self.model == other.model
            and self.context == other.context
            and len(self.items) + len(other.items) <= size
            and self.bytes + other.bytes <= TARGET_BYTES
            and self.records.isdisjoint(other.records)
        )

    def extend(self, other: "_Part") -> None:
        self.items += other.items
        self.operations += other.operations
        self.indexes += other.indexes
        self.records |= other.records
        self.bytes += other.bytes


class UndoPlanner:
    """Makes chunks of changes, which come newest first.

    A record that was changed twice is not twice in a chunk: it is taken back step by step. Operations share a chunk only if all their
    changes are in it, as operations that share chunks must. A chunk ends before `TARGET_BYTES` of values, as it reads all of them.

    :param operations: id of an operation -> its `Undone`
    :param size: most changes in a chunk
    :param params: of all chunks
    :param following: change -> the next change of the same record, where there is one
    """

    def __init__(self, operations: dict[int, Undone], size: int, params: dict[str, Any], following: dict[int, int]):
        self.operations = operations
        self.size = size
        self.params = params
        self.following = following
        self.open: _Part | None = None  # whole operations that more may join
        self.run: _Part | None = None  # the last changes, all of one operation
        self.running: int | None = None  # that operation

    def add(self, change: dict) -> Iterator[tuple[str, Payload]]:
        """Add a change; yields `(model, payload)` of each chunk that is complete.

        :param change: id, operation_id, index, model, record_id, bytes
        """
        undone = self.operations[change["operation_id"]]
        run = self.run
        if run is None or (
            self.running != change["operation_id"]
            or run.model != change["model"]
            or len(run.items) == self.size
            or run.bytes + change["bytes"] > TARGET_BYTES
            or change["record_id"] in run.records
        ):
            yield from self._close_run()
            self.running, self.run = change["operation_id"], _Part(change["model"], undone.context)
            run = self.run
        item = [change["record_id"], change["id"]]
        if change["id"] in self.following:
            item.append(self.following[change["id"]])
        run.items.append(item)
        run.operations.append(undone.id)
        run.indexes.append(change["index"])
        run.records.add(change["record_id"])
        run.bytes += change["bytes"]

    def finish(self) -> Iterator[tuple[str, Payload]]:
        """Yield the chunks that are left."""
        yield from self._close_run()
        yield from self._close_open()

    def _close_run(self):
        run, self.run = self.run, None
        if run is None:
            return
        is_whole = len(run.items) == self.operations[self.running].changes
        if is_whole and self.open and self.open.takes(run, self.size):
            self.open.extend(run)
            return
        yield from self._close_open()
        if is_whole:
            self.open = run
        else:
            yield self._chunk(run)

    def _close_open(self):
        part, self.open = self.open, None
        if part is not None:
            yield self._chunk(part)

    def _chunk(self, part):
        return part.model, Payload(part.items, part.operations, part.indexes, dict(self.params), part.context)
