from odoo import fields, models

from ..engine.change import ACTION_LABELS
from ..store.schema import set_up_changes
from .batch_operation import UncheckedMany2one


class BatchChange(models.Model):
    """What a job has changed of one record. Stored where the job tracks changes, and kept as long as the job.

    Ids ascend in the order in which changes took effect: for one record always, among the records of a chunk as well.
    """

    _name = "batch.change"
    _description = "Changed Record"
    _order = "job_id.id desc, id"  # of one job, the index on (job_id, id) has them in this order
    _log_access = False

    # no foreign keys: rows are inserted by the transactions that hold their chunk, and deleted after their job
    job_id = UncheckedMany2one("batch.job", required=True, ondelete="cascade", readonly=True)
    operation_id = UncheckedMany2one("batch.operation", required=True, ondelete="cascade", readonly=True)
    chunk_id = UncheckedMany2one("batch.chunk", required=True, ondelete="cascade", readonly=True)
    index = fields.Integer("Place", required=True, readonly=True, aggregator=None, help="Place in the operation's data, from 0.")
    model = fields.Char(required=True, readonly=True)
    record_id = fields.Integer("Record Id", required=True, readonly=True, aggregator=None)
    action = fields.Selection(ACTION_LABELS, required=True, readonly=True)
    # values are shown by computed fields, which leave out what their reader may not see
    before = fields.Text(required=True, readonly=True, groups=fields.NO_ACCESS)
    after = fields.Text(required=True, readonly=True, groups=fields.NO_ACCESS)
    kept = fields.Text(readonly=True, groups=fields.NO_ACCESS, help="What an undo needs besides, such as all languages of a translated field, as JSON.")
    taken_back = fields.Boolean(
        readonly=True, groups=fields.NO_ACCESS, help="Whether an undo has taken it back; noted where an earlier change of the same record asks for it."
    )

    # `store.changes.changes_page`, `store.purge`
    _job_idx = models.Index("(job_id, id)")
    # `store.changes.changes_at`
    _operation_idx = models.Index("(operation_id, index)")
    # `store.undo.created_by_job`
    _created_idx = models.Index("(model, record_id) WHERE action = 'create'")

    def init(self):
        """Set up the parts of the table that a model can't declare: see `store.schema`."""
        set_up_changes(self.env.cr)
        return super().init()
