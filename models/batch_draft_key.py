from odoo import api, fields, models

from ..store.schema import set_up_draft_keys
from ..store.submit import delete_upsert_keys

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

    # `store.submit.last_with_upsert_keys`, and cascades
    _number_idx = models.Index("(job_id, number, id)")

    def init(self):
        super().init()
        set_up_draft_keys(self.env.cr)

    @api.autovacuum
    def _gc_started(self):
        """Delete the keys of what is no draft any more, not in the request that starts it: there may be a million of them.

        :returns: how many were deleted, and whether there are more
        """
        deleted = delete_upsert_keys(self.env.cr, DELETED_AT_ONCE)
        return deleted, deleted == DELETED_AT_ONCE
