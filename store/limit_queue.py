"""Jobs that wait for their named limit, and when lanes look at them again.

A job that waits for its limit is out of the queue. One at a time is put back: by a chunk that has ended, by a claim that leaves room
for another, and at the `wake_at` of the limit, in case the worker that should have done so is gone.
"""

from odoo.tools import SQL

from ..engine.limit import MIN_RECORDS_PER_SECOND
from .prepared import fetch_prepared
from .sql import NOW, STATEMENT_NOW, seconds

#: Seconds after which a job that waits is looked at, where no time is known at which it may start.
LOOK_S = 1.0
#: Seconds after which a job returns to the queue, whatever its limit says: there it is counted, and waits again.
RETURN_S = 300
#: Jobs that have not started yet are put to wait together, as many at once.
PARKED_AT_ONCE = 500
#: Place of the first other job with the priority of the row `batch_job`, which waits for the same limit; NULL where there is none.
FIRST_WAITING = SQL(
    """
    (
        SELECT other.queue_position
          FROM batch_job AS other
         WHERE other.limit_id = batch_job.limit_id
           AND other.waits_for_limit
           AND NOT other.ready
           AND other.priority = batch_job.priority
           AND other.id <> batch_job.id
         ORDER BY other.queue_position, other.id
         LIMIT 1
    )
    """
)
#: `engine.limit.Limit.window_s` of the row `batch_limit`, where its records are limited.
WINDOW = SQL(
    "greatest(1, 1 / greatest(max_records_per_second, %s)) * interval '1 second'", MIN_RECORDS_PER_SECOND
)
#: Number of jobs of the user of the row `batch_job` that wait for the limit of the row `batch_job`; 0 without a limit.
WAITING_OF_USER = SQL(
    """
    (
        SELECT count(*)
          FROM batch_job AS own
         WHERE own.limit_id = batch_job.limit_id
           AND own.user_id = batch_job.user_id
           AND own.waits_for_limit
           AND NOT own.ready
    )
    """
)


def wait_for_limit(cr, job_id, limit_id):
    """Take a locked job out of the queue until its limit has room, and with it the others of its limit that have not started yet."""
    cr.execute(
        SQL(
            """
            UPDATE batch_job
               SET ready = false,
                   waits_for_limit = true,
                   wake_at = %(now)s + %(return)s
             WHERE id = ANY(ARRAY(
                SELECT id
                  FROM batch_job
                 WHERE limit_id = %(limit)s
                   AND ready
                   AND state = 'pending'
                   AND total_records > 0
                   AND cancel_requested_at IS NULL
                   AND reopening IS NOT TRUE
                   AND releasing IS NOT TRUE
                 ORDER BY priority DESC, queue_position, id
                 LIMIT %(many)s
                   FOR NO KEY UPDATE SKIP LOCKED
             ) || %(id)s)
            """,
            id=job_id,
            limit=limit_id,
            now=NOW,
            many=PARKED_AT_ONCE,
            **{"return": seconds(RETURN_S)},
        )
    )


def wake_first(cr, limit_id):
    """Put the first job that waits for a locked limit back into the queue.

    :returns: whether there is one
    """
    query = SQL(
        """
        UPDATE batch_job
           SET ready = true, wake_at = NULL
         WHERE id = (
            SELECT id
              FROM batch_job
             WHERE limit_id = %s
               AND waits_for_limit
               AND NOT ready
             ORDER BY priority DESC, queue_position, id
             LIMIT 1
               FOR NO KEY UPDATE SKIP LOCKED
         )
        RETURNING id
        """,
        limit_id,
    )
    return bool(fetch_prepared(cr, query))


def look_again(cr, limit_id, wait_s=None):
    """Set when lanes look again at the jobs that wait for a locked limit; once more at most, where none waits.

    :param wait_s: seconds until then; None: `LOOK_S`
    """
    fetch_prepared(
        cr,
        SQL(
            """
            UPDATE batch_limit
               SET wake_at = CASE WHEN waits THEN %(now)s + %(wait)s END
              FROM (
                SELECT coalesce((
                    SELECT true
                      FROM batch_job
                     WHERE limit_id = %(id)s
                       AND waits_for_limit
                       AND NOT ready
                     ORDER BY priority DESC, queue_position, id
                     LIMIT 1
                ), false) AS waits
              ) AS found
             WHERE id = %(id)s
               -- one that is due before stays, and so does one that is due soon though none waits: whoever changes the numbers
               -- of the limit should find its row at rest
               AND CASE
                    WHEN waits THEN wake_at IS NULL OR wake_at < %(now)s OR wake_at > %(now)s + %(wait)s
                    ELSE wake_at < %(now)s OR wake_at > %(now)s + %(look)s
               END
            RETURNING id
            """,
            id=limit_id,
            now=NOW,
            wait=seconds(LOOK_S if wait_s is None else wait_s),
            look=seconds(LOOK_S),
        ),
    )


def due(cr):
    """Ids of limits whose waiting jobs are to be looked at now."""
    return [row["id"] for row in fetch_prepared(cr, SQL("SELECT id FROM batch_limit WHERE wake_at <= %s ORDER BY wake_at", NOW))]


def interrupted(cr, limit_ids):
    """After attempts that were rolled back: what they have run counts for a second more, and others that wait may start then."""
    for limit_id in sorted(limit_ids):
        cr.execute(
            SQL(
                """
                UPDATE batch_limit
                   SET next_at = CASE
                        WHEN max_records_per_second > 0
                        THEN greatest(next_at, %(now)s + %(window)s)
                        ELSE next_at
                   END,
                       wake_at = %(now)s
                 WHERE id = %(id)s
                """,
                id=limit_id,
                now=NOW,
                window=WINDOW,
            )
        )


def hold_shares(cr, job_ids):
    """Before chunks of these jobs are deleted: what those that have just ended hold of a limit is held on, as nothing starts until then."""
    cr.execute(
        SQL(
            """
            UPDATE batch_limit
               SET next_at = greatest(next_at, held.until)
              FROM (
                SELECT batch_limit.id, max(chunk.finished_at) + %(window)s AS until
                  FROM batch_job AS job
                  JOIN batch_limit ON batch_limit.id = job.limit_id AND max_records_per_second > 0
                 CROSS JOIN LATERAL (
                    SELECT finished_at
                      FROM batch_chunk
                     WHERE limit_id = batch_limit.id
                       AND job_id = job.id
                       AND limit_share > 0
                       AND finished_at > %(now)s - %(window)s
                 ) AS chunk
                 WHERE job.id = ANY(%(jobs)s)
                 GROUP BY batch_limit.id
              ) AS held
             WHERE batch_limit.id = held.id
            """,
            jobs=list(job_ids),
            now=STATEMENT_NOW,
            window=WINDOW,
        )
    )


def numbers_changed(cr, limit_ids):
    """Let lanes look at the jobs that wait for these limits, whose numbers have changed; a pause is cut to what it would be now."""
    cr.execute(
        SQL(
            """
            UPDATE batch_limit
               SET next_at = CASE
                        WHEN max_records_per_second > 0 AND next_at > %(now)s
                        THEN least(next_at, %(now)s + %(window)s)
                   END,
                   wake_at = %(now)s
             WHERE id = ANY(%(ids)s)
            """,
            ids=list(limit_ids),
            now=NOW,
            window=WINDOW,
        )
    )
