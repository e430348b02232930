from odoo import api, models
from odoo.tools import SQL

from ..engine import states
from ..store.prepared import fetch_prepared
from ..store.statements import JOB_COLUMNS, ROLL_UP_DUE, lock_next

#: A parked job is looked at again after this long at the latest, whatever was missed.
LOOK_AGAIN_S = 5
#: And one that can't be moved on after this long, in seconds.
PUT_OFF_S = 60


class BatchJob(models.Model):
    """Whose turn it is. All of this runs in the lanes' short transactions, never inside the work.

    Whoever changes a job here holds its row lock. Lock order is job, then chunk, then operation; what is locked is
    skipped, never waited for, but by the job's own end and where a chunk is given back.
    """

    _inherit = "batch.job"

    @api.model
    def _promote(self):
        """Put parked jobs whose time has come into the queue."""
        fetch_prepared(
            self.env.cr,
            SQL(
                """
                UPDATE batch_job
                   SET ready = true, wake_at = NULL
                 WHERE id = ANY(ARRAY(
                    SELECT id
                      FROM batch_job
                     WHERE NOT ready
                       AND wake_at <= clock_timestamp() AT TIME ZONE 'UTC'
                       FOR NO KEY UPDATE SKIP LOCKED
                 ))
                RETURNING id
                """
            ),
        )

    @api.model
    def _pick_job(self, looked_at, signals):
        """Lock the job whose turn it is; returns what a claim has to know before it takes something of it, or None."""
        columns = SQL("id, max_failures, %s AS is_roll_up_due, %s AS signals", ROLL_UP_DUE, signals.query)
        rows = fetch_prepared(self.env.cr, lock_next(columns, looked_at))
        return rows[0] if rows else None

    @api.model
    def _job_columns(self, job_id):
        [job] = self.env.execute_query_dict(SQL("SELECT %s FROM batch_job WHERE id = %s", JOB_COLUMNS, job_id))
        return job

    def _enqueue(self):
        """Put jobs into the queue: at once, or when their time has come."""
        self.env.cr.execute(
            SQL(
                """
                UPDATE batch_job AS job
                   SET ready = job.run_at IS NULL OR job.run_at <= now() AT TIME ZONE 'UTC',
                       wake_at = CASE WHEN job.run_at > now() AT TIME ZONE 'UTC' THEN job.run_at END,
                       turn = coalesce((
                            SELECT other.turn
                              FROM batch_job AS other
                             WHERE other.ready
                               AND other.priority = job.priority
                             ORDER BY other.turn, other.id
                             LIMIT 1
                        ), 0) + (SELECT count(*) FROM batch_job AS own WHERE own.ready AND own.user_id = job.user_id)
                 WHERE job.id = ANY(%s)
                """,
                list(self.ids),
            )
        )
        self.invalidate_recordset()

    def _wake(self):
        """Put a parked job back into the queue: one of its chunks was settled or given back.

        The lock is waited for: a lane that is parking it right now has not seen this chunk.
        """
        rows = self.env.execute_query(
            SQL(
                """
                SELECT ready
                  FROM batch_job
                 WHERE id = %s
                   AND (state = ANY(%s) OR on_complete_id IS NOT NULL AND called_back_at IS NULL)
                   FOR NO KEY UPDATE
                """,
                self.id,
                [*states.JOB_ACTIVE, states.PAUSED],
            )
        )
        if rows == [(False,)]:
            self._update("ready = true, wake_at = NULL")

    def _put_off(self):
        """Take a job out of the queue for a while that can't be counted or moved on: the others go on."""
        self.env.cr.execute(
            SQL(
                """
                UPDATE batch_job
                   SET ready = false, wake_at = clock_timestamp() AT TIME ZONE 'UTC' + %s * interval '1 second'
                 WHERE id = %s
                """,
                PUT_OFF_S,
                self.id,
            )
        )
        self.invalidate_recordset(flush=False)

    def _park(self):
        """Take a job in which nothing can be claimed now out of the queue, until something may have changed."""
        self.env.cr.execute(
            SQL(
                """
                UPDATE batch_job
                   SET ready = false,
                       wake_at = CASE
                            -- paused, and nothing in flight: until somebody resumes it
                            WHEN state = 'paused' AND (
                                SELECT true
                                  FROM batch_chunk
                                 WHERE job_id = %(id)s
                                   AND state = 'running'
                                 ORDER BY claimed_at  -- as the index is: see `_unfinished`
                                 LIMIT 1
                            ) IS NULL THEN NULL
                            ELSE least(
                                clock_timestamp() AT TIME ZONE 'UTC' + %(again)s * interval '1 second',
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
                id=self.id,
                again=LOOK_AGAIN_S,
            )
        )
        self.invalidate_recordset()
