from odoo import api, models

from ..run.status import job_figures


class BatchJob(models.Model):
    """How far it is and how long it will take, for those who watch it."""

    _inherit = "batch.job"

    @api.depends(
        "total_operations",
        "completed_operations",
        "failed_operations",
        "total_records",
        "processed_records",
        "failed_records",
        "cancelled_records",
        "state",
        "worked_s",
        "worked_since",
        "earlier_records",
        "earlier_operations",
        "paced_s",
        "paced_records",
        "expected_work",
    )
    def _compute_progress(self):
        figures = job_figures(self.env, self)
        for job in self:
            job.update(figures[job.id])
