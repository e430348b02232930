import time

from odoo import api, models

#: Seconds of a record, whatever stands beside it; and those by which the square of the records adds to that.
RECORD_S, SQUARE_S = 0.000_5, 0.000_01


class Industry(models.Model):
    """Made a model whose creation slows down with size: some constraint compares every new record with all others."""

    _inherit = "res.partner.industry"

    @api.model_create_multi
    def create(self, vals_list):
        time.sleep(RECORD_S * len(vals_list) + SQUARE_S * len(vals_list) ** 2)
        return super().create(vals_list)


class Peer(models.AbstractModel):
    """The same work, by `queue_job`."""

    _name = "batch_executor_bench.peer"
    _description = "Benchmark of queue_job"

    @api.model
    def enqueue(self, values, size):
        """Enqueue the creation of partners, in one job for every `size` of them; returns the number of jobs."""
        parts = [values[start : start + size] for start in range(0, len(values), size)]
        for part in parts:
            self.with_delay().create_partners(part)
        return len(parts)

    @api.model
    def create_partners(self, values):
        self.env["res.partner"].create(values)
