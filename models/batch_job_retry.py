from odoo import models
from odoo.exceptions import UserError

from ..engine import states
from ..run.retry import retry_job


class BatchJob(models.Model):
    """Running failed and cancelled records again, under the same job."""

    _inherit = "batch.job"

    def retry(self):
        """Run just the failed and cancelled records again. Their failures stay readable, as history.

        :returns: status
        :raises UserError: the job is not finished, or nothing in it failed or was cancelled
        """
        self._check_visible()
        job = self._lock_for_change(states.JOB_FINAL, self.env._("Only a finished job can be retried."))
        if not job.can_retry:
            raise UserError(self.env._("Nothing in this job failed or was cancelled."))
        self.env.flush_all()
        retry_job(job.env, job.id)
        self.env.invalidate_all()
        return self._status()
