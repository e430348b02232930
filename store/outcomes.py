"""What became of each record of a job, read in pages: its chunks, their failures, its operations."""

from odoo.tools import SQL

from ..engine.effects import EFFECT_COLUMNS
from ..engine.operations import PRODUCES_IDS
from .changes import PAGE_BYTES
from .planning import by_index, rows_of
from .sql import fetch, fetch_dicts

#: Chunks read at once, at most.
CHUNKS = 500


def chunks_after(cr, job_id, chunk_id):
    """The next chunks of a job, in the order of their ids: at most `CHUNKS`, and no more than `PAGE_BYTES`, but one at least.

    :param int chunk_id: id of the chunk before them, or 0
    :returns: dicts with id, operation_id, operation_type, kind, state, the counters, outcomes, result, and payload; the result is of operations
        that make records, and the payload None where the outcomes name all records
    """
    is_told = SQL(
        """
        chunk.kind = 'records' AND chunk.state = 'done' AND chunk.operation_id IS NOT NULL AND chunk.outcomes IS NOT NULL
        AND chunk.operation_type = ANY(%s) AND chunk.processed_records = chunk.record_count
        """,
        list(PRODUCES_IDS),
    )
    query = SQL(
        """
        SELECT chunk.id, operation_id, operation_type, kind, state, processed_records, failed_records, cancelled_records, %(effects)s,
               outcomes,
               CASE WHEN operation_type = ANY(%(producing)s) THEN result END AS result,
               CASE WHEN NOT page.is_told THEN payload END AS payload
          FROM (  -- lengths are known without reading the texts
            SELECT id, is_told,
                   row_number() OVER (ORDER BY id) AS place,
                   sum(length) OVER (ORDER BY id) AS bytes
              FROM (
                SELECT chunk.id, %(is_told)s AS is_told,
                       coalesce(octet_length(chunk.outcomes), 0) + coalesce(octet_length(chunk.result), 0)
                       + CASE WHEN %(is_told)s THEN 0 ELSE coalesce(octet_length(chunk.payload), 0) END AS length
                  FROM (
                    SELECT id FROM batch_chunk WHERE %(own)s ORDER BY job_id, id LIMIT %(limit)s
                  ) AS page
                  JOIN batch_chunk AS chunk ON chunk.id = page.id
             ) AS chunk
         ) AS page
          JOIN batch_chunk AS chunk ON chunk.id = page.id
         WHERE page.bytes <= %(most)s OR page.place = 1
         ORDER BY chunk.id
        """,
        effects=SQL(", ").join(map(SQL.identifier, EFFECT_COLUMNS)),
        producing=list(PRODUCES_IDS),
        is_told=is_told,
        own=rows_of("job_id", job_id, chunk_id),
        limit=CHUNKS,
        most=PAGE_BYTES,
    )
    with by_index(cr, "enable_hashjoin", "enable_mergejoin"):
        return fetch_dicts(cr, query)


def failures_of(cr, chunk_ids):
    """Failures of chunks whose records have not run again, dismissed ones included.

    :returns: chunk id -> (operation id, index) -> (id of the failure, whether the record was skipped, id of the record or None)
    """
    rows = fetch(
        cr,
        SQL(
            """
            SELECT wanted.id, operation_id, index, failure.id, is_skipped, record_id
              FROM unnest(%s::integer[]) AS wanted (id)
             CROSS JOIN LATERAL (  -- see `retry.standing_failures`
                SELECT id, operation_id, index, is_skipped, record_id, retried_at FROM batch_failure WHERE chunk_id = wanted.id OFFSET 0
             ) AS failure
             WHERE failure.retried_at IS NULL
            """,
            chunk_ids,
        ),
    )
    found = {}
    for chunk_id, operation_id, index, id_, is_skipped, record_id in rows:
        found.setdefault(chunk_id, {})[operation_id, index] = id_, bool(is_skipped), record_id
    return found


def operations_after(cr, job_id, position, limit):
    """The next operations of a job, in order.

    :param int position: of the operation before them, or -1
    :param int limit: most rows
    :returns: dicts with id, position, name, type, state, the counters, error, outcomes, and result; the result is of those that make records
    """
    query = SQL(
        """
        SELECT id, position, operation_id AS name, operation_type AS type, state, record_count, processed_records, failed_records, error,
               outcomes, CASE WHEN operation_type = ANY(%s) THEN result END AS result
          FROM batch_operation
         WHERE job_id = %s
           AND position > %s
         ORDER BY position
         LIMIT %s
        """,
        list(PRODUCES_IDS),
        job_id,
        position,
        limit,
    )
    return fetch_dicts(cr, query)


def messages_of(cr, failure_ids):
    """The messages of failures, by id."""
    return dict(fetch(cr, SQL("SELECT id, message FROM batch_failure WHERE id = ANY(%s)", list(failure_ids))))
