"""What people are shown of a job: a few rows, however large it is."""

from odoo.tools import SQL

from .planning import by_index, rows_of
from .sql import fetch


def failure_causes(cr, job_id, looked_at, limit):
    """What the first failures of a job say, numbers aside, the most frequent cause first.

    :param int looked_at: failures read at most
    :param int limit: causes returned at most
    :returns: rows of (how often, a model, error type, an example of the message, failures read)
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
    """The sizes that the first chunks of a job were run with, and how fast each was.

    :param int looked_at: chunks read at most
    :param int limit: rows returned at most
    :returns: rows of (model, operation type, records of a chunk, chunks, records per second)
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
    """How many jobs of a user are not over."""
    [(count,)] = fetch(cr, SQL("SELECT count(*) FROM batch_job WHERE user_id = %s AND finished_at IS NULL", user_id))
    return count
