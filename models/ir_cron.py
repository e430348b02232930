import threading

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import AccessError

LANE_CODE = "model._run_lane()"

_thread = threading.local()


class IrCron(models.Model):
    """The scheduled actions that are lanes: finding, waking and admitting them."""

    _inherit = "ir.cron"

    @api.model
    def _batch_lanes(self):
        """The scheduled actions that are lanes."""
        return self.search([("code", "=", LANE_CODE), ("active", "=", True)], order="id")

    def _trigger_lanes(self):
        """Run these lanes soon: what `_trigger` does, for all of them at once."""
        now = fields.Datetime.now()
        self.env["ir.cron.trigger"].sudo().create([{"cron_id": lane.id, "call_at": now} for lane in self])
        self.env.cr.postcommit.add(self._notifydb)

    def _callback(self, cron_name, server_action_id):
        """Let the scheduler, and nobody else, start a lane.

        Its action can be run like any other, by anybody and in any context. What makes a lane of it is that the scheduler has
        just come by here, on the same thread: no request can do that, nor can what a lane itself runs.
        """
        if self.sudo().code != LANE_CODE:  # scheduled actions of users may not read their own code
            return super()._callback(cron_name, server_action_id)
        if self.env.uid != SUPERUSER_ID:
            raise AccessError(self.env._("A lane of the batch executor must run as the superuser, which is OdooBot."))
        if getattr(_thread, "has_lane", False):
            raise AccessError(self.env._("A lane of the batch executor can't be started by what another one runs."))
        _thread.has_lane, _thread.admitted = True, self
        try:
            return super()._callback(cron_name, server_action_id)
        finally:
            _thread.has_lane, _thread.admitted = False, None

    @api.model
    def _admit_lane(self):
        """The lane that the scheduler is starting on this thread; it is admitted once.

        :raises AccessError: nobody is
        """
        lane, _thread.admitted = getattr(_thread, "admitted", None), None
        if lane is None:
            raise AccessError(self.env._("A lane of the batch executor is run by Odoo's scheduler alone."))
        return lane
