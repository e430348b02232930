"""A retry of chunks: those that were cancelled are put back, those that have failures leave these to new chunks.

Nothing of a job runs meanwhile. Each statement that sets chunks back returns what they no longer count (`GivenUp`), read from
their own rows: `store/retry_counters.py` takes just that from the counters of operations and of the job.
"""

from dataclasses import dataclass

from odoo.tools import SQL

from .planning import rows_of
from .sql import NOW, fetch_dicts

#: Whether something in a chunk is to run again.
_IS_WANTED = SQL(
    """
    kind IN ('records', 'resolve') AND (state = 'cancelled' OR state = 'done' AND failed_records + cancelled_records > 0)
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenUp:
    """What a chunk no longer counts since it was put back; `operation_id` is None where several operations share it."""

    chunk_id: int
    operation_id: int | None
    failed: int
    cancelled: int
    found: int


def chunks_after(cr, job_id, chunk_id, limit):
    """The next chunks of a job, in the order of their ids, without their payloads.

    :returns: dicts with id, kind, state, record_count and is_wanted: whether something in the chunk is to run again
    """
    return _chunks(cr, SQL("%s ORDER BY job_id, id LIMIT %s", rows_of("job_id", job_id, chunk_id), limit))


def chunks_by_id(cr, chunk_ids):
    """The same of these chunks."""
    return _chunks(cr, SQL("id = ANY(%s) ORDER BY id", chunk_ids))


def _chunks(cr, condition):
    query = SQL(
        "SELECT id, kind, state, record_count, %s AS is_wanted FROM batch_chunk WHERE %s", _IS_WANTED, condition
    )
    return fetch_dicts(cr, query)


def chunks_as_run(cr, chunk_ids):
    """Of chunks what is the same when their records run again, with their payloads, in order."""
    return fetch_dicts(
        cr,
        SQL(
            """
            SELECT id, kind, operation_type, model, sequence, payload, wait_ids IS NOT NULL AS waits, group_keys,
                   round_no
              FROM batch_chunk
             WHERE id = ANY(%s)
             ORDER BY id
            """,
            chunk_ids,
        ),
    )


def shared_payloads(cr, chunk_ids):
    """Id and payload of those of these chunks that several operations share: only the payload says whose records they hold."""
    return fetch_dicts(
        cr, SQL("SELECT id, payload FROM batch_chunk WHERE id = ANY(%s) AND operation_id IS NULL", chunk_ids)
    )


def set_aside(cr, chunk_ids, message):
    """End chunks whose payload is damaged. Their records stay as they are counted, so all counters stay true.

    :param str message: what people are told of each
    """
    cr.execute(SQL("UPDATE batch_chunk SET state = 'done', error = %s WHERE id = ANY(%s)", message, chunk_ids))


def put_back_cancelled(cr, chunk_ids):
    """Put chunks back that were never run; returns what each has `GivenUp`."""
    return _given_up(
        cr,
        chunk_ids,
        SQL(
            """
            UPDATE batch_chunk AS chunk
               SET state = CASE
                        WHEN cardinality(wait_ids) > 0 OR round_no IS NOT NULL AND operation_id IS NOT NULL THEN 'blocked'
                        ELSE 'pending'
                   END,
                   runs_alone = NULL, finished_at = NULL, cancelled_records = 0, found_records = 0, tallied = false,
                   attempt = 0, run_at = NULL
              FROM old
             WHERE chunk.id = old.id
               AND chunk.id = ANY(%s)  -- else PostgreSQL may read all of them to join some
            """,
            chunk_ids,
        ),
    )


def leave_standing(cr, left):
    """Let chunks that have run count no more failures than stand; their other failed records run again, in other chunks.

    :param dict left: chunk id -> how many failed and how many skipped records stand
    :returns: what each has `GivenUp`
    """
    chunk_ids = list(left)
    return _given_up(
        cr,
        chunk_ids,
        SQL(
            """
            UPDATE batch_chunk AS chunk
               SET failed_records = stands.failed,
                   cancelled_records = stands.skipped,
                   record_count = CASE chunk.kind
                        WHEN 'records' THEN chunk.processed_records + stands.failed + stands.skipped ELSE 0
                   END,
                   found_records = CASE chunk.kind WHEN 'resolve' THEN 0 ELSE chunk.found_records END
              FROM unnest(%(ids)s::integer[], %(failed)s::integer[], %(skipped)s::integer[]) AS stands (id, failed, skipped)
              JOIN old ON old.id = stands.id
             WHERE chunk.id = stands.id
               AND chunk.id = ANY(%(ids)s)  -- else PostgreSQL may read all of them to join some
            """,
            ids=chunk_ids,
            failed=[failed for failed, _skipped in left.values()],
            skipped=[skipped for _failed, skipped in left.values()],
        ),
    )


def _given_up(cr, chunk_ids, update):
    """Run an update of chunks that is joined with `old`, their counters before; returns what each has `GivenUp`."""
    rows = fetch_dicts(
        cr,
        SQL(
            """
              WITH old AS MATERIALIZED (
                SELECT id, failed_records, cancelled_records, found_records FROM batch_chunk WHERE id = ANY(%s)
              )
            %s
            RETURNING chunk.id AS chunk_id, chunk.operation_id,
                      old.failed_records - chunk.failed_records AS failed,
                      old.cancelled_records - chunk.cancelled_records AS cancelled,
                      old.found_records - chunk.found_records AS found
            """,
            chunk_ids,
            update,
        ),
    )
    return [GivenUp(**row) for row in rows]


# -- their failures -------------------------------------------------------------------------------


def standing_failures(cr, chunk_ids):
    """Failures of chunks that stand, skipped records among them, by chunk; in the order of their places.

    Chunk by chunk in a subquery of its own, so that PostgreSQL takes the index of chunks, whatever it believes of how many
    failures each has and how few of them stand: new as they are, it has not counted them.

    :returns: chunk id -> list of dicts with id, chunk_id, operation_id, index, values and is_skipped
    """
    rows = fetch_dicts(
        cr,
        SQL(
            """
            SELECT failure.id, wanted.id AS chunk_id, operation_id, index, values, is_skipped
              FROM unnest(%s::integer[]) AS wanted (id)
             CROSS JOIN LATERAL (
                SELECT id, operation_id, index, values, is_skipped, retried_at
                  FROM batch_failure
                 WHERE chunk_id = wanted.id
                OFFSET 0
             ) AS failure
             WHERE failure.retried_at IS NULL
             ORDER BY wanted.id, operation_id, index
            """,
            chunk_ids,
        ),
    )
    by_chunk = {}
    for row in rows:
        by_chunk.setdefault(row["chunk_id"], []).append(row)
    return by_chunk


def retire_failures(cr, failure_ids):
    """Their records run again: these failures are history from now on."""
    cr.execute(SQL("UPDATE batch_failure SET retried_at = %s WHERE id = ANY(%s)", NOW, failure_ids))
