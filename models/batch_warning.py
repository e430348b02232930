from odoo import fields, models

from ..engine.report import WARNINGS_SHOWN, finding
from ..store.findings import WARNINGS


class BatchWarning(models.Model):
    """A warning of Odoo about a record. The record has succeeded nevertheless, unless the whole job was rolled back."""

    _name = "batch.warning"
    _description = "Batch Warning"
    _inherit = ["batch.finding"]
    _log_access = False
    _findings = WARNINGS
    _shown_limit = WARNINGS_SHOWN

    warning_type = fields.Char("Warning", readonly=True, help="ActionReturned or ImportWarning.")
    message = fields.Text(help="Text of the warning.")
    created_at = fields.Datetime("Said On")

    # `warnings`: warnings that stand, in order
    _standing_idx = models.Index("(job_id, id) WHERE retried_at IS NULL")
    _operation_idx = models.Index("(operation_id, id)")
    # lists, `store.purge`; see `batch.failure`
    _job_idx = models.Index("(job_id, chunk_id)")
    # `store.findings.first_of_operations`
    _operation_standing_idx = models.Index("(operation_id, id) WHERE retried_at IS NULL")

    def _as_dicts(self):
        """The warnings in the form of the API."""
        return [
            finding(
                {
                    "operation_id": warning.operation_id.operation_id,
                    "index": warning.index,
                    "record_id": warning.record_id or False,
                    "warning_type": warning.warning_type,
                    "message": warning.message,
                },
                warning.file_row,
            )
            for warning in self
        ]
