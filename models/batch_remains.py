from odoo import api, fields, models

from ..run.forget import forget_old_values
from ..run.purge import purge_now
from ..run.settings import get_setting
from ..store.forget import PURGED_AT_ONCE, jobs_with_old_changes, old_drafts, old_jobs
from ..store.purge import give_up_changes
from ..store.schema import set_up_remains


class BatchRemains(models.Model):
    """What is left of a deleted job, or of changes that are kept no longer. Lanes delete it in pieces: see `run/purge.py`.

    And the daily clean-up, which decides what is old enough.
    """

    _name = "batch.remains"
    _description = "Remains of a Deleted Batch Job"
    _log_access = False

    job_id = fields.Integer("Job Id", required=True, readonly=True, aggregator=None, index=True, help="The job itself may be gone.")
    only_changes = fields.Boolean(readonly=True, help="Just the changes are to be deleted: the job is still there.")
    stage = fields.Integer(required=True, readonly=True, aggregator=None, help="Place of the table that is being emptied, see `store.purge`.")
    reached = fields.Integer(required=True, readonly=True, aggregator=None, help="How far in this table.")

    def init(self):
        """Set up what a model can't declare: see `store.schema`."""
        set_up_remains(self.env.cr)
        return super().init()

    @api.autovacuum
    def _gc_values(self):
        """Drop the values of records that succeeded, in jobs that ended longer ago than the setting `keep_payload_days`.

        :returns: `(number of steps done, whether there may be more to drop)`"""
        self.env.flush_all()
        done = forget_old_values(self.env)
        self.env.invalidate_all()
        return int(done), done

    @api.autovacuum
    def _gc_changes(self):
        """Delete the changes of jobs that finished longer ago than the setting `keep_changes_days`.

        :returns: `(number of jobs, whether there may be more)`; if there may be, Odoo calls again
        """
        self.env.flush_all()
        job_ids = jobs_with_old_changes(self.env.cr, get_setting(self.env, "keep_changes_days"))
        give_up_changes(self.env.cr, job_ids)
        purge_now(self.env, job_ids)
        self.env.invalidate_all()
        return len(job_ids), len(job_ids) == PURGED_AT_ONCE

    @api.autovacuum
    def _gc_finished(self):
        """Delete jobs that finished longer ago than the setting `keep_days`; returns as `_delete`."""
        return self._delete(old_jobs(self.env.cr, get_setting(self.env, "keep_days")))

    @api.autovacuum
    def _gc_drafts(self):
        """Delete drafts that have not changed for longer than the setting `keep_draft_days`; returns as `_delete`."""
        return self._delete(old_drafts(self.env.cr, get_setting(self.env, "keep_draft_days")))

    def _delete(self, job_ids):
        """Delete jobs, and the first of what belongs to them.

        :returns: `(number deleted, whether there may be more)`; if there may be, Odoo calls again
        """
        self.env["batch.job"].browse(job_ids).unlink()
        return len(job_ids), len(job_ids) == PURGED_AT_ONCE
