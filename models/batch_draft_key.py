from odoo import api, fields, models
from odoo.tools import SQL

from ..executor.copy import copy_rows


class BatchDraftKey(models.Model):
    """Which operation of a draft had an upsert's key last: what is appended about the same record waits for it."""

    _name = "batch.draft.key"
    _description = "Upsert Key of a Draft"
    _log_access = False

    job_id = fields.Many2one("batch.job", required=True, ondelete="cascade", readonly=True)
    number = fields.Integer(required=True, readonly=True, help="Mark of the model and of the key's values.")
    operation_id = fields.Char(required=True, readonly=True)

    # `_holders`, and cascades
    _number_idx = models.Index("(job_id, number, id)")

    def init(self):
        super().init()
        # an append may add a hundred thousand at once: plans must not go by how few they were
        self.env.cr.execute(
            SQL(
                "ALTER TABLE %s SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05)",
                SQL.identifier(self._table),
            )
        )

    @api.model
    def _note(self, job_id, last):
        """Remember keys, and forget who had them before.

        :param dict last: key number -> operation
        """
        copy_rows(
            self.env.cr,
            self._table,
            ("job_id", "number", "operation_id"),
            ((job_id, number, name) for number, name in last.items()),
        )

    @api.model
    def _holders(self, job_id, numbers):
        """Key number -> the operation that had it last, of those that a draft has had."""
        query = SQL(
            """
            SELECT DISTINCT ON (number) number, operation_id
              FROM batch_draft_key
             WHERE job_id = %s
               AND number = ANY(%s)
             ORDER BY number, id DESC
            """,
            job_id,
            list(numbers),
        )
        return dict(self.env.execute_query(query)) if numbers else {}

    @api.model
    def _forget(self, job_id):
        """The draft is none any more."""
        self.env.cr.execute(SQL("DELETE FROM batch_draft_key WHERE job_id = %s", job_id))
