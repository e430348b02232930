"""Summaries of a job for people. Each reads a limited number of rows, however large the job is."""

from odoo.tools import SQL

from .planning import by_index, rows_of
from .sql import fetch


def failure_causes(cr, job_id, looked_at, limit):
    """Group the first failures of a job by error type and message without its numbers, the most frequent group first.

    :param int looked_at: most failures to read
    :param int limit: most groups to return
    :returns: rows of (failures in the group, a model, error type, an example of the message, failures read)
    """
    query = SQL(
        """
        SELECT count(*), min(model), error_type, min(message), sum(count(*)) OVER () AS looked_at
          FROM (
            SELECT model, error_type, left(message, 500) AS message
              FROM batch_failure
             WHERE %(own)s
               AND retried_at IS NULL
             ORDER BY job_id, id
             LIMIT %(looked_at)s
          ) AS failure
         GROUP BY error_type, regexp_replace(message, '[0-9]+', '#', 'g')
         ORDER BY count(*) DESC, min(message)
         LIMIT %(limit)s
        """,
        own=rows_of("job_id", job_id),
        looked_at=looked_at,
        limit=limit,
    )
    with by_index(cr):
        return fetch(cr, query)


def chunk_sizes(cr, job_id, looked_at, limit):
    """The sizes of the first chunks of a job that have run, and the speed of each size.

    :param int looked_at: most chunks to read
    :param int limit: most rows to return
    :returns: rows of (model, operation type, records in a chunk, chunks, records per second)
    """
    query = SQL(
        """
        SELECT model, operation_type, record_count, count(*), sum(record_count) / nullif(sum(duration), 0)
          FROM (
            SELECT * FROM batch_chunk WHERE job_id = %s ORDER BY id LIMIT %s
          ) AS chunk
         WHERE kind = 'records' AND state = 'done' AND record_count > 0
         GROUP BY model, operation_type, record_count
         ORDER BY model, operation_type, record_count
         LIMIT %s
        """,
        job_id,
        looked_at,
        limit,
    )
    return fetch(cr, query)


def count_unfinished_jobs(cr, user_id):
    """Number of unfinished jobs of a user, drafts included."""
    [(count,)] = fetch(cr, SQL("SELECT count(*) FROM batch_job WHERE user_id = %s AND finished_at IS NULL", user_id))
    return count
