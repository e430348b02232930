from odoo import api, fields, models
from odoo.tools import SQL

from ..engine.report import WARNINGS_SHOWN


class BatchWarning(models.Model):
    """What Odoo said of a record without raising: the record stands (but where its whole job was undone)."""

    _name = "batch.warning"
    _description = "Batch Warning"
    _inherit = ["batch.finding"]
    _order = "id"
    _rec_name = "message"
    _log_access = False
    _shown_limit = WARNINGS_SHOWN

    job_id = fields.Many2one("batch.job", required=True, ondelete="cascade", readonly=True, index=True)
    operation_id = fields.Many2one("batch.operation", required=True, ondelete="cascade", readonly=True)
    chunk_id = fields.Many2one("batch.chunk", required=True, ondelete="cascade", readonly=True, index=True)
    model = fields.Char(readonly=True)
    operation_type = fields.Char("Type", readonly=True)
    index = fields.Integer("Place", readonly=True, help="Place in the operation's data, from 0.")
    record_id = fields.Integer("Record Id", readonly=True, help="Id of the record, where there is one.")
    warning_type = fields.Char("Warning", readonly=True, help="ActionReturned, or ImportWarning.")
    message = fields.Text(readonly=True, help="What Odoo said.")
    created_at = fields.Datetime("Said On", readonly=True, help="When its chunk was settled.")
    retried_at = fields.Datetime("Retried On", readonly=True, help="Set once it was run again: history from then on.")

    # `warnings`: what stands, in order
    _standing_idx = models.Index("(job_id, id) WHERE retried_at IS NULL")
    # cascades
    _operation_idx = models.Index("(operation_id, id)")
    # `_first_of_operations`
    _operation_standing_idx = models.Index("(operation_id, id) WHERE retried_at IS NULL")

    @api.model
    def _store(self, claim, payload, outcome):
        """Store a row for each warning of a chunk, in one statement per page."""
        rows = [
            (
                claim.job_id,
                payload.operations[position],
                claim.chunk_id,
                claim.model,
                claim.operation_type,
                payload.indexes[position],
                outcome.record_id(claim.operation_type, payload, position),
                warned.warning_type,
                warned.message,
            )
            for position, warnings in sorted(outcome.warnings.items())
            for warned in warnings
        ]
        if rows:
            self.env.cr.execute_values(
                """
                INSERT INTO batch_warning (
                    job_id, operation_id, chunk_id, model, operation_type, index, record_id, warning_type, message, created_at
                ) VALUES %s
                """,
                rows,
                template="(%s, %s, %s, %s, %s, %s, %s, %s, %s, clock_timestamp() AT TIME ZONE 'UTC')",
                page_size=500,
            )

    @api.model
    def _mark_retried(self, job_id):
        """All of a job is run again: what was said of it before is history."""
        self.env.cr.execute(
            SQL(
                """
                UPDATE batch_warning
                   SET retried_at = clock_timestamp() AT TIME ZONE 'UTC'
                 WHERE job_id = %s
                   AND retried_at IS NULL
                """,
                job_id,
            )
        )
        self.invalidate_model(["retried_at"])

    def _as_dicts(self):
        """The warnings as the API gives them."""
        return [
            {
                "operation_id": warning.operation_id.operation_id,
                "index": warning.index,
                "record_id": warning.record_id or False,
                "warning_type": warning.warning_type,
                "message": warning.message,
            }
            for warning in self
        ]
