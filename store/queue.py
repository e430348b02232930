"""The queue of jobs: puts jobs in, takes them out, and says when lanes should look again.

A function that changes a job locks its row, if the caller has not. Lock order is job, then chunk, then operation. A lane skips
locked jobs; it waits for the lock only in `wake`.
"""

from odoo.tools import SQL

from ..engine import states
from .limit_queue import FIRST_WAITING, WAITING_OF_USER
from .prepared import fetch_prepared
from .progress import IS_WATCHED
from .sql import NOW, fetch, seconds

#: Lanes look at a parked job again after this many seconds at the latest, in case they have missed a change.
LOOK_AGAIN_S = 5
#: Seconds until lanes look again at a job that could not be counted or advanced.
PUT_OFF_S = 60
#: Seconds between two searches for orphaned chunks, while any chunk is running.
RUNNING_LOOK_S = 1.0


def enqueue(cr, job_id):
    """Put a job into the queue, at once or at its `run_at`.

    Its position is that of the first job of its priority plus the number of jobs that its user has in the queue; with a limit, that of
    the first one that waits for the limit, and these count as well.

    :returns: whether its submitter has a browser open
    """
    [(is_watched,)] = fetch(
        cr,
        SQL(
            """
            UPDATE batch_job
               SET ready = run_at IS NULL OR run_at <= now() AT TIME ZONE 'UTC',
                   wake_at = CASE WHEN run_at > now() AT TIME ZONE 'UTC' THEN run_at END,
                   queue_position = coalesce(%(first_waiting)s, (
                        SELECT other.queue_position
                          FROM batch_job AS other
                         WHERE other.ready
                           AND other.priority = batch_job.priority
                         ORDER BY other.queue_position, other.id
                         LIMIT 1
                    ), 0) + %(waiting)s + (SELECT count(*) FROM batch_job AS own WHERE own.ready AND own.user_id = batch_job.user_id)
             WHERE id = %(id)s
            RETURNING %(is_watched)s
            """,
            id=job_id,
            first_waiting=FIRST_WAITING,
            waiting=WAITING_OF_USER,
            is_watched=IS_WATCHED,
        ),
    )
    return is_watched


def promote(cr):
    """Put parked jobs whose time has come into the queue."""
    fetch_prepared(
        cr,
        SQL(
            """
            UPDATE batch_job
               SET ready = true, wake_at = NULL
             WHERE id = ANY(ARRAY(
                SELECT id
                  FROM batch_job
                 WHERE NOT ready
                   AND wake_at <= %s
                   FOR NO KEY UPDATE SKIP LOCKED
             ))
            RETURNING id
            """,
            NOW,
        ),
    )


def wake(cr, job_id):
    """Put a parked job back into the queue, after one of its chunks was settled or put back.

    This waits for the lock: a lane that is just parking the job has not seen the change.
    """
    rows = fetch(
        cr,
        SQL(
            """
            SELECT ready
              FROM batch_job
             WHERE id = %s
               AND (state = ANY(%s) OR on_complete_id IS NOT NULL AND called_back_at IS NULL)
               FOR NO KEY UPDATE
            """,
            job_id,
            [*states.JOB_ACTIVE, states.PAUSED],
        ),
    )
    if rows == [(False,)]:
        cr.execute(SQL("UPDATE batch_job SET ready = true, wake_at = NULL WHERE id = %s", job_id))


def put_off(cr, job_id):
    """Take a job that can't be counted or advanced out of the queue for `PUT_OFF_S`, so that lanes run the others."""
    cr.execute(
        SQL("UPDATE batch_job SET ready = false, waits_for_limit = NULL, wake_at = %s + %s WHERE id = %s", NOW, seconds(PUT_OFF_S), job_id)
    )


def leave(cr, job_id):
    """Take a job that has nothing left to do out of the queue."""
    cr.execute(SQL("UPDATE batch_job SET ready = false, waits_for_limit = NULL, wake_at = NULL WHERE id = %s", job_id))


def park(cr, job_id):
    """Take a locked job without a chunk to claim out of the queue, until something may have changed."""
    cr.execute(
        SQL(
            """
            UPDATE batch_job
               SET ready = false,
                   waits_for_limit = NULL,
                   wake_at = CASE
                        -- paused, and nothing in flight: until it is resumed
                        WHEN state = 'paused' AND (
                            SELECT true
                              FROM batch_chunk
                             WHERE job_id = %(id)s
                               AND state = 'running'
                             ORDER BY claimed_at  -- the order of the index, else PostgreSQL may read the whole table
                             LIMIT 1
                        ) IS NULL THEN NULL
                        ELSE least(
                            %(now)s + %(look_again)s,
                            (
                                SELECT min(run_at)
                                  FROM batch_chunk
                                 WHERE job_id = %(id)s
                                   AND state = 'pending'
                                   AND run_at IS NOT NULL
                            )
                        )
                   END
             WHERE id = %(id)s
            """,
            id=job_id,
            now=NOW,
            look_again=seconds(LOOK_AGAIN_S),
        )
    )


def seconds_until_work(cr):
    """Seconds until there may be something to claim, or an end to tell: 0 for now; None: not before something changes.

    Each query has the order of an index; with EXISTS, PostgreSQL may read whole tables.
    """
    [(ready, parked_s, tell_s, limit_s, running)] = fetch(
        cr,
        SQL(
            """
            SELECT (SELECT true FROM batch_job WHERE ready ORDER BY priority DESC, queue_position, id LIMIT 1),
                   (SELECT extract(epoch FROM min(wake_at) - %s) FROM batch_job WHERE NOT ready AND wake_at IS NOT NULL),
                   (SELECT extract(epoch FROM min(tell_at) - %s) FROM batch_job WHERE tell_at IS NOT NULL),
                   (SELECT extract(epoch FROM min(wake_at) - %s) FROM batch_limit WHERE wake_at IS NOT NULL),
                   (SELECT true FROM batch_chunk WHERE state = 'running' ORDER BY job_id, claimed_at LIMIT 1)
            """,
            NOW,
            NOW,
            NOW,
        ),
    )
    if ready:
        return 0.0
    looks = [float(due_s) for due_s in (parked_s, tell_s, limit_s) if due_s is not None]
    if running:
        looks.append(RUNNING_LOOK_S)
    return max(min(looks), 0.0) if looks else None
