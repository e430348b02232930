"""Ends of jobs that are to be told, see `run.tell`; and the jobs of a user that run, for the systray.

`finish.finish` notes that an end is to be told. `take_due` counts an attempt, in a transaction of its own, so that an attempt that
kills its worker is counted; `mark_told` is part of the transaction that tells.
"""

from odoo.tools import SQL

from .job import JOB_ROW, as_job
from .planning import by_index
from .prepared import fetch_prepared
from .progress import IS_WATCHED
from .sql import NOW, fetch, fetch_dicts, seconds

#: Most jobs told by one call.
TOLD_AT_ONCE = 100
#: Attempts to tell of one end, and seconds between two of them.
MOST_ATTEMPTS = 3
NEXT_ATTEMPT_S = 60


def take_due(cr):
    """Count an attempt for jobs whose end is to be told now.

    The condition is on the start of the transaction: unlike `NOW`, PostgreSQL can look for it in the index.

    :returns: their ids, at most `TOLD_AT_ONCE`
    """
    rows = fetch_prepared(
        cr,
        SQL(
            """
            UPDATE batch_job
               SET tell_attempts = tell_attempts + 1,
                   tell_at = CASE WHEN tell_attempts + 1 < %(most)s THEN %(now)s + %(wait)s END
             WHERE id = ANY(ARRAY(
                SELECT id
                  FROM batch_job
                 WHERE tell_at <= now() AT TIME ZONE 'UTC'
                 ORDER BY tell_at
                 LIMIT %(limit)s
                   FOR NO KEY UPDATE SKIP LOCKED
             ))
            RETURNING id
            """,
            most=MOST_ATTEMPTS,
            now=NOW,
            wait=seconds(NEXT_ATTEMPT_S),
            limit=TOLD_AT_ONCE,
        ),
    )
    return [row["id"] for row in rows]


def is_due(cr):
    """Whether the end of a job is to be told now."""
    query = "SELECT 1 FROM batch_job WHERE tell_at <= now() AT TIME ZONE 'UTC' ORDER BY tell_at LIMIT 1"
    return bool(fetch(cr, SQL(query)))


def begin_log(cr, job_id):
    """Note that the log of a job has begun; returns whether it had not."""
    begun = SQL("UPDATE batch_job SET has_log = true WHERE id = %s AND has_log IS NOT TRUE RETURNING id", job_id)
    return bool(fetch(cr, begun))


def mark_told(cr, job_ids):
    """Lock jobs, and note that their end is told; leaves out those that are told already, or that have been retried.

    Call it first in a transaction.

    :returns: list of dicts: the columns of `JobRow`, `cancelled_by_id`, and `had_log`, whether its log had begun; `callback_error` if the
        action has run since the job was submitted, started or retried last; `waited_s`, the seconds since then; `is_watched`,
        whether the submitter has a browser open
    """
    return fetch_dicts(
        cr,
        SQL(
            """
            WITH untold AS (
                SELECT id AS untold_id, has_log IS TRUE AS had_log
                  FROM batch_job
                 WHERE id = ANY(%(ids)s)
                   AND tell_attempts IS NOT NULL
                   AND finished_at IS NOT NULL
                 ORDER BY id
                   FOR NO KEY UPDATE SKIP LOCKED
            )
            UPDATE batch_job
               SET tell_at = NULL, tell_attempts = NULL, has_log = true
              FROM untold
             WHERE id = untold_id
            RETURNING %(job)s, had_log, cancelled_by_id,
                      CASE WHEN called_back_at >= %(since)s THEN callback_error END AS callback_error,
                      extract(epoch FROM greatest(finished_at, called_back_at) - %(since)s)::float AS waited_s,
                      %(is_watched)s AS is_watched
            """,
            ids=list(job_ids),
            job=JOB_ROW,
            since=SQL("coalesce(awaited_since, create_date)"),
            is_watched=IS_WATCHED,
        ),
    )


def running_jobs(cr, user_id, limit):
    """Jobs of a user that run, or wait for a lane: neither drafts nor paused ones, nor those whose time has not come.

    :param int limit: most jobs to return, the newest first
    :returns: list of `JobRow`
    """
    query = SQL(
        """
        SELECT %s
          FROM batch_job
         WHERE user_id = %s
           AND state IN ('pending', 'running')
           AND (run_at IS NULL OR run_at <= %s)
         ORDER BY user_id DESC, id DESC  -- the order of the index, else PostgreSQL may read the whole table
         LIMIT %s
        """,
        JOB_ROW,
        user_id,
        NOW,
        limit,
    )
    with by_index(cr):
        return [as_job(row) for row in fetch_dicts(cr, query)]
