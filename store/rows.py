"""Dataclasses of new operations and chunks, whose fields are named like the columns, and their insertion by COPY."""

from dataclasses import dataclass, field, fields
from decimal import Decimal
from operator import attrgetter

from ..engine import states
from ..engine.payload import Payload
from .copy import copy_rows


@dataclass(slots=True, kw_only=True)
class NewOperation:
    """A new row of `batch_operation`; other columns get the defaults of the table.

    `details` and `depends_on` are JSON texts.
    """

    id: int
    job_id: int
    position: int
    operation_id: str
    operation_type: str
    model: str
    priority: int
    details: str | None = None
    depends_on: str | None = None
    return_ids: bool = True
    data_length: int = 0
    state: str = states.PENDING
    is_awaited: bool = False
    record_count: int = 0


@dataclass(slots=True, kw_only=True)
class NewChunk:
    """A new row of `batch_chunk`.

    `operation_id` (None where operations share the chunk) and `record_count` are set from the payload. `wait_ids` are the
    operations it waits for; an empty list means that they have ended, and that their results are read when it runs.
    """

    job_id: int
    kind: str
    payload: Payload
    operation_type: str | None = None
    model: str | None = None
    state: str = states.PENDING
    sequence: float = 0  # see `engine.place`
    operation_id: int | None = field(init=False)
    wait_ids: list[int] | None = None
    group_keys: list[int] | None = None
    round_no: Decimal | None = None
    record_count: int = field(init=False)
    processed_records: int = 0
    failed_records: int = 0
    cancelled_records: int = 0
    found_records: int = 0
    completed_operations: int = 0
    failed_operations: int = 0
    attempt: int = 0
    claims: int = 0
    tallied: bool = False

    def __post_init__(self):
        has_records = self.kind in (states.RECORDS, states.RESOLVE)
        self.operation_id = self.payload.sole_operation if has_records else None
        self.record_count = len(self.payload) if self.kind == states.RECORDS else 0
        self.group_keys = self.group_keys or None

    @classmethod
    def of_job(cls, job_id, kind, model=None):
        """A chunk that stands for a whole job: its driver (`states.ATOMIC`) or its action (`states.CALLBACK`)."""
        return cls(job_id=job_id, kind=kind, model=model, payload=Payload([None], [0], [0]))


def insert_operations(cr, operations):
    """Insert `NewOperation`s.

    :param operations: iterable
    :raises Exception: whatever the iterable raises; the transaction stays usable
    """
    _insert(cr, "batch_operation", NewOperation, operations)


def insert_chunks(cr, chunks):
    """Insert `NewChunk`s.

    :param chunks: iterable
    :raises Exception: whatever the iterable or the encoding of a payload raises; the transaction stays usable
    """
    _insert(cr, "batch_chunk", NewChunk, chunks)


def _insert(cr, table, kind, rows):
    columns = [column.name for column in fields(kind)]
    values = map(attrgetter(*columns), rows)
    if "payload" in columns:
        place = columns.index("payload")
        values = ((*row[:place], row[place].encode(), *row[place + 1 :]) for row in values)
    copy_rows(cr, table, columns, values)
