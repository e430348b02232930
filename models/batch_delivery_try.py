from odoo import api, fields, models


class BatchDeliveryTry(models.Model):
    """A try to send the end of a job."""

    _name = "batch.delivery.try"
    _description = "Batch Delivery Try"
    _order = "id desc"
    _rec_name = "number"
    _log_access = False

    delivery_id = fields.Many2one("batch.delivery", required=True, readonly=True, ondelete="cascade", index=True)
    job_id = fields.Many2one(related="delivery_id.job_id")
    webhook_id = fields.Many2one(related="delivery_id.webhook_id", store=True)
    number = fields.Integer("Try", readonly=True, aggregator=None)
    started_at = fields.Datetime("Sent On", readonly=True)
    duration = fields.Float("Seconds", readonly=True, digits=(16, 3), aggregator=None)
    http_status = fields.Integer("HTTP Status", readonly=True, aggregator=None)
    error = fields.Char(readonly=True)
    result = fields.Char(compute="_compute_result")

    # `store.webhook.last_tries`
    _webhook_idx = models.Index("(webhook_id, id)")

    @api.depends("http_status", "error", "duration")
    def _compute_result(self):
        for one in self:
            if one.error:
                one.result = one.error
            elif one.http_status:
                one.result = f"HTTP {one.http_status}"
            else:
                one.result = self.env._("No outcome is known: it is on its way, or the process that sent it has ended.")
