# a settings page is a transient model, as in Odoo
# pylint: disable=unknown-option-value,no-wizard-in-models
from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ..engine.settings import SETTINGS, bounds
from ..run.lanes import most_lanes, set_lane_count
from ..run.metrics_key import forget_key, has_key, make_key
from ..run.settings import cron_workers, get_setting, set_settings
from ..store import overview

#: Seconds since a lane last ran: one does so each minute where anything runs them.
LATELY_S = 180


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
    lanes_warning = fields.Char(compute="_compute_lanes_warning", help="Why some of the lanes will not run.")
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
    batch_max_file_mib = _setting("max_file_mib", "Size of a File (MiB)", "A file that is sent to be imported may have this many, also unpacked.")
    batch_execute_limit = _setting(
        "execute_limit", "Records inside a Request", "Most records that execute takes: it runs while its caller waits."
    )
    batch_keep_days = _setting(
        "keep_days", "Keep Finished Jobs (days)", "With their results and failures. 0: for ever."
    )
    batch_keep_changes_days = _setting(
        "keep_changes_days", "Keep Changes (days)", "What jobs remember of the records they have changed. 0: as long as the job."
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
    batch_fast_chatter = fields.Boolean(
        "Fast Chatter",
        default=lambda self: bool(get_setting(self.env, "fast_chatter")),
        help="Messages and followers of a chunk's records are written at once, exactly as Odoo writes them one by one.",
    )
    batch_fast_load = fields.Boolean(
        "Fast Imports",
        default=lambda self: bool(get_setting(self.env, "fast_load")),
        help="Imports look up all that the rows of a chunk refer to at once, with exactly the records that Odoo would find.",
    )

    has_metrics_key = fields.Boolean(compute="_compute_has_metrics_key")
    #: Never stored: the dialog that tells it gets it as a default value.
    metrics_key = fields.Char("Key", store=False, readonly=True)

    def _compute_has_metrics_key(self):
        self.has_metrics_key = has_key(self.env)

    @api.depends("batch_lanes")
    def _compute_lanes_warning(self):
        workers = cron_workers()
        for settings in self:
            if settings.batch_lanes <= workers:
                settings.lanes_warning = False
            elif workers:
                settings.lanes_warning = self.env._(
                    "%(lanes)s lanes, but this server has only %(workers)s cron workers (max_cron_threads), which also run Odoo's "
                    "other scheduled actions. The other lanes run only if further servers work on this database.",
                    lanes=settings.batch_lanes,
                    workers=workers,
                )
            elif self._has_run_lately():
                settings.lanes_warning = False
            else:
                settings.lanes_warning = self.env._(
                    "%s lanes, but this server has no cron worker (max_cron_threads is 0). Lanes run only if other servers with cron "
                    "workers work on this database.",
                    settings.batch_lanes,
                )

    def _has_run_lately(self):
        """Whether another server runs lanes of this database."""
        return any(lane["unseen_s"] is not None and lane["unseen_s"] < LATELY_S for lane in overview.lanes(self.env.cr))

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
        if self.batch_lanes > (most := most_lanes(self.env.cr)):
            raise ValidationError(
                self.env._(
                    "%(lanes)s lanes are too many: each needs at least two connections to PostgreSQL while it runs, and its limit "
                    "(max_connections) leaves room for %(most)s lanes.",
                    lanes=self.batch_lanes,
                    most=most,
                )
            )
        set_settings(self.env, values)
        set_lane_count(self.env, self.batch_lanes)
        return {"type": "ir.actions.act_window_close"}

    def action_make_metrics_key(self):
        """Make a key for the metrics; one that was made before is no longer valid.

        :returns: an action that shows the key, this once
        """
        self.check_access("write")
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Key for the Metrics"),
            "res_model": self._name,
            "views": [(self.env.ref("batch_executor.batch_settings_view_form_key").id, "form")],
            "target": "new",
            "context": {"default_metrics_key": make_key(self.env)},
        }

    def action_forget_metrics_key(self):
        """Delete the key for the metrics: nobody can read them any more.

        :returns: an action that closes the page
        """
        self.check_access("write")
        forget_key(self.env)
        return {"type": "ir.actions.act_window_close"}
