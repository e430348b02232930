"""A claimed chunk: the columns to read, and the dataclass made of the row."""

import json
import zlib
from dataclasses import dataclass
from decimal import Decimal

from odoo.tools import SQL

from ..engine import sizing, states
from ..engine.payload import Payload
from ..exceptions import ChunkBroken
from .sql import fetch_dicts

#: Columns of a chunk's row that a claim needs; the table has the alias `chunk`.
CHUNK_COLUMNS = SQL(
    """
    chunk.id, claims, attempt, kind, operation_id, operation_type, model, sequence, payload, record_count,
    wait_ids IS NOT NULL AS waits, group_keys, round_no, runs_alone, chunk.limit_id, chunk.limit_share
    """
)
#: Columns of its job's row that a claim needs.
JOB_COLUMNS = SQL(
    """
    id AS job_id, user_id, company_id, context, timeout, retry_attempts, rollback, dry_run, strict, skip_unchanged, track_changes,
    max_failures, max_failures_share, max_chunk_size, is_atomic, started_by, traceparent,
    max_concurrency, is_ordered, total_records, processed_records, failed_records
    """
)
#: Records that a chunk counts if it never runs. The records of a selection's page are unknown: it counts one.
UNRUN_RECORDS = SQL("CASE kind WHEN 'resolve' THEN 1 ELSE record_count END")
#: How many of those the totals of its operation and job don't include yet.
UNRUN_FOUND = SQL("CASE kind WHEN 'resolve' THEN 1 ELSE 0 END")
#: The two keys of the session-level advisory lock on a claim, held while its chunk runs: of all of them, and of this one.
WORK_GROUP = zlib.crc32(b"batch_executor.work") - 2**31
WORK_KEY = SQL("mod(chunk.id::bigint * 1000 + chunk.claims, 2147483647)::integer")
WORK_LOCK = SQL("%s, %s", WORK_GROUP, WORK_KEY)


@dataclass(slots=True)
class Claim:
    """A claimed chunk. It belongs to this lane as long as `claims` of its row equals `number`."""

    chunk_id: int
    number: int  # `claims` of the row when it was claimed: the fencing token
    attempt: int
    kind: str
    operation_id: int | None
    operation_type: str
    model: str
    sequence: float  # see `engine.place`
    payload: Payload
    waits: bool  # whether operations of this chunk depend on others
    group_keys: list
    round_no: Decimal | None  # set where its records, and the chunks of its operation, must run in order
    runs_alone: bool  # only while no other chunk of its job is in flight
    job_id: int
    user_id: int
    company_id: int  # in which the job was submitted
    context: dict
    timeout_s: float | None
    retry_attempts: int
    rollback: str
    max_failures: int
    max_failures_share: float
    chunk_size: int
    is_atomic: bool
    is_dry_run: bool
    is_ordered: bool  # everything runs strictly in the order of the submission
    is_strict: bool
    tracks_changes: bool
    skips_unchanged: bool
    job_records: int  # records of the job, as far as they are counted
    in_flight: int  # other chunks of the job that were running when it was claimed
    started_by: list  # ids of actions, see the field of the job
    traceparent: str | None  # of the request that has submitted the job
    limit_id: int | None = None  # the limit that it was claimed under
    share: int = 0  # records that it may run in any `share_window_s`; 0: no limit of records
    share_window_s: float = 0.0
    transaction: str | None = None  # PostgreSQL's id of the transaction of its work, once that has begun

    def __str__(self):
        return f"job {self.job_id} chunk {self.chunk_id} attempt {self.attempt}"

    @property
    def size(self):
        """Number of items."""
        return len(self.payload)

    @property
    def lesson_kind(self):
        """What its time teaches of, beside the model: see `engine.sizing.kind_of`."""
        return sizing.kind_of(self.operation_type, self.payload.params)

    @property
    def lesson_key(self):
        """The job, and what its time teaches of."""
        return self.job_id, self.model, self.lesson_kind

    @property
    def is_adaptive(self):
        """Whether the engine chose its size."""
        return self.chunk_size == 0 and not self.is_atomic

    @property
    def may_teach(self):
        """Whether its time is worth to be measured."""
        is_slowed = 0 < self.share < self.size
        return self.kind == states.RECORDS and sizing.bucket(self.size) is not None and not is_slowed


def read_claim(row):
    """The `Claim` of a row.

    :param dict row: with `CHUNK_COLUMNS` and `JOB_COLUMNS`, optionally `in_flight`
    :raises ChunkBroken: the row can't be read; its `__cause__` says why
    """
    try:
        return make_claim(row)
    except Exception as error:
        raise ChunkBroken(row["id"]) from error


def make_claim(row):
    """Like `read_claim`, without its error.

    :raises Exception: whatever decoding the payload or context raises
    """
    return Claim(
        chunk_id=row["id"],
        number=row["claims"],
        attempt=row["attempt"],
        kind=row["kind"],
        operation_id=row["operation_id"],
        operation_type=row["operation_type"],
        model=row["model"],
        sequence=row["sequence"],
        payload=Payload.decode(row["payload"]),
        waits=row["waits"],
        group_keys=row["group_keys"] or [],
        round_no=row["round_no"],
        runs_alone=bool(row["runs_alone"]),
        job_id=row["job_id"],
        user_id=row["user_id"],
        company_id=row["company_id"],
        context=json.loads(row["context"] or "{}"),
        timeout_s=row["timeout"] or None,
        retry_attempts=row["retry_attempts"],
        rollback=row["rollback"],
        max_failures=row["max_failures"],
        max_failures_share=row["max_failures_share"] or 0,
        chunk_size=row["max_chunk_size"],
        is_atomic=row["is_atomic"],
        is_dry_run=row["dry_run"],
        is_ordered=bool(row["is_ordered"]),
        is_strict=bool(row["strict"]),
        tracks_changes=bool(row["track_changes"]),
        skips_unchanged=bool(row["skip_unchanged"]),
        job_records=row["total_records"],
        in_flight=row.get("in_flight", 0),
        started_by=row["started_by"] or [],
        traceparent=row["traceparent"],
        limit_id=row["limit_id"],
        share=row["limit_share"] or 0,
        share_window_s=row.get("limit_window_s", 0.0),
    )


def claim_of_chunk(cr, job_id, row):
    """The `Claim` of a chunk's row; reads the row of its job.

    :param dict row: with `CHUNK_COLUMNS`
    :raises ChunkBroken: the row can't be read; its `__cause__` says why
    """
    [job] = fetch_dicts(cr, SQL("SELECT %s FROM batch_job WHERE id = %s", JOB_COLUMNS, job_id))
    return read_claim({**job, **row})
