from odoo import api, models
from odoo.tools import SQL

from ..run.settings import get_setting

#: Jobs deleted in one go, with all that hangs on them.
PURGE_LIMIT = 100


class BatchJob(models.Model):
    """Deleting what nobody needs any longer, with Odoo's daily clean-up."""

    _inherit = "batch.job"

    @api.autovacuum
    def _gc_finished(self):
        """Delete jobs that finished longer ago than the settings keep them."""
        days = get_setting(self.env, "keep_days")
        return (
            self._purge(
                SQL("finished_at < now() AT TIME ZONE 'UTC' - %s * interval '1 day' ORDER BY finished_at", days)
            )
            if days > 0
            else None
        )

    @api.autovacuum
    def _gc_drafts(self):
        """Delete drafts that nobody started for longer than the settings keep them."""
        days = get_setting(self.env, "keep_draft_days")
        condition = SQL("state = 'draft' AND write_date < now() AT TIME ZONE 'UTC' - %s * interval '1 day'", days)
        return self._purge(condition) if days > 0 else None

    def _purge(self, condition):
        """Delete some jobs; their operations, chunks and failures go with them, by the database's own cascade.

        :returns: how many, and whether there are more (then Odoo calls again)
        """
        rows = self.env.execute_query(SQL("SELECT id FROM batch_job WHERE %s LIMIT %s", condition, PURGE_LIMIT))
        jobs = self.browse(id_ for (id_,) in rows)
        jobs.unlink()
        return len(jobs), len(jobs) == PURGE_LIMIT
