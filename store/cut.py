"""Cuts a claimed block of records to the size of a chunk, where the engine chooses the size (`max_chunk_size` 0) or a limit does."""

from odoo.tools import SQL

from ..engine import sizing, states
from ..engine.options import ROLLBACK_CHUNK
from .awake import lanes_awake
from .chunk_row import read_claim
from .parts import insert_beside
from .sizing import learned_of
from .sql import NOW, fetch

#: Most waiting chunks that are looked at, to see how much of a job is left: the end is near where there are fewer.
FAR = 50
#: A block that is larger than the size by up to this factor is not cut at the end of a job: what is left would not pay.
CRUMBS = 1.25


def needs_cutting(row):
    """Whether a claimed chunk is a block whose size the engine chooses.

    :param dict row: of the chunk, with `CHUNK_COLUMNS` and `JOB_COLUMNS`
    """
    return row["max_chunk_size"] == 0 and row["kind"] == states.RECORDS and row["record_count"] > sizing.SIZES[0]


def cut_to_size(cr, row, lanes, paces):
    """Keep as many records of a block as the next chunk should have; store the rest as pending chunks.

    While the best size is not known yet, the rest is stored as one block; later it is cut into chunks at once.

    :param dict row: of the claimed chunk, with `in_flight`; updated to what is kept
    :param int lanes: lanes that probably share the job, this one included
    :param dict paces: of this lane: see `take_chunk`
    :raises ChunkBroken: the row can't be read
    """
    count = row["record_count"]
    claim = read_claim(row)
    pace = paces.get(claim.lesson_key)
    target_s = claim.timeout_s / 2 if claim.timeout_s else sizing.TARGET_S
    learned = sizing.at_pace(learned_of(cr, claim.model, claim.lesson_kind), pace)
    failed = row["failed_records"]
    choice = sizing.choose(
        learned,
        len(row["payload"]) / count,
        target_s=target_s,
        most=sizing.MOST_UNDONE if row["rollback"] == ROLLBACK_CHUNK else sizing.SIZES[-1],
        failing=failed / (failed + row["processed_records"]) if failed else 0.0,
    )
    if lanes > 1:
        lanes = max(lanes, lanes_awake(cr))
    lanes = min(max(lanes, row["in_flight"] + 1), row["max_concurrency"])
    most = choice.size
    if lanes > 1:
        choice = sizing.share(choice, learned, _records_left(cr, row, learned), lanes)
    if pace is None:
        choice = sizing.first(choice, target_s)
    if count <= max(choice.size, min(choice.size * CRUMBS, most)):
        return
    keep_first(cr, row, claim, choice.size, choice.size if choice.is_settled else None)


def keep_first(cr, row, claim, size, size_of_others=None):
    """Keep the first records of a claimed chunk. Those that are left are stored beside it, to be cut again when they are claimed.

    :param dict row: of the chunk, with `CHUNK_COLUMNS`; updated
    :param claim: the `Claim` read from it
    :param int size: how many records it keeps
    :param int size_of_others: how many records each chunk of the others has; None: they are one chunk
    """
    first, rest = claim.payload.cut(size)
    if rest is None:
        return
    row["payload"], row["record_count"], row["operation_id"] = first.encode(), len(first), first.sole_operation
    insert_beside(cr, claim, rest.split(size_of_others) if size_of_others else [rest], len(first))
    cr.execute(
        SQL(
            "UPDATE batch_chunk SET payload = %s, record_count = %s, operation_id = %s WHERE id = %s",
            row["payload"],
            row["record_count"],
            row["operation_id"],
            row["id"],
        )
    )


def _records_left(cr, row, learned):
    """Records of the job that have not run yet, about: those of the claimed chunk, waiting ones, and the rest of those in flight.

    What is not found yet, or waits for other operations, is not known. More than `FAR` chunks are not counted.
    """
    query = SQL(
        """
        (
            SELECT record_count, NULL AS seconds
              FROM batch_chunk
             WHERE job_id = %(job)s AND state = 'pending'
             ORDER BY sequence, id
             LIMIT %(far)s
        )
        UNION ALL
        (
            SELECT record_count, extract(epoch FROM %(now)s - claimed_at)::float
              FROM batch_chunk
             WHERE job_id = %(job)s AND state = 'running' AND id <> %(id)s
             ORDER BY claimed_at
             LIMIT %(far)s
        )
        """,
        job=row["job_id"],
        id=row["id"],
        now=NOW,
        far=FAR,
    )
    left = row["record_count"]
    for count, seconds in fetch(cr, query):
        done = seconds / expected if seconds and (expected := sizing.expected_s(learned, count)) else 0.0
        left += count * max(1 - done, 0.0)
    return left
