from odoo import api, models

from ..run.caller import check_caller
from ..run.status import running

#: Most jobs that the systray shows.
MOST_JOBS = 20


class BatchRunning(models.AbstractModel):
    """The jobs of a user that run, for the systray. Managers, too, see only their own there."""

    _name = "batch.running"
    _description = "Running Batch Jobs"

    @api.model
    def jobs(self):
        """The caller's jobs that run or wait for a lane: neither drafts nor paused ones, nor those whose time has not come.

        :returns: status objects, the newest job first, at most `MOST_JOBS`
        :rtype: list[dict]
        :raises AccessError: the caller is no batch user
        """
        check_caller(self.env)
        return running(self.env, MOST_JOBS)
