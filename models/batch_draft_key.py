from odoo import api, fields, models

from ..store.schema import set_up_draft_keys
from ..store.submit import delete_upsert_keys
from .batch_operation import UncheckedMany2one

#: Most keys that the clean-up deletes in one transaction.
DELETED_AT_ONCE = 100_000


class BatchDraftKey(models.Model):
    """For each upsert key and each external id of an import in a draft, the last operation with it: one appended later waits for it."""

    _name = "batch.draft.key"
    _description = "Upsert Key of a Draft"
    _log_access = False

    job_id = UncheckedMany2one("batch.job", required=True, ondelete="cascade", readonly=True)
    number = fields.Integer(required=True, readonly=True, aggregator=None, help="Hash of the model and the key's values.")
    operation_name = fields.Char(required=True, readonly=True, help="Name of the operation, as the caller gave it.")

    # `store.submit.last_with_upsert_keys`, `store.purge`
    _number_idx = models.Index("(job_id, number, id)")

    def init(self):
        """Set up the parts of the table that a model can't declare: see `store.schema`."""
        set_up_draft_keys(self.env.cr)
        return super().init()

    @api.autovacuum
    def _gc_started(self):
        """Delete keys of jobs that are no longer drafts. `start` does not do it, as a job may have a million keys.

        :returns: `(number deleted, whether there may be more)`
        """
        deleted = delete_upsert_keys(self.env.cr, DELETED_AT_ONCE)
        return deleted, deleted == DELETED_AT_ONCE
