"""Retries chunks: puts cancelled ones back, and takes failed records out of those that have run, for new chunks.

No chunk of the job runs meanwhile. Each statement returns by how much it has reduced the counters of chunks (`GivenUp`);
`store/retry_counters.py` subtracts the same from the counters of operations and of the job.
"""

from dataclasses import dataclass

from odoo.tools import SQL

from .chosen import add_dismissed
from .planning import rows_of
from .sql import NOW, fetch, fetch_dicts

#: Whether records of a chunk are to run again.
_IS_WANTED = SQL(
    """
    kind IN ('records', 'resolve') AND (state = 'cancelled' OR state = 'done' AND failed_records + cancelled_records > 0)
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenUp:
    """By how much the counters of a chunk were reduced; `operation_id` is None where operations share the chunk."""

    chunk_id: int
    operation_id: int | None
    failed: int
    cancelled: int
    found: int


def chunks_after(cr, job_id, chunk_id, limit):
    """The next chunks of a job, in the order of their ids, without their payloads.

    :param int chunk_id: id of the chunk before them, or 0
    :param int limit: most rows
    :returns: dicts with id, kind, state, record_count and is_wanted: whether records of the chunk are to run again
    """
    query = SQL(
        "SELECT id, kind, state, record_count, %s AS is_wanted FROM batch_chunk WHERE %s ORDER BY job_id, id LIMIT %s",
        _IS_WANTED,
        rows_of("job_id", job_id, chunk_id),
        limit,
    )
    return fetch_dicts(cr, query)


def chunks_as_run(cr, chunk_ids):
    """What new chunks need of chunks whose records run again, with their payloads, in order: list of dicts."""
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
    """Id and payload of the chunks, among these, that operations share: only the payload says which operations those are.

    :returns: list of dicts
    """
    return fetch_dicts(
        cr, SQL("SELECT id, payload FROM batch_chunk WHERE id = ANY(%s) AND operation_id IS NULL", chunk_ids)
    )


def end_unreadable(cr, chunk_ids, message):
    """End chunks whose payload is damaged. Their counters stay unchanged, so those of operations and job stay correct.

    :param str message: their error, for people
    """
    cr.execute(SQL("UPDATE batch_chunk SET state = 'done', error = %s WHERE id = ANY(%s)", message, chunk_ids))


def put_back_cancelled(cr, chunk_ids):
    """Put back cancelled chunks.

    :returns: list of `GivenUp`
    """
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
               AND chunk.id = ANY(%s)  -- else PostgreSQL may read all chunks for the join
            """,
            chunk_ids,
        ),
    )


def reduce_to_remaining(cr, left):
    """Reduce the counters of chunks that have run to the failures that remain; their other failed records run again elsewhere.

    :param dict left: chunk id -> `(failed records, skipped records)` that remain
    :returns: list of `GivenUp`
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
               AND chunk.id = ANY(%(ids)s)  -- else PostgreSQL may read all chunks for the join
            """,
            ids=chunk_ids,
            failed=[failed for failed, _skipped in left.values()],
            skipped=[skipped for _failed, skipped in left.values()],
        ),
    )


def _given_up(cr, chunk_ids, update):
    """Run an update of chunks that joins `old`, their counters before it; returns a list of `GivenUp`."""
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
    """Failures of chunks that have not been retried, with skipped records and dismissed failures, by operation and index.

    A subquery per chunk makes PostgreSQL use the index on chunks: it has no statistics of new failures yet.

    :returns: chunk id -> list of dicts with id, chunk_id, operation_id, index, values, is_skipped and is_dismissed
    """
    rows = fetch_dicts(
        cr,
        SQL(
            """
            SELECT failure.id, wanted.id AS chunk_id, operation_id, index, values, is_skipped,
                   dismissed_at IS NOT NULL AS is_dismissed
              FROM unnest(%s::integer[]) AS wanted (id)
             CROSS JOIN LATERAL (
                SELECT id, operation_id, index, values, is_skipped, retried_at, dismissed_at
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


def retire_failures(cr, job_id, failure_ids):
    """Mark failures of a job as history, because their records run again."""
    rows = fetch(
        cr,
        SQL(
            "UPDATE batch_failure SET retried_at = %s WHERE id = ANY(%s) RETURNING dismissed_at IS NOT NULL", NOW, failure_ids
        ),
    )
    if dismissed := sum(was_dismissed for (was_dismissed,) in rows):
        add_dismissed(cr, job_id, -dismissed)
