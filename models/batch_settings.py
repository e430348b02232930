# a settings page is a transient model, as in Odoo
# pylint: disable=no-wizard-in-models
from odoo import fields, models
from odoo.exceptions import ValidationError

from ..engine.settings import SETTINGS, bounds
from ..run.lanes import set_lane_count
from ..run.settings import get_setting, set_settings


def _setting(name, label, help_text):
    return fields.Integer(label, default=lambda self: get_setting(self.env, name), help=help_text)


class BatchSettings(models.TransientModel):
    """The settings page. It is separate from Odoo's, which only administrators can open; batch managers can open this one."""

    _name = "batch.settings"
    _description = "Batch Settings"

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
        "Further attempts after a transient failure (a lock, a timeout), where the job does not say.",
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

    batch_run_in_lists = fields.Boolean(
        "Run in Batch in Lists",
        default=lambda self: bool(get_setting(self.env, "run_in_lists")),
        help="Batch users find Run in batch… in the Actions menu of every list.",
    )

    def action_save(self):
        """Store the values of this record as settings, and adjust the number of lanes.

        :returns: an action that closes the page
        :raises ValidationError: a value is out of its bounds; no setting is changed then
        """
        values = {name: int(self[f"batch_{name}"]) for name in SETTINGS}
        for name, value in values.items():
            low, high = bounds(name)
            if not low <= value <= high:
                label = self._fields[f"batch_{name}"]._description_string(self.env)
                raise ValidationError(
                    self.env._("%(label)s must be from %(low)s to %(high)s.", label=label, low=low, high=high)
                )
        set_settings(self.env, values)
        set_lane_count(self.env, self.batch_lanes)
        return {"type": "ir.actions.act_window_close"}
