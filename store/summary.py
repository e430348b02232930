"""Summaries of a job for people. Each reads a limited number of rows, however large the job is."""

from odoo.tools import SQL

from .findings import STANDING
from .planning import by_index
from .sql import fetch, fetch_dicts

#: Causes that are found, and those of them that are shown; and how many failures of each are counted to tell which.
CAUSES_FOUND = 200
CAUSES_SHOWN = 20
COUNTED_TO_RANK = 500


def failure_causes(cr, job_id, counted_to):
    """The most frequent causes of a job's failures that stand.

    The index is skipped through from cause to cause, so that as many rows are read whether a cause has ten failures or
    a hundred thousand. Of the first `CAUSES_FOUND` causes, those with the most failures are returned.

    :param int counted_to: most failures of a cause to count
    :returns: dicts with error_type, cause, number (failures, at most one more than `counted_to`), an example's id, message and model, and found:
        the number of causes found
    """
    query = SQL(
        """
          WITH RECURSIVE found AS (
            SELECT ''::varchar AS error_type, ''::varchar AS cause, 0 AS place
             UNION ALL
            SELECT next.error_type, next.cause, found.place + 1
              FROM found
             CROSS JOIN LATERAL (
                SELECT error_type, cause
                  FROM batch_failure
                 WHERE (job_id, error_type, cause) > (%(job)s, found.error_type, found.cause)
                   AND job_id <= %(job)s
                   AND %(standing)s
                 ORDER BY job_id, error_type, cause
                 LIMIT 1
             ) AS next
             WHERE found.place < %(most)s
          ),
          frequent AS (
            SELECT found.*, count(*) OVER () AS all_found
              FROM found
             CROSS JOIN LATERAL (SELECT count(*) AS number FROM (%(ranked)s) AS few) AS ranked
             WHERE place > 0
             ORDER BY ranked.number DESC, place
             LIMIT %(shown)s
          )
        SELECT frequent.error_type, frequent.cause, counted.number, example.id, example.message, example.model,
               frequent.all_found AS found
          FROM frequent
         CROSS JOIN LATERAL (SELECT count(*) AS number FROM (%(counted)s) AS all_of_it) AS counted
         CROSS JOIN LATERAL (
            SELECT id, left(message, 500) AS message, model
              FROM batch_failure
             WHERE %(same)s
             ORDER BY job_id, error_type, cause
             LIMIT 1
         ) AS example
         ORDER BY counted.number DESC, frequent.place
        """,
        job=job_id,
        standing=STANDING,
        most=CAUSES_FOUND,
        shown=CAUSES_SHOWN,
        ranked=_of_cause(job_id, "found", COUNTED_TO_RANK),
        counted=_of_cause(job_id, "frequent", counted_to + 1),
        same=_same_cause(job_id, "frequent"),
    )
    with by_index(cr, "enable_incremental_sort"):
        return fetch_dicts(cr, query)


def _of_cause(job_id, alias, limit):
    return SQL("SELECT 1 FROM batch_failure WHERE %s LIMIT %s", _same_cause(job_id, alias), limit)


def _same_cause(job_id, alias):
    return SQL(
        "job_id = %s AND error_type = %s AND cause = %s AND %s",
        job_id,
        SQL.identifier(alias, "error_type"),
        SQL.identifier(alias, "cause"),
        STANDING,
    )


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
