from odoo import api, fields, models

from ..run.webhook import send_again, send_due
from ..store.webhook import DELIVERED, FAILED, PENDING

STATES = [(PENDING, "Waiting"), (DELIVERED, "Delivered"), (FAILED, "Given Up")]


class BatchDelivery(models.Model):
    """The end of a job, to be sent to a webhook. See `run/webhook.py`."""

    _name = "batch.delivery"
    _description = "Batch Delivery"
    _order = "id desc"
    _rec_name = "message_id"
    _log_access = False

    job_id = fields.Many2one("batch.job", required=True, readonly=True, ondelete="cascade", index=True)
    webhook_id = fields.Many2one("batch.webhook", required=True, readonly=True, ondelete="cascade")
    message_id = fields.Char("Message Id", required=True, readonly=True, help="The header webhook-id: the same for each try.")
    body = fields.Text(readonly=True, help="The status of the job when it ended, as it is sent.")
    state = fields.Selection(STATES, required=True, readonly=True, default=PENDING)
    tries = fields.Integer(readonly=True, aggregator=None, help="Since it ended, or was last sent again by a click.")
    created_at = fields.Datetime("Ended On", readonly=True)
    next_at = fields.Datetime("Next Try", readonly=True)
    delivered_at = fields.Datetime("Delivered On", readonly=True)
    last_result = fields.Char(compute="_compute_last_result", help="What became of the last try.")
    try_ids = fields.One2many("batch.delivery.try", "delivery_id", "Each Try", readonly=True)

    # `store.webhook.due`, and cascades
    _due_idx = models.Index("(webhook_id, next_at) WHERE state = 'pending'")
    _webhook_idx = models.Index("(webhook_id, id)")

    @api.depends("try_ids.error", "try_ids.http_status", "try_ids.duration")
    def _compute_last_result(self):
        for delivery in self:
            delivery.last_result = delivery.try_ids[:1].result

    def action_send_again(self):
        """Send it once more, with the same id, now.

        :raises AccessError: the caller may not see it
        """
        self.check_access("read")
        send_again(self)

    @api.model
    def _send_due(self):
        """Send what is due: called by the scheduled action."""
        send_due(self.env)
