"""Ends of jobs that are to be told, see `run.tell`; and the jobs of a user that run, for the systray.

`finish.finish` notes that an end is to be told. `take_due` counts an attempt, in a transaction of its own, so that an attempt that
kills its worker is counted; `mark_told` is part of the transaction that tells.
"""

from odoo.tools import SQL

from .job import JOB_ROW, as_job
from .planning import by_index, rows_of
from .prepared import fetch_prepared
from .progress import IS_WATCHED
from .sql import NOW, fetch, fetch_dicts, seconds

#: Most jobs told by one call: their rows stay locked until all of them are told, and an attempt that kills its worker counts for each.
TOLD_AT_ONCE = 10
#: Attempts to tell of one end, and seconds between two of them.
MOST_ATTEMPTS = 3
NEXT_ATTEMPT_S = 60
#: Seconds to wait for the row of a job whose attempt is given back.
LOCKED_S = 2


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
    """Lock jobs, and note that their end is told; leaves out those that are told already, that have been retried, or that somebody locks.

    Call it first in a transaction.

    :returns: list of dicts: the columns of `JobRow`, `cancelled_by_id`, and `had_log`, whether its log had begun; `callback_error` if the
        action has run since the job was submitted, started or retried last; `waited_s`, the seconds since then; `is_watched`,
        whether the submitter has a browser open; `counted`, the attempts so far
    """
    return fetch_dicts(
        cr,
        SQL(
            """
            WITH untold AS (
                SELECT id AS untold_id, has_log IS TRUE AS had_log, tell_attempts AS counted
                  FROM batch_job
                 WHERE id = ANY(%(ids)s)
                   AND tell_attempts IS NOT NULL
                   AND coalesce(finished_at, '-infinity') > '-infinity'  -- with IS NOT NULL, the index of all ended jobs may be read
                 ORDER BY id
                   FOR NO KEY UPDATE SKIP LOCKED
            )
            UPDATE batch_job
               SET tell_at = NULL, tell_attempts = NULL, has_log = true
              FROM untold
             WHERE id = untold_id
            RETURNING %(job)s, had_log, counted, cancelled_by_id,
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


def unmark_told(cr, end):
    """Take back `mark_told` for one end, in the same transaction; the attempt still counts, see `give_back`.

    :param dict end: from `mark_told`
    """
    cr.execute(
        SQL("UPDATE batch_job SET tell_attempts = %s, has_log = %s WHERE id = %s", end["counted"], end["had_log"], end["id"])
    )


def give_back(cr, job_ids):
    """Let ends be due again, and their last attempt not count, as it was not made. Leaves out those that are told by now.

    Waits a moment for rows that somebody locks: who has just had the last attempt would never be told.

    :raises psycopg2.errors.LockNotAvailable: a row stays locked
    """
    cr.execute(SQL("SELECT set_config('lock_timeout', %s, true)", f"{LOCKED_S}s"))
    cr.execute(
        SQL(
            """
            UPDATE batch_job
               SET tell_attempts = tell_attempts - 1, tell_at = %s
             WHERE id = ANY(%s)
               AND tell_attempts > 0
            """,
            NOW,
            list(job_ids),
        )
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
         WHERE %s
           AND state IN ('pending', 'running')
           AND (run_at IS NULL OR run_at <= %s)
         ORDER BY user_id DESC, id DESC
         LIMIT %s
        """,
        JOB_ROW,
        rows_of("user_id", user_id),
        NOW,
        limit,
    )
    with by_index(cr, "enable_sort", "enable_incremental_sort"):
        return [as_job(row) for row in fetch_dicts(cr, query)]
