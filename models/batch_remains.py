import logging

from odoo import api, fields, models

from ..run.forget import forget_old_values
from ..run.interruption import is_conflict
from ..run.purge import purge_now
from ..run.settings import get_setting
from ..store.forget import PURGED_AT_ONCE, jobs_with_old_changes, old_drafts, old_jobs
from ..store.purge import give_up_changes
from ..store.schema import set_up_remains

_logger = logging.getLogger(__name__)

#: Jobs that can't be deleted, after which one run of the clean-up looks for no others.
MOST_REFUSED = 1_000


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
        return self._delete(old_jobs, get_setting(self.env, "keep_days"))

    @api.autovacuum
    def _gc_drafts(self):
        """Delete drafts that have not changed for longer than the setting `keep_draft_days`; returns as `_delete`."""
        return self._delete(old_drafts, get_setting(self.env, "keep_draft_days"))

    def _delete(self, find, days):
        """Delete jobs, and the first of what belongs to them. One that can't be deleted, as another module needs it, stays, and others go.

        :param find: `old_jobs` or `old_drafts`
        :param int days: what they take
        :returns: `(number deleted, whether there may be more)`; if there may be, Odoo calls again
        """
        deleted, refused = [], []
        while not deleted and len(refused) < MOST_REFUSED and (job_ids := find(self.env.cr, days, refused)):
            deleted = self._delete_those_that_can(job_ids)
            refused += set(job_ids).difference(deleted)
        return len(deleted), bool(deleted) and len(job_ids) == PURGED_AT_ONCE

    def _delete_those_that_can(self, job_ids):
        """Delete jobs, all at once; where that fails, one by one. Returns the ids of the deleted ones."""
        try:
            with self.env.cr.savepoint():
                self.env["batch.job"].browse(job_ids).unlink()
        except Exception as error:
            if is_conflict(error):
                raise
            if len(job_ids) > 1:
                return [id_ for job_id in job_ids for id_ in self._delete_those_that_can([job_id])]
            _logger.exception("job %s: it is old, but could not be deleted", *job_ids)
            return []
        return job_ids
