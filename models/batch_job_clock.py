from datetime import datetime, timezone

from odoo import models
from odoo.tools import SQL

from ..engine.forecast import newer_origin

#: Seconds since the present stretch of work began; 0 outside of one, and where the clock was set back.
STRETCH_S = SQL("coalesce(greatest(extract(epoch FROM clock_timestamp() AT TIME ZONE 'UTC' - worked_since), 0), 0)::float")
#: Ends the present stretch.
STOP_CLOCK = SQL("worked_s = worked_s + %s, worked_since = NULL", STRETCH_S)
#: Least seconds of a job that was worked on at all.
LEAST_S = 0.001


class BatchJob(models.Model):
    """The time a job was worked on: from its first claim to its end, without pauses and without what it waits for a retry.

    A stretch of work begins with the claim that makes a pending job run (`store/claim.py`) or with `resume`, and ends
    with the job, or once nothing of a paused job is in flight any longer.
    """

    _inherit = "batch.job"

    def _worked(self, now=None):
        """Seconds it was worked on until now.

        :param datetime now: naive, in UTC
        """
        if not (self.worked_s or self.worked_since):
            return 0.0
        now = now or datetime.now(timezone.utc).replace(tzinfo=None)
        stretch = max((now - self.worked_since).total_seconds(), 0.0) if self.worked_since else 0.0
        return max(self.worked_s + stretch, LEAST_S)

    def _stop_clock(self):
        if self.worked_since:
            self._update(STOP_CLOCK)

    @property
    def _run_records(self):
        """Records that have run in that time, those that were put back to be run again included."""
        return self.processed_records + self.failed_records + self.earlier_records

    def _keep_pace(self, chunk_s):
        """Let what was long ago count for less in the job's pace.

        :param float chunk_s: seconds that one of its chunks takes
        """
        origin = newer_origin((self.paced_records, self.paced_s), self._run_records, self._worked(), chunk_s)
        if origin:
            self._update(SQL("paced_records = %s, paced_s = %s", *origin))
