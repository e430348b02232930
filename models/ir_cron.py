from odoo import api, fields, models
from odoo.tools import SQL

from odoo.addons.base.models.ir_model import MODULE_UNINSTALL_FLAG

from ..run import lanes
from ..run.settings import get_setting


class IrCron(models.Model):
    """Scheduled actions that are lanes: mark, find, trigger and admit them. See `run/lanes.py`."""

    _inherit = "ir.cron"

    is_batch_lane = fields.Boolean(
        copy=False,
        groups=fields.NO_ACCESS,
        help="This scheduled action is a lane of the batch executor. Only the batch executor sets this.",
    )

    #: An own field: the one of the server action is not there before the scheduled action is stored.
    allowed_states = fields.Json(compute="_compute_allowed_states")

    @api.depends("state")
    def _compute_allowed_states(self):
        """What the form offers: code, as in Odoo, and batch jobs."""
        for cron in self:
            cron.allowed_states = [*dict.fromkeys([cron.state or "code", "code", "batch"])]

    def _init_column(self, column_name):
        """When the column is created: mark the lanes that an older version of the addon has made."""
        done = super()._init_column(column_name)
        if column_name == "is_batch_lane":
            self.env.cr.execute(
                SQL(
                    """
                    UPDATE ir_cron
                       SET is_batch_lane = true
                      FROM ir_act_server AS action
                     WHERE action.id = ir_cron.ir_actions_server_id
                       AND action.code = %s
                    """,
                    lanes.LANE_CODE,
                )
            )
        return done

    @api.model
    def _add_missing_batch_lanes(self):
        """Create the lanes, and those that are missing: called by the data of the addon, at its installation and at each update."""
        lanes.add_missing_lanes(self.env, get_setting(self.env, "lanes"))
        lanes.keep_one_awake(self.env)

    @api.model
    def _batch_lanes(self):
        """The active lanes, in the order of their ids."""
        return self.search([("is_batch_lane", "=", True), ("active", "=", True)], order="id")

    def write(self, vals):
        """As for any model; one of the lanes that are active goes on to run every minute."""
        written = super().write(vals)
        if not {"active", "interval_number", "interval_type"}.isdisjoint(vals) and self._has_lanes():
            lanes.keep_one_awake(self.env)
        return written

    def unlink(self):
        """As for any model; see `write`."""
        has_lanes = self._has_lanes()
        unlinked = super().unlink()
        if has_lanes:
            lanes.keep_one_awake(self.env)
        return unlinked

    def _has_lanes(self):
        """Whether one of these is a lane. While the addon is uninstalled, the mark may be gone already."""
        return not self.env.context.get(MODULE_UNINSTALL_FLAG) and any(self.sudo().mapped("is_batch_lane"))

    def _trigger_lanes(self):
        """As `_trigger`, but for several lanes at once: run them as soon as this transaction has committed."""
        now = fields.Datetime.now()
        self.env["ir.cron.trigger"].sudo().create([{"cron_id": lane.id, "call_at": now} for lane in self])
        self.env.cr.postcommit.add(self._notifydb)

    def _callback(self, cron_name, server_action_id):
        """Admit a lane while the scheduler runs its action.

        :raises AccessError: see `run.lanes.admitted`
        """
        if not self.sudo().is_batch_lane:
            return super()._callback(cron_name, server_action_id)
        with lanes.admitted(self):
            return super()._callback(cron_name, server_action_id)
