from collections import Counter, defaultdict

from odoo import api, fields, models
from odoo.tools import SQL

from ..engine import sizing, states


class BatchSizing(models.Model):
    """What has been learned about chunk sizes: how long records of a model take, by operation and size."""

    _name = "batch.sizing"
    _description = "Learned Chunk Size"
    _order = "model, operation_type, size"
    _log_access = False

    model = fields.Char(required=True, readonly=True)
    operation_type = fields.Char("Type", required=True, readonly=True)
    size = fields.Integer("Chunk Size", required=True, readonly=True)
    seconds_per_record = fields.Float(digits=(16, 6), readonly=True, help="Moving average.")
    samples = fields.Integer(readonly=True)

    _size_uniq = models.UniqueIndex("(model, operation_type, size)")

    @api.model
    def _choose(self, model, operation_type, bytes_per_record, **circumstances):
        """The size of the next chunk of such records.

        :param circumstances: of the job, see `sizing.choose`
        :rtype: sizing.Choice
        """
        return sizing.choose(self._learned([model])[model, operation_type], bytes_per_record, **circumstances)

    @api.model
    def _expect(self, plans):
        """Seconds that planned chunks will take, one after the other; what has not been met before counts nothing.

        :param list plans: `ChunkPlan`s
        """
        counts = Counter(
            (plan.model, plan.operation_type, len(plan.payload)) for plan in plans if plan.kind == states.RECORDS
        )
        learned = self._learned({model for model, _type, _count in counts})
        return sum(
            chunks * sizing.expected_s(learned[model, operation_type], count)
            for (model, operation_type, count), chunks in counts.items()
        )

    @api.model
    def _learned(self, models):
        """What is known of some models: `(model, operation type)` -> size -> (seconds per record, samples)."""
        learned = defaultdict(dict)
        for model, operation_type, size, seconds, samples in self.env.execute_query(
            SQL(
                "SELECT model, operation_type, size, seconds_per_record, samples FROM batch_sizing WHERE model = ANY(%s)",
                list(models),
            )
        ):
            learned[model, operation_type][size] = (seconds, samples)
        return learned

    @api.model
    def _learn(self, model, operation_type, count, duration):
        """Add what a chunk without failures took, in a short transaction of a lane."""
        size = sizing.bucket(count)
        if size is None:
            return
        self.env.cr.execute(
            SQL(
                """
                INSERT INTO batch_sizing AS old (model, operation_type, size, seconds_per_record, samples)
                VALUES (%(model)s, %(type)s, %(size)s, %(seconds)s, 1)
                ON CONFLICT (model, operation_type, size) DO UPDATE
                   SET seconds_per_record = old.seconds_per_record
                                          + %(newest)s * (excluded.seconds_per_record - old.seconds_per_record),
                       samples = old.samples + 1
                """,
                model=model,
                type=operation_type,
                size=size,
                seconds=duration / count,
                newest=sizing.NEWEST,
            )
        )
