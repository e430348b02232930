"""The end of a job: what has not started is cancelled, what is left is closed, the job gets its final state.

Under the lock of the job.
"""

from odoo.tools import SQL

from ..engine import states
from .chunk_row import UNRUN_FOUND, UNRUN_RECORDS
from .clock import STOP_CLOCK
from .job import update_job
from .sql import NOW, fetch

#: Waiting chunks cancelled by one call: some tenths of a second, in which nobody else can lock their job.
CANCELLED_AT_ONCE = 5000


def request_stop(cr, job_id, reason=None):
    """Let nothing more of a job start; it ends as what it has come to.

    :param str reason: told as its error; None: somebody has cancelled it
    """
    assignments = SQL("cancel_requested_at = coalesce(cancel_requested_at, %s)", NOW)
    update_job(cr, job_id, SQL("%s, error = %s", assignments, reason) if reason else assignments)


def is_stop_requested(cr, job_id):
    """Whether nothing more of a job is to start. False also where there is no such job."""
    rows = fetch(cr, SQL("SELECT cancel_requested_at IS NOT NULL FROM batch_job WHERE id = %s", job_id))
    return rows == [(True,)]


def cancel_waiting(cr, job_id):
    """Cancel chunks that have not started, up to `CANCELLED_AT_ONCE`; what another lane is just claiming is left to it.

    Each state by itself and in the order of its index, so that PostgreSQL takes no other.

    :returns: whether there may be more
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
            )
        )
        left -= cr.rowcount
        if not left:
            return True
    return False


def unfinished(cr, job_id):
    """Whether a job has chunks that are pending, that run, and that wait for others.

    Ordered as the indexes are: without, PostgreSQL may look for a row through the whole table.

    :returns: each as True or None
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
    """Give operations their final state that were never run, or not to the end, once their job is over."""
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
                   finished_at = clock_timestamp() AT TIME ZONE 'UTC'
             WHERE job_id = %s
               AND state IN ('pending', 'running')
            """,
            job_id,
        )
    )


def count_whole(cr, job_id):
    """The counters of a job that ran in one transaction: what its chunks have come to at last, however often it was run.

    Its error is what its driver has to say: why everything was undone.
    """
    cr.execute(
        SQL(
            """
            UPDATE batch_job
               SET (processed_records, failed_records, cancelled_records) = (
                    SELECT coalesce(sum(chunk.processed_records), 0),
                           coalesce(sum(chunk.failed_records), 0),
                           coalesce(sum(chunk.cancelled_records), 0)
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
        )
    )


def finish(cr, job_id, state, has_action):
    """Give a job its final state, all of whose chunks are settled and counted.

    :param str state: see `states.job_state`
    :param bool has_action: a chunk of it is still to be claimed, which runs its action
    """
    cr.execute(
        SQL(
            """
            UPDATE batch_job
               SET state = %(state)s,
                   -- counted on the way by what ran; here also what was closed without
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
                   ready = %(has_action)s,
                   wake_at = NULL
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
    """Have this transaction's commit wait for the disk, as the session's own setting has it.

    Lanes let most of what they say wait for nothing; but who has read that a job is over must read so after a power cut.
    """
    cr.execute(
        """
        SELECT set_config('synchronous_commit', reset_val, true) FROM pg_settings WHERE name = 'synchronous_commit'
        """
    )


def note_action_run_at(cr, job_id):
    """Note that the action of a job has run by now."""
    update_job(cr, job_id, SQL("called_back_at = %s", NOW))
