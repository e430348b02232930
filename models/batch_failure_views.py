import json

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..engine.isolate import isolate
from ..engine.operation import UPDATE
from ..engine.payload import dumps, indented
from ..run.failure_values import described_values, edited, labels, takes_fields
from ..store import chosen


class BatchFailure(models.Model):
    """Computed fields and buttons of a failure for the backend's views."""

    _inherit = "batch.failure"

    label = fields.Char(
        "Record", compute="_compute_label", help="Its name, reference, key or external id: of the record, or as it was sent."
    )
    pretty_values = fields.Text(
        "Values as Sent",
        compute="_compute_pretty_values",
        inverse="_inverse_pretty_values",
        help="The values as sent, as JSON. Correct them here, then retry.",
    )
    described = fields.Json(compute="_compute_described", help="The values field by field, see `run.failure_values`.")
    can_add = fields.Boolean(compute="_compute_described", help="It can be given more fields.")
    has_shared_values = fields.Boolean(compute="_compute_described", help="Its values are those of all records of its operation.")
    edits = fields.Json(
        "New Values", compute="_compute_edits", inverse="_inverse_edits", help='New values: row (from "0") -> name -> value.'
    )
    can_mend = fields.Boolean(compute="_compute_can_mend", help="You may correct its values.")
    job_state = fields.Selection(related="job_id.state", string="Job State")

    @api.depends("values", "record_id")
    @api.depends_context("uid", "lang")
    def _compute_label(self):
        found = labels(self.env, self.ids)
        for failure in self:
            failure.label = found.get(failure._origin.id, "")

    @api.depends("values")
    def _compute_pretty_values(self):
        for failure in self:
            failure.pretty_values = indented(failure.values) if failure.values else False

    def _inverse_pretty_values(self):
        for failure in self:
            failure.values = failure.pretty_values  # `write` checks it

    @api.depends("values")
    @api.depends_context("uid", "lang")
    def _compute_described(self):
        rows = {row["id"]: row for row in chosen.described(self.env.cr, self.ids)}
        for failure in self:
            row = rows.get(failure._origin.id)
            shared = failure._shared_values(row) if row else None
            failure.described = described_values(row, self.env, shared) if row and row["values"] else False
            failure.can_add = bool(row) and takes_fields(row)
            failure.has_shared_values = bool(shared)

    def _shared_values(self, row):
        """The values that an update writes on all of its records; None where each has values of its own.

        :param dict row: the failure, as `store.chosen` reads it
        """
        if self.operation_type != UPDATE or takes_fields(row):
            return None
        return json.loads(self.operation_id.details or "{}").get("values")

    def _compute_edits(self):
        self.edits = False

    def _inverse_edits(self):
        for failure in self:
            if not failure.edits:
                continue
            edits = failure.edits
            failure.flush_recordset(["values"])
            [row] = chosen.described(self.env.cr, failure.ids)
            if not row["values"]:
                raise UserError(self.env._("Its values were dropped."))
            failure.values = dumps(edited(row, edits, self.env))  # `write` checks it
        self.invalidate_recordset(["edits"], flush=False)

    @api.depends("job_id.is_own", "retried_at", "dismissed_at")
    @api.depends_context("uid")
    def _compute_can_mend(self):
        for failure in self:
            failure.can_mend = not failure.retried_at and not failure.dismissed_at and failure.job_id.is_own

    @api.depends("operation_id", "index", "label")
    @api.depends_context("uid", "lang")
    def _compute_display_name(self):
        for failure in self:
            place = self.env._(
                "%(operation)s, row %(row)s", operation=failure.operation_id.operation_id, row=failure.row_number
            )
            failure.display_name = f"{isolate(failure.label)} ({place})" if failure.label else place

    def action_view_record(self):
        """Open the record that failed; if its retry has created or changed one, that one.

        :returns: an action
        :raises UserError: the record does not exist
        """
        self.ensure_one()
        record_id = self.retry_record_id or self.record_id
        if self.model not in self.env or not self.env[self.model].browse(record_id).exists():
            raise UserError(self.env._("This record does not exist any longer."))
        return {
            "type": "ir.actions.act_window",
            "res_model": self.model,
            "res_id": record_id,
            "views": [(False, "form")],
        }
