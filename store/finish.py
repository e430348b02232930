"""Ends a job: cancels chunks that have not started, closes operations, sets the final state.

The caller has locked the job.
"""

from odoo.tools import SQL

from ..engine import states
from ..engine.effects import EFFECT_COLUMNS
from .chunk_row import UNRUN_FOUND, UNRUN_RECORDS
from .clock import STOP_CLOCK
from .job import update_job
from .sql import NOW, fetch

#: Chunks cancelled by one call: this takes some tenths of a second, in which nobody else can lock their job.
CANCELLED_AT_ONCE = 5000
#: Counters of an atomic job that are the sums of its chunks.
_COUNTED = ("processed_records", "failed_records", "cancelled_records", *EFFECT_COLUMNS)


def request_stop(cr, job_id, reason=None, user_id=None):
    """Request that no more chunks of a job start; its final state then follows from what has run.

    :param str reason: error of the job, for people; None: a user has cancelled it
    :param int user_id: that user
    """
    assignments = SQL(
        """
        cancelled_by_id = CASE WHEN cancel_requested_at IS NULL THEN %s ELSE cancelled_by_id END,
        cancel_requested_at = coalesce(cancel_requested_at, %s)
        """,
        user_id,
        NOW,
    )
    update_job(cr, job_id, SQL("%s, error = %s", assignments, reason) if reason else assignments)


def is_stop_requested(cr, job_id):
    """Whether no more chunks of a job may start; False where the job does not exist."""
    rows = fetch(cr, SQL("SELECT cancel_requested_at IS NOT NULL FROM batch_job WHERE id = %s", job_id))
    return rows == [(True,)]


def cancel_waiting(cr, job_id):
    """Cancel chunks that have not started, up to `CANCELLED_AT_ONCE`; skip those that another lane is claiming.

    One statement per partial index, each in the order of that index, so that PostgreSQL uses it.

    :returns: whether there may be more
    :raises psycopg2.errors.SerializationFailure: at REPEATABLE READ, one of them was claimed since the snapshot of this transaction.
        Not logged: `run.change.cancel` leaves the rest to lanes
    """
    left = CANCELLED_AT_ONCE
    for state in (SQL("state = 'pending'"), SQL("state IN ('blocked', 'held')")):
        cr.execute(
            SQL(
                """
                UPDATE batch_chunk
                   SET state = 'cancelled',
                       cancelled_records = %(records)s,
                       found_records = %(found)s,
                       finished_at = %(now)s,
                       tallied = false
                 WHERE id = ANY(ARRAY(
                    SELECT id
                      FROM batch_chunk
                     WHERE job_id = %(job)s
                       AND %(state)s
                     ORDER BY sequence, id
                     LIMIT %(limit)s
                       FOR NO KEY UPDATE SKIP LOCKED
                 ))
                """,
                records=UNRUN_RECORDS,
                found=UNRUN_FOUND,
                now=NOW,
                job=job_id,
                state=state,
                limit=left,
            ),
            log_exceptions=False,
        )
        left -= cr.rowcount
        if not left:
            return True
    return False


def unfinished(cr, job_id):
    """Whether a job has pending, running, and waiting (blocked or held) chunks.

    Each query has the order of an index, else PostgreSQL may read the whole table.

    :returns: `(pending, running, waiting)`, each True or None
    """
    [found] = fetch(
        cr,
        SQL(
            """
            SELECT (
                SELECT true FROM batch_chunk WHERE job_id = %(id)s AND state = 'pending' ORDER BY sequence, id LIMIT 1
            ), (
                SELECT true FROM batch_chunk WHERE job_id = %(id)s AND state = 'running' ORDER BY claimed_at LIMIT 1
            ), (
                SELECT true
                  FROM batch_chunk
                 WHERE job_id = %(id)s
                   AND state IN ('blocked', 'held')
                 ORDER BY sequence, id
                 LIMIT 1
            )
            """,
            id=job_id,
        ),
    )
    return found


def close_operations(cr, job_id):
    """Set the final state of operations that have not run, or not completely, when their job ends."""
    cr.execute(
        SQL(
            """
            UPDATE batch_operation
               SET cancelled_records = record_count - processed_records - failed_records,
                   state = CASE
                        WHEN record_count = 0 THEN 'completed'
                        WHEN processed_records > 0 THEN 'partial'
                        WHEN failed_records > 0 THEN 'failed'
                        ELSE 'cancelled'
                   END,
                   finished_at = %s
             WHERE job_id = %s
               AND state IN ('pending', 'running')
            """,
            NOW,
            job_id,
        )
    )


def count_whole(cr, job_id):
    """Set the counters of an atomic job to the sums of its chunks, however often it has run.

    Its error becomes that of its last driver: why everything was rolled back.
    """
    cr.execute(
        SQL(
            """
            UPDATE batch_job
               SET (%(columns)s) = (
                    SELECT %(sums)s
                      FROM batch_chunk AS chunk
                     WHERE chunk.job_id = batch_job.id
                   ),
                   error = coalesce((
                        SELECT error
                          FROM batch_chunk
                         WHERE job_id = %(id)s
                           AND kind = 'atomic'
                           AND error IS NOT NULL
                         ORDER BY id DESC
                         LIMIT 1
                   ), error)
             WHERE id = %(id)s
            """,
            id=job_id,
            columns=SQL(", ").join(map(SQL.identifier, _COUNTED)),
            sums=SQL(", ").join(SQL("coalesce(sum(chunk.%s), 0)", SQL.identifier(column)) for column in _COUNTED),
        )
    )


def finish(cr, job_id, state, has_action):
    """Set the final state of a job whose chunks are all settled and counted.

    :param str state: see `states.job_state`
    :param bool has_action: keep the job in the queue, because the chunk that runs its action is still to be claimed
    """
    cr.execute(
        SQL(
            """
            UPDATE batch_job
               SET state = %(state)s,
                   -- so far only operations that ran are counted; `close_operations` has closed others
                   (completed_operations, failed_operations) = (
                        SELECT count(*) FILTER (WHERE operation.state = 'completed'),
                               count(*) FILTER (WHERE operation.state = ANY(%(failed)s))
                          FROM batch_operation AS operation
                         WHERE operation.job_id = batch_job.id
                   ),
                   finished_at = coalesce(finished_at, %(now)s),
                   started_at = coalesce(started_at, %(now)s),
                   %(stop_clock)s,
                   releasing = false,
                   waits_for_limit = NULL,
                   ready = %(has_action)s,
                   wake_at = NULL,
                   tell_at = CASE WHEN NOT %(has_action)s THEN %(now)s END,  -- else once the action has run
                   tell_attempts = CASE WHEN NOT %(has_action)s THEN 0 END
             WHERE id = %(id)s
            """,
            id=job_id,
            state=state,
            failed=list(states.OPERATION_FAILED),
            now=NOW,
            stop_clock=STOP_CLOCK,
            has_action=has_action,
        )
    )


def wait_for_disk(cr):
    """Reset `synchronous_commit` for this transaction, so that its commit waits for the disk.

    Most commits of lanes don't wait. But a job that was seen as finished must still be finished after a power cut.
    """
    cr.execute(
        """
        SELECT set_config('synchronous_commit', reset_val, true) FROM pg_settings WHERE name = 'synchronous_commit'
        """
    )


def set_called_back(cr, job_id, error):
    """Record that the action of a job has run. Now the job's end can be told.

    :param str error: why it failed, or None
    """
    assignments = SQL(
        """
        called_back_at = %(now)s, callback_error = %(error)s,
        -- unless it was retried meanwhile: then it has another end
        tell_at = CASE WHEN finished_at IS NOT NULL THEN %(now)s END,
        tell_attempts = CASE WHEN finished_at IS NOT NULL THEN 0 END
        """,
        now=NOW,
        error=error,
    )
    update_job(cr, job_id, assignments)
