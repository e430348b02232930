"""A claimed chunk: the columns that make it up, and the row read into a dataclass."""

import json
import zlib
from dataclasses import dataclass
from decimal import Decimal

from odoo.tools import SQL

from ..engine.payload import Payload
from ..exceptions import ChunkBroken
from .sql import fetch_dicts

#: What a claim needs of a chunk's row, which is called `chunk`.
CHUNK_COLUMNS = SQL(
    """
    chunk.id, claims, attempt, kind, operation_id, operation_type, model, sequence, payload, record_count,
    wait_ids IS NOT NULL AS waits, group_keys, round_no, runs_alone
    """
)
#: What it needs of its job's row.
JOB_COLUMNS = SQL(
    """
    id AS job_id, user_id, context, timeout, retry_attempts, rollback, dry_run, strict, max_failures, max_chunk_size,
    is_atomic,
    total_records - processed_records - failed_records - cancelled_records AS remaining
    """
)
#: How many records a chunk stands for that was never run. Those of a selection's page are not known: it stands for one.
UNRUN_RECORDS = SQL("CASE kind WHEN 'resolve' THEN 1 ELSE record_count END")
#: How many of them its operation and its job have not counted among theirs.
UNRUN_FOUND = SQL("CASE kind WHEN 'resolve' THEN 1 ELSE 0 END")
#: Key of the session's advisory lock on a claim, held while its chunk is worked on.
WORK_LOCK = SQL(
    "%s, mod(chunk.id::bigint * 1000 + chunk.claims, 2147483647)::integer", zlib.crc32(b"batch_executor.work") - 2**31
)


@dataclass(slots=True)
class Claim:
    """A chunk that is ours as long as its row still says `number`."""

    chunk_id: int
    number: int  # `claims` of the row at our claim: the fencing token
    attempt: int
    kind: str
    operation_id: int | None
    operation_type: str
    model: str
    sequence: float  # see `engine.place`
    payload: Payload
    waits: bool  # whether operations of this chunk depend on others
    group_keys: list
    round_no: Decimal | None  # set where the order matters in which its records, and chunks of its operation, are run
    runs_alone: bool  # with no other chunk of its job in flight
    job_id: int
    user_id: int
    context: dict
    timeout_s: float | None
    retry_attempts: int
    rollback: str
    max_failures: int
    chunk_size: int
    is_atomic: bool
    is_dry_run: bool
    is_strict: bool
    in_flight: int  # other chunks of the job that were running when it was claimed
    transaction: str | None = None  # PostgreSQL's number of the transaction of its work, once that has begun

    def __str__(self):
        return f"job {self.job_id} chunk {self.chunk_id} attempt {self.attempt}"

    @property
    def size(self):
        return len(self.payload)


def read_claim(row):
    """The `Claim` of a row with `CHUNK_COLUMNS` and `JOB_COLUMNS`.

    :raises ChunkBroken: the row can't be read; the cause says why
    """
    try:
        return make_claim(row)
    except Exception as error:
        raise ChunkBroken(row["id"]) from error


def make_claim(row):
    """The `Claim` of a row with `CHUNK_COLUMNS` and `JOB_COLUMNS`, and `in_flight` where it is known.

    :raises Exception: whatever decoding its payload or context raises
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
        context=json.loads(row["context"] or "{}"),
        timeout_s=row["timeout"] or None,
        retry_attempts=row["retry_attempts"],
        rollback=row["rollback"],
        max_failures=row["max_failures"],
        chunk_size=row["max_chunk_size"],
        is_atomic=row["is_atomic"],
        is_dry_run=row["dry_run"],
        is_strict=bool(row["strict"]),
        in_flight=row.get("in_flight", 0),
    )


def claim_of_chunk(cr, job_id, row):
    """The `Claim` of a row with `CHUNK_COLUMNS`; what it needs of its job is read.

    :raises ChunkBroken: the row can't be read; the cause says why
    """
    [job] = fetch_dicts(cr, SQL("SELECT %s FROM batch_job WHERE id = %s", JOB_COLUMNS, job_id))
    return read_claim({**job, **row})
