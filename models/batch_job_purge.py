from odoo import api, models

from ..run.forget import forget_old_values
from ..run.settings import get_setting
from ..store.forget import PURGED_AT_ONCE, old_drafts, old_jobs


class BatchJob(models.Model):
    """Dropping what nobody needs any longer, with Odoo's daily clean-up: it calls again as long as there is more."""

    _inherit = "batch.job"

    @api.autovacuum
    def _gc_values(self):
        """Drop the values of what succeeded longer ago than the settings keep them."""
        self.env.flush_all()
        done = forget_old_values(self.env)
        self.env.invalidate_all()
        return int(done), done

    @api.autovacuum
    def _gc_finished(self):
        """Delete jobs that finished longer ago than the settings keep them."""
        days = get_setting(self.env, "keep_days")
        return self._purge(old_jobs(self.env.cr, days)) if days > 0 else None

    @api.autovacuum
    def _gc_drafts(self):
        """Delete drafts that nobody started for longer than the settings keep them."""
        days = get_setting(self.env, "keep_draft_days")
        return self._purge(old_drafts(self.env.cr, days)) if days > 0 else None

    def _purge(self, job_ids):
        """Delete jobs; their operations, chunks and failures go with them, by the database's own cascade."""
        self.browse(job_ids).unlink()
        return len(job_ids), len(job_ids) == PURGED_AT_ONCE
