from odoo import api, models
from odoo.tools import SQL

from ..engine import states
from ..executor.prepared import fetch_prepared
from .batch_job_progress import PROGRESS_EVERY_S

#: A parked job is looked at again after this long at the latest, whatever was missed.
LOOK_AGAIN_S = 5

CLAIM_COLUMNS = SQL(
    """
    id, user_id, priority, context, timeout, retry_attempts, rollback, dry_run, max_failures, max_chunk_size,
    max_concurrency, cancel_requested_at IS NOT NULL AND finished_at IS NULL AS stopping, state = 'paused' AS is_paused,
    dry_run OR rollback = 'job' AS is_atomic,
    total_records - processed_records - failed_records - cancelled_records AS remaining
    """
)


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
    def _pick_job(self, looked_at, *columns):
        """Lock the job whose turn it is; returns what a claim needs of it, or None.

        NO KEY UPDATE, so that failures and messages can still refer to it; SKIP LOCKED, so that lanes looking at the
        same moment go to different jobs.

        :param list looked_at: ids of jobs where nothing was found just now
        :param columns: SQL of what else is to be asked
        """
        rows = fetch_prepared(
            self.env.cr,
            SQL(
                """
                SELECT %(columns)s,
                       max_failures >= 0 OR coalesce(progress_at, started_at)
                            < clock_timestamp() AT TIME ZONE 'UTC' - %(every)s * interval '1 second' AS needs_roll_up
                  FROM batch_job
                 WHERE ready
                   AND NOT id = ANY(%(looked_at)s::integer[])
                   AND (steered_until IS NULL OR steered_until < clock_timestamp() AT TIME ZONE 'UTC')
                 ORDER BY priority DESC, turn, id
                 LIMIT 1
                   FOR NO KEY UPDATE SKIP LOCKED
                """,
                columns=SQL(", ").join([CLAIM_COLUMNS, *columns]),
                every=PROGRESS_EVERY_S,
                looked_at=looked_at,
            ),
        )
        return rows[0] if rows else None

    @api.model
    def _claim_columns(self, job_id):
        [job] = self.env.execute_query_dict(SQL("SELECT %s FROM batch_job WHERE id = %s", CLAIM_COLUMNS, job_id))
        return job

    @api.model
    def _take_turn_query(self, job_id, claimed):
        """Move a job back in the queue with a claim, by as many places as its user has jobs in it.

        Users then share the lanes evenly, and the jobs of a user among themselves; a job that was parked for long
        does not catch up on the turns it missed.

        :param SQL claimed: the condition under which something is claimed
        """
        return SQL(
            """
            UPDATE batch_job AS job
               SET turn = greatest(job.turn, coalesce((
                        SELECT other.turn
                          FROM batch_job AS other
                         WHERE other.ready
                           AND other.priority = job.priority
                           AND other.id <> job.id
                         ORDER BY other.turn, other.id
                         LIMIT 1
                    ), job.turn)) + (SELECT count(*) FROM batch_job AS own WHERE own.ready AND own.user_id = job.user_id),
                   state = CASE WHEN job.state = 'pending' THEN 'running' ELSE job.state END,
                   started_at = coalesce(job.started_at, clock_timestamp() AT TIME ZONE 'UTC')
             WHERE job.id = %(job)s
               AND %(claimed)s
            """,
            job=job_id,
            claimed=claimed,
        )

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
                "SELECT ready FROM batch_job WHERE id = %s AND state = ANY(%s) FOR NO KEY UPDATE",
                self.id,
                [*states.JOB_ACTIVE, states.PAUSED],
            )
        )
        if rows == [(False,)]:
            self._update("ready = true, wake_at = NULL")

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
