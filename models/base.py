from odoo import models


class Base(models.AbstractModel):
    _inherit = "base"

    def _convert_records(self, records, *, log=lambda a: None, savepoint):
        """Tell who asks for it, by `batch_note_skipped` in the context, which records `load` is about to skip."""
        converted = super()._convert_records(records, log=log, savepoint=savepoint)
        note, fields = self.env.context.get("batch_note_skipped"), self.env.context.get("import_skip_records")
        return converted if note is None or not fields else _noting(converted, fields, note)


def _noting(converted, fields, note):
    """Yield converted records; note the places of those without a value for one of the fields."""
    for entry in converted:
        _id, _xid, record, info = entry
        if any(record.get(field) is None for field in fields):
            note(info["record"])
        yield entry
