from odoo import fields, models


class BatchMetric(models.Model):
    """What a lane has counted for the metrics since it was first awake: see `store/metrics.py`."""

    _name = "batch.metric"
    _description = "Counts of a Lane"
    _log_access = False

    lane = fields.Integer(readonly=True, aggregator=None, help="Number of the lane; empty: counted by a call of a verb.")
    counts = fields.Json(readonly=True)
    seen_at = fields.Datetime(readonly=True)

    # `store.metrics.count_up`: the row of a lane; `settle_up`: rows of others, which have no number
    _lane_uniq = models.UniqueIndex("(lane)")
