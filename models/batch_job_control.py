from odoo import models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL

from ..engine import states
from ..run import change


class BatchJob(models.Model):
    """The verbs that change a job from outside: cancel, pause, resume, start."""

    _inherit = "batch.job"

    def cancel(self):
        """Let nothing more start; chunks in flight finish. A job that runs in one transaction is undone.

        Of a large job lanes cancel what waits, in steps: it is final once they are through.

        :returns: status
        :raises UserError: the job is finished
        """
        job = self._lock_for_change(states.JOB_UNFINISHED, self.env._("A finished job can't be cancelled."))
        change.cancel(job.env, job.id)
        return self._status()

    def pause(self):
        """Let nothing more start until `resume`; chunks in flight finish.

        :returns: status
        :raises UserError: the job is not waiting or running
        """
        refusal = self.env._("Only a waiting or running job can be paused.")
        job = self._lock_for_change((*states.JOB_ACTIVE, states.PAUSED), refusal)
        change.pause(job.env, job.id)
        return self._status()

    def resume(self):
        """Go on with a paused job.

        :returns: status
        :raises UserError: the job is not paused
        """
        refusal = self.env._("Only a paused job can be resumed.")
        job = self._lock_for_change((*states.JOB_ACTIVE, states.PAUSED), refusal)
        change.resume(job.env, job)
        return self._status()

    def start(self):
        """Let a draft run.

        :returns: status
        :raises AccessError: it is somebody else's: what it holds runs with the submitter's rights
        :raises UserError: the job is no draft
        """
        self._check_submitter()
        job = self._lock_for_change((states.DRAFT,), self.env._("Only a draft can be started."))
        change.start(job.env, job)
        return self._status()

    def _lock_for_change(self, allowed, refusal):
        """Lock the job until the end of the transaction, once the caller may see it and its state allows what is to be done.

        :param allowed: states
        :param str refusal: what the caller is told in other states
        :returns: the job as superuser
        :raises UserError: its state allows it not, or the caller is run by the job itself
        """
        self._check_visible()
        self._check_outside()
        job = self.sudo()
        change.lock_for_change(job.env, job.id)
        job.invalidate_recordset()
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

    def _update(self, assignments):
        """Write columns of the (locked) job, given as SQL."""
        assignments = assignments if isinstance(assignments, SQL) else SQL(assignments)
        self.env.cr.execute(SQL("UPDATE batch_job SET %s WHERE id = %s", assignments, self.id))
        self.invalidate_recordset()
