from odoo import api, fields, models
from odoo.tools import SQL

from ..store.copy import copy_rows

#: Keys that the clean-up deletes in one transaction.
DELETED_AT_ONCE = 100_000


class BatchDraftKey(models.Model):
    """Which operation of a draft had an upsert's key last: what is appended about the same record waits for it."""

    _name = "batch.draft.key"
    _description = "Upsert Key of a Draft"
    _log_access = False

    job_id = fields.Many2one("batch.job", required=True, ondelete="cascade", readonly=True)
    number = fields.Integer(required=True, readonly=True, help="Mark of the model and of the key's values.")
    operation_name = fields.Char(required=True, readonly=True, help="The caller's own name for the operation.")

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
        """Remember who has which keys now.

        :param dict last: key number -> operation
        """
        copy_rows(
            self.env.cr,
            self._table,
            ("job_id", "number", "operation_name"),
            ((job_id, number, name) for number, name in last.items()),
        )

    @api.model
    def _holders(self, job_id, numbers):
        """Key number -> the operation that had it last, of those that a draft has had."""
        query = SQL(
            """
            SELECT DISTINCT ON (number) number, operation_name
              FROM batch_draft_key
             WHERE job_id = %s
               AND number = ANY(%s)
             ORDER BY number, id DESC
            """,
            job_id,
            list(numbers),
        )
        return dict(self.env.execute_query(query)) if numbers else {}

    @api.autovacuum
    def _gc_started(self):
        """Delete the keys of what is no draft any more, not in the request that starts it: there may be a million of them.

        :returns: how many were deleted, and whether there are more
        """
        self.env.cr.execute(
            SQL(
                """
                DELETE FROM batch_draft_key
                 WHERE id IN (
                    SELECT key.id
                      FROM batch_draft_key AS key
                      JOIN batch_job AS job ON job.id = key.job_id
                     WHERE job.state <> 'draft'
                     LIMIT %s
                 )
                """,
                DELETED_AT_ONCE,
            )
        )
        return self.env.cr.rowcount, self.env.cr.rowcount == DELETED_AT_ONCE
