# settings are models of their own kind, as Odoo's
# pylint: disable=no-wizard-in-models
from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ..engine.settings import SETTINGS, bounds


def _setting(name, label, help_text):
    return fields.Integer(label, config_parameter=f"batch_executor.{name}", default=SETTINGS[name], help=help_text)


class BatchSettingsMixin(models.AbstractModel):
    """The settings: each is a system parameter, and a field of whatever shows them."""

    _name = "batch.settings.mixin"
    _description = "Batch Settings (fields)"

    batch_lanes = _setting(
        "lanes",
        "Lanes",
        "Chunks that may run at once, over all jobs. Each needs a cron worker of the server (max_cron_threads).",
    )
    batch_max_chunk_size = _setting(
        "max_chunk_size", "Chunk Size", "Most records in a chunk, where the job does not say. 0: adaptive."
    )
    batch_max_concurrency = _setting(
        "max_concurrency", "Concurrency", "Most chunks of one job in flight at once, where the job does not say."
    )
    batch_retry_attempts = _setting(
        "retry_attempts",
        "Retries",
        "Attempts after a transient failure (a lock, a timeout), where the job does not say.",
    )
    batch_max_records = _setting("max_records", "Records per Submission", "A submission with more is refused.")
    batch_max_operations = _setting("max_operations", "Operations per Submission", "A submission with more is refused.")
    batch_max_jobs = _setting("max_jobs", "Unfinished Jobs per User", "A user with this many can submit no more.")
    batch_execute_limit = _setting(
        "execute_limit", "Records inside a Request", "Most records that execute takes: it runs while its caller waits."
    )
    batch_keep_days = _setting(
        "keep_days", "Keep Finished Jobs (days)", "With their results and failures. 0: for ever."
    )
    batch_keep_draft_days = _setting(
        "keep_draft_days", "Keep Drafts (days)", "Drafts that nobody has started. 0: for ever."
    )
    batch_keep_payload_days = _setting(
        "keep_payload_days",
        "Keep Values (days)",
        "Values of records that succeeded, after the end of their job; results and failures stay. 0: no longer than it runs.",
    )

    def _valid_field_parameter(self, field, name):
        return name == "config_parameter" or super()._valid_field_parameter(field, name)

    def _save_settings(self):
        """Make the values of this record the settings of the database.

        :raises ValidationError: one of them is out of its bounds; none is changed then
        """
        self.ensure_one()
        for name in SETTINGS:
            low, high = bounds(name)
            if not low <= self[f"batch_{name}"] <= high:
                label = self._fields[f"batch_{name}"]._description_string(self.env)
                raise ValidationError(
                    self.env._("%(label)s must be from %(low)s to %(high)s.", label=label, low=low, high=high)
                )
        for name in SETTINGS:
            # Odoo forgets a parameter that is 0; here 0 says something
            self.env["ir.config_parameter"].sudo().set_param(f"batch_executor.{name}", str(self[f"batch_{name}"]))
        self.env["batch.job"].sudo()._set_lanes(self.batch_lanes)


class BatchSettings(models.TransientModel):
    """The settings for batch managers: Odoo's own page of settings is for administrators only."""

    _name = "batch.settings"
    _inherit = "batch.settings.mixin"
    _description = "Batch Settings"

    @api.model
    def default_get(self, fields):
        Job = self.env["batch.job"]
        return {**super().default_get(fields), **{f"batch_{name}": Job._setting(name) for name in SETTINGS}}

    def action_save(self):
        """Save them; the client then shows the menus anew."""
        self._save_settings()
        return {"type": "ir.actions.act_window_close"}


class ResConfigSettings(models.TransientModel):
    _name = "res.config.settings"
    _inherit = ["res.config.settings", "batch.settings.mixin"]

    def set_values(self):
        result = super().set_values()
        self._save_settings()
        return result
