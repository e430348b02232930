from odoo import api, models


class Peer(models.AbstractModel):
    """The same work, by `queue_job`."""

    _name = "batch_executor_bench.peer"
    _description = "Benchmark of queue_job"

    @api.model
    def enqueue(self, values, size):
        """Enqueue the creation of partners, in one job for every `size` of them.

        :returns: number of jobs
        """
        parts = [values[start : start + size] for start in range(0, len(values), size)]
        for part in parts:
            self.with_delay().create_partners(part)
        return len(parts)

    @api.model
    def create_partners(self, values):
        self.env["res.partner"].create(values)
