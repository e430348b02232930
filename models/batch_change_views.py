from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from ..engine.payload import dumps
from ..run.contents import model_labels
from ..run.differences import BRIEF, FULL, describe_changes
from ..run.readable import readable_changes
from ..store.changes import values_like


@api.depends("before", "after")
@api.depends_context("uid", "lang", "tz")
def _described(changes):
    found = describe_changes(changes.env, changes.ids, BRIEF)
    models_named = model_labels(changes.env, set(changes.mapped("model")))
    for change in changes:
        described = found.get(change._origin.id, {})
        change.model_label = models_named.get(change.model)
        change.label = described.get("label") or f"#{change.record_id}"
        change.record_exists = described.get("exists", False)
        change.differences = described.get("found", False)


@api.depends("before", "after")
@api.depends_context("uid", "lang", "tz")
def _all_differences(changes):
    """In full: for the form of one change."""
    found = describe_changes(changes.env, changes.ids, FULL)
    for change in changes:
        change.all_differences = found.get(change._origin.id, {}).get("found", False)


@api.depends("before", "after")
@api.depends_context("uid")
def _values(changes):
    found = {row["id"]: row for row in readable_changes(changes.env, changes.ids)}
    for change in changes:
        row = found.get(change._origin.id, {})
        change.values_before, change.values_after = (dumps(row.get(side, {})) for side in ("before", "after"))


def _search_values(changes, operator, text):
    """Changes of one's own jobs with a text in their values: of others, what is found would tell what may not be read."""
    if operator != "ilike":
        return NotImplemented
    return Domain("job_id.user_id", "=", changes.env.uid) & Domain.custom(to_sql=lambda _model, alias, _query: values_like(alias, text))


class BatchChange(models.Model):
    """Computed fields and buttons of a change for the backend's views."""

    _inherit = "batch.change"

    # read where they are needed: they may be large
    before = fields.Text(prefetch=False)
    after = fields.Text(prefetch=False)
    kept = fields.Text(prefetch=False)

    values_before = fields.Text(compute=_values, search=_search_values, help="Values before, as JSON; of an update those that differ.")
    values_after = fields.Text(compute=_values, search=_search_values, help="Values afterwards, as JSON; of an update those that differ.")
    label = fields.Char("Record", compute=_described, help="Its name: of the record, or as the change says.")
    model_label = fields.Char("Model Name", compute=_described)
    record_exists = fields.Boolean(compute=_described, help="The record is there, and you may read it.")
    differences = fields.Json("Changes", compute=_described, help="The values before and after, in words.")
    all_differences = fields.Json("All Changes", compute=_all_differences)

    @api.depends("label")
    @api.depends_context("uid", "lang")
    def _compute_display_name(self):
        for change in self:
            change.display_name = change.label

    def action_view_record(self):
        """Open the record that was changed.

        :returns: an action
        :raises UserError: the record does not exist, or the caller may not read it
        """
        self.ensure_one()
        self.check_access("read")
        if not self.record_exists:
            raise UserError(self.env._("This record does not exist any longer."))
        return {
            "type": "ir.actions.act_window",
            "res_model": self.model,
            "res_id": self.record_id,
            "views": [(False, "form")],
        }
