from odoo import api, models

from ..run import overview
from ..run.access import check_visible
from ..run.caller import check_caller

#: Most chunks in the timeline of a job.
TIMELINE_CHUNKS = 500


class BatchOverview(models.AbstractModel):
    """What the overview page, the banner over jobs and the timeline of a job read. Users see jobs of their own, managers of their companies."""

    _name = "batch.overview"
    _description = "Batch Overview"

    @api.model
    def read_overview(self, with_causes=False):
        """Lanes, queue, throughput and jobs, for the overview page.

        :param bool with_causes: also the causes of failure of the last day
        :returns: dict, see `run.overview.overview`
        :raises AccessError: the caller is no batch user
        """
        check_caller(self.env)
        return overview.overview(self.env, with_causes)

    @api.model
    def read_standstill(self):
        """Why nothing runs although work waits.

        :returns: dict with `reason` and `text`; False where lanes are at work, or nothing waits
        :raises AccessError: the caller is no batch user
        """
        check_caller(self.env)
        return overview.explain_standstill(self.env)

    @api.model
    def read_timeline(self, job_id):
        """The chunks of a job that were claimed last, over time.

        :param int job_id: id of a job
        :returns: dict, see `run.overview.timeline`
        :raises AccessError, MissingError: the caller may not see the job
        """
        job = self.env["batch.job"].browse(job_id)
        check_visible(job)
        return overview.timeline(self.env, job.id, TIMELINE_CHUNKS)
