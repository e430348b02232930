import logging

import psycopg2
from psycopg2.extensions import ISOLATION_LEVEL_READ_COMMITTED

from odoo import models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL

from ..engine import states
from ..run.wake import wake_lanes, wake_lanes_for
from ..store import queue
from ..store.rows import NewChunk, insert_chunks

_logger = logging.getLogger(__name__)

#: Odoo runs a call that met a conflict again within two seconds.
KEEP_OFF_S = 3
#: Operations that a call gives their final states; those of a larger job get them from a lane.
CLOSED_AT_ONCE = 10_000


class BatchJob(models.Model):
    """Steering a job from outside, and the few things lanes tell a job besides its progress.

    The verbs run in the caller's transaction and lock the job's row first: of two at once, the second waits, and is run again
    by Odoo where the first has changed the row.
    """

    _inherit = "batch.job"

    def cancel(self):
        """Let nothing more start; chunks in flight finish. A job that runs in one transaction is undone.

        Of a large job lanes cancel what waits, in steps: it is final once they are through.

        :returns: status
        :raises UserError: the job is finished
        """
        self._check_visible()
        job = self._steer(states.JOB_UNFINISHED, self.env._("A finished job can't be cancelled."))
        job._update("cancel_requested_at = coalesce(cancel_requested_at, clock_timestamp() AT TIME ZONE 'UTC')")
        try:
            # in a savepoint: a lane that is just claiming one of these chunks must not make the whole call fail
            with self.env.cr.savepoint():
                is_over = job._cancel_at_once()
                job._roll_up()
                if is_over:
                    job._finish()
        except psycopg2.errors.SerializationFailure:
            job.invalidate_recordset()
        if job.state not in states.JOB_FINAL:
            # a draft with more than could be cancelled at once takes nothing more
            job._update(
                """
                ready = true, wake_at = NULL,
                state = CASE state WHEN 'paused' THEN 'running' WHEN 'draft' THEN 'pending' ELSE state END
                """
            )
        if job.ready:
            wake_lanes(self.env, 1)  # for what is left to do, be it only the job's action
        return self._status()

    def _cancel_at_once(self):
        """Cancel what has not started, as far as that can be done while somebody waits for it; lanes see to the rest.

        :returns: whether the job is over by that
        """
        if self.reopening or self._cancel_waiting_chunks():
            return False
        return self.total_operations <= CLOSED_AT_ONCE and not any(self._unfinished())

    def pause(self):
        """Let nothing more start until `resume`; chunks in flight finish.

        :returns: status
        :raises UserError: the job is not waiting or running
        """
        self._check_visible()
        job = self._steer(
            (*states.JOB_ACTIVE, states.PAUSED), self.env._("Only a waiting or running job can be paused.")
        )
        # it stays in the queue until a lane has counted what was in flight
        job._update("state = 'paused', ready = true, wake_at = NULL")
        job._roll_up()
        _pending, running, _waiting = job._unfinished()
        if not running:
            job._stop_clock()
        wake_lanes(self.env, 1)
        return self._status()

    def resume(self):
        """Go on with a paused job.

        :returns: status
        :raises UserError: the job is not paused
        """
        self._check_visible()
        job = self._steer((*states.JOB_ACTIVE, states.PAUSED), self.env._("Only a paused job can be resumed."))
        if job.state == states.PAUSED:
            job._update(
                """
                state = CASE WHEN started_at IS NULL THEN 'pending' ELSE 'running' END,
                worked_since = CASE
                    WHEN started_at IS NOT NULL THEN coalesce(worked_since, clock_timestamp() AT TIME ZONE 'UTC')
                END
                """
            )
            queue.enqueue(job.env.cr, job.id)
            job.invalidate_recordset()
            wake_lanes(self.env, job.max_concurrency)
        return self._status()

    def start(self):
        """Let a draft run.

        :returns: status
        :raises AccessError: it is somebody else's: what it holds runs as he, when he says so
        :raises UserError: the job is no draft
        """
        self._check_submitter()
        job = self._steer((states.DRAFT,), self.env._("Only a draft can be started."))
        job._update("state = 'pending'")
        queue.enqueue(job.env.cr, job.id)
        job.invalidate_recordset()
        wake_lanes_for(self.env, job.run_at, job.max_concurrency)
        return self._status()

    def _steer(self, allowed, refusal):
        """The job as superuser, locked, after checking that the caller may see it and that its state allows this."""
        self._check_visible()
        self._check_outside()
        job = self.sudo()
        try:
            job.env.execute_query(SQL("SELECT id FROM batch_job WHERE id = %s FOR NO KEY UPDATE", job.id))
        except psycopg2.errors.SerializationFailure:
            job._keep_lanes_off()
            raise
        job.invalidate_recordset()
        if job.steered_until:
            job._update("steered_until = NULL")
        if job.state not in allowed:
            raise UserError(refusal)
        return job

    def _check_submitter(self):
        """Refuse what only the submitter may do, as it decides what is run with the submitter's rights."""
        self._check_visible()
        if not (self.env.su or self.user_id == self.env.user):
            raise AccessError(
                self.env._("Only who has submitted a job can change what it runs: it runs with the submitter's rights.")
            )

    def _check_outside(self):
        """Refuse to change a job by what it runs itself.

        That is part of a transaction which may take long, be undone or run again; the lanes would wait for the job's row.
        """
        if getattr(self.env.cr, "batch_executor_job", None) in self._ids:
            raise UserError(self.env._("A batch job can't be changed from inside, by what it runs itself."))

    def _keep_lanes_off(self):
        """Let lanes claim nothing in this job for a while: each claim changes its row since our snapshot.

        Of a job that is claimed from all the time, a verb would else be refused as often as Odoo runs it again.
        """
        with self.env.registry.cursor() as cr:
            cr.connection.set_isolation_level(ISOLATION_LEVEL_READ_COMMITTED)
            until = SQL("clock_timestamp() AT TIME ZONE 'UTC' + %s * interval '1 second'", KEEP_OFF_S)
            cr.execute(SQL("UPDATE batch_job SET steered_until = %s WHERE id = %s", until, self.id))

    def _update(self, assignments):
        """Write columns of the (locked) job, given as SQL."""
        assignments = assignments if isinstance(assignments, SQL) else SQL(assignments)
        self.env.cr.execute(SQL("UPDATE batch_job SET %s WHERE id = %s", assignments, self.id))
        self.invalidate_recordset()

    # -- what lanes tell ---------------------------------------------------------------------------

    def _show_progress(self, processed, failed):
        """Show how far a job is that runs in one transaction; returns whether it is still wanted."""
        self.env.cr.execute(
            SQL(
                """
                UPDATE batch_job
                   SET processed_records = %s, failed_records = %s, progress_at = clock_timestamp() AT TIME ZONE 'UTC'
                 WHERE id = %s
                """,
                processed,
                failed,
                self.id,
            )
        )
        self.invalidate_recordset()
        self._notify_progress()
        return not self.cancel_requested_at

    def _insert_callback(self):
        """Make the chunk that runs the job's action; it is claimed like any other."""
        insert_chunks(self.env.cr, [NewChunk.of_job(self.id, states.CALLBACK, self._name)])

    def _note_callback(self, error):
        """Note that the action has run: never in the transaction of what it did, which must not write its job's row.

        :param str error: why it failed, or None
        """
        self._update("called_back_at = clock_timestamp() AT TIME ZONE 'UTC'")
        if not error:
            return
        try:
            with self.env.cr.savepoint():
                self.message_post(body=self.env._("The action on completion failed: %s", error))
        except psycopg2.Error:
            raise
        except Exception:  # other modules may have a say in messages; what the job has come to does not depend on it
            _logger.exception("job %s: the failure of its action could not be posted", self.id)
