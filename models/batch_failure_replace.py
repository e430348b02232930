# A dialog of the models beside it, so it stands with them.
# pylint: disable=unknown-option-value,no-wizard-in-models
from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from ..engine.cells import ID
from ..run.failure_values import described_field, first_value, names_to_replace
from ..run.numbers import records
from ..store import chosen

#: Failures whose values are looked at for names of fields.
LOOKED_AT = 50


class BatchFailureReplace(models.TransientModel):
    """A dialog: replace one value in all failures of a cause. It calls `batch.failure.replace_value`."""

    _name = "batch.failure.replace"
    _description = "Replace a Value in Failed Records"

    domain = fields.Json(required=True, readonly=True, help="The failures.")
    message = fields.Text(readonly=True)
    choices = fields.Json(compute="_compute_choices", help="Pairs of names and labels.")
    name = fields.Char("Field", required=True)
    has_own_values = fields.Boolean(compute="_compute_choices", help="There are values to replace, besides the id of the record.")
    is_any = fields.Boolean("Replace Any Value", default=True)
    old = fields.Char("Only Where It Is", help="As it was sent; empty: where there is nothing.")
    described = fields.Json(compute="_compute_described")
    edits = fields.Json("New Value")

    def _example(self):
        """The first of the failures, with what describes it."""
        found = self.env["batch.failure"].search(self.domain or [("id", "=", 0)], limit=LOOKED_AT)
        return chosen.described(self.env.cr, found.ids)

    @api.depends("domain")
    def _compute_choices(self):
        for dialog in self:
            dialog.choices = names_to_replace(self.env, dialog._example())
            dialog.has_own_values = any(name != ID for name, _label in dialog.choices or ())

    @api.depends("domain", "name")
    def _compute_described(self):
        for dialog in self:
            rows = dialog._example() if dialog.name else []
            dialog.described = [described_field(self.env, rows[0], dialog.name)] if rows else False

    @api.onchange("name")
    def _onchange_name(self):
        """Unless the user says otherwise, only the value of the first failure is replaced: others may be right, and are not seen here."""
        rows = self._example() if self.name else []
        self.old = first_value(rows[0], self.name) if rows else False
        self.is_any = not self.old

    def action_replace(self):
        """Replace the value; returns a notification with the number of failures.

        :raises UserError, AccessError, ValidationError: see `batch.failure.replace_value`
        """
        return self._told(self._replace())

    def action_replace_and_retry(self):
        """As `action_replace`, and run those failures again."""
        count = self._replace()
        self.env["batch.failure"].retry_matching(list(Domain(self.domain) & self._replaced()))
        return self._told(count)

    def _replaced(self):
        """The failures that were replaced just now, as a domain: those of the last choice among the failures of their job."""
        jobs = [job for (job,) in self.env["batch.failure"]._read_group(self.domain, ["job_id"])]
        self.env["batch.job"].invalidate_model(["chosen"], flush=False)  # written by SQL
        return Domain.OR(Domain("job_id", "=", job.id) & Domain("chosen", "=", job.chosen) for job in jobs)

    def _replace(self):
        self.ensure_one()
        new = ((self.edits or {}).get("0") or {}).get(self.name, False)
        old = None if self.is_any else self.old or False
        count = self.env["batch.failure"].replace_value(self.domain, self.name, new, old)
        if not count and not old and new is False:
            raise UserError(self.env._("No new value is given, and these records have none there either."))
        if not count:
            raise UserError(self.env._("None of these records has this value, or it is the new one already."))
        return count

    def _told(self, count):
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "message": self.env._("Replaced: %s.", records(self.env, count)),
                "type": "success",
                "next": {"type": "ir.actions.act_window_close"},
            },
        }
