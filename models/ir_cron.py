from odoo import api, fields, models
from odoo.tools import SQL

from ..run import lanes


class IrCron(models.Model):
    """The scheduled actions that are lanes: marking, finding, waking and admitting them. The rest is `run/lanes.py`."""

    _inherit = "ir.cron"

    is_batch_lane = fields.Boolean(
        copy=False,
        groups=fields.NO_ACCESS,
        help="Runs jobs of the batch executor. Set by the batch executor alone.",
    )

    def _init_column(self, column_name):
        """Mark the lanes of an installation that has none marked yet."""
        super()._init_column(column_name)
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

    @api.model
    def _batch_lanes(self):
        """The active lanes."""
        return self.search([("is_batch_lane", "=", True), ("active", "=", True)], order="id")

    def _trigger_lanes(self):
        """Run these lanes soon: what `_trigger` does, for all of them at once."""
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
