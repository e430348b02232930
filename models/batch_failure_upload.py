# A dialog of the models beside it, so it stands with them.
# pylint: disable=unknown-option-value,no-wizard-in-models
from odoo import fields, models

from ..run.numbers import records


class BatchFailureUpload(models.TransientModel):
    """A dialog: upload the file of failures that was mended. It calls `batch.failure.upload`."""

    _name = "batch.failure.upload"
    _description = "Upload Mended Records"

    job_id = fields.Integer(required=True)  # no reference: to delete a job would mean to look through this table
    file = fields.Binary(attachment=False)
    filename = fields.Char()

    def action_upload(self):
        """Retry what was changed; returns a notification that says how many rows were changed, unchanged and unknown.

        :raises UserError, AccessError, ValidationError: see `batch.failure.upload`
        """
        self.ensure_one()
        content = self.with_context(bin_size=False).file
        told = self.env["batch.failure"].upload(self.job_id, self.filename, content)
        parts = [self.env._("Retried: %s.", records(self.env, told["retried"]))]
        if told["unchanged"]:
            parts.append(self.env._("Rows as they were, left alone: %s.", told["unchanged"]))
        if told["unknown"]:
            rows = ", ".join(map(str, told["unknown_rows"])) + ("…" if told["unknown"] > len(told["unknown_rows"]) else "")
            parts.append(self.env._("Left alone, as no failure that stands has their place: %(count)s (row %(rows)s of the file).", count=told["unknown"], rows=rows))
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "message": " ".join(parts),
                "type": "success" if told["retried"] else "warning",
                "sticky": bool(told["unknown"]),
                "next": {"type": "ir.actions.act_window_close"},
            },
        }
