from odoo import fields, models


class BatchSizing(models.Model):
    """Measured durations: seconds per record, by model, kind of operation and chunk size. Used and updated by `store/sizing.py`."""

    _name = "batch.sizing"
    _description = "Learned Chunk Size"
    _order = "model, operation_type, size"
    _log_access = False

    model = fields.Char(required=True, readonly=True)
    operation_type = fields.Char("Type", required=True, readonly=True)
    size = fields.Integer("Chunk Size", required=True, readonly=True, aggregator="avg")
    seconds_per_record = fields.Float(digits=(16, 6), readonly=True, aggregator="avg", help="Moving average.")
    samples = fields.Integer(readonly=True)

    _size_uniq = models.UniqueIndex("(model, operation_type, size)")
