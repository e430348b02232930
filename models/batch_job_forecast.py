from datetime import datetime, timedelta, timezone

from odoo import api, models
from odoo.tools import SQL

from ..engine import states
from ..engine.forecast import remaining_s
from ..engine.progress import progress
from ..run.settings import get_setting

#: Seconds after work on a job begins within which all lanes have come that an idle cron worker can run: Odoo wakes it within 0.1 s.
GATHERING_S = 0.15
COUNTERS = (
    "total_operations", "completed_operations", "failed_operations",
    "total_records", "processed_records", "failed_records", "cancelled_records",
)  # fmt: skip


class BatchJob(models.Model):
    """How far it is and how long it will take, for those who watch it."""

    _inherit = "batch.job"

    @api.depends(
        "total_operations",
        "completed_operations",
        "failed_operations",
        "total_records",
        "processed_records",
        "failed_records",
        "cancelled_records",
        "state",
        "worked_s",
        "worked_since",
        "earlier_records",
        "earlier_operations",
        "paced_s",
        "paced_records",
        "expected_work",
    )
    def _compute_progress(self):
        now = datetime.now(timezone.utc).replace(tzinfo=None)
        in_flight = self._in_flight()
        for job in self:
            worked_s = job._worked(now)
            job.update(
                progress(job._counts(), job.state, worked_s, job.earlier_records, job.earlier_operations)
            )
            job.eta = job._eta(now, worked_s, in_flight.get(job.id))

    def _counts(self):
        """Its counters, as of `report.status`."""
        return {**{name: self[name] for name in COUNTERS}, "warnings": self.warning_count}

    def _eta(self, now, worked_s, in_flight):
        """When it will be over, about; False where nothing can be said of it."""
        if not in_flight:
            return False
        uncounted = in_flight["records"]
        run = self._run_records + uncounted
        settled = self.processed_records + self.failed_records + self.cancelled_records + uncounted
        left_s = remaining_s(
            self.total_records - settled,
            paces=[(run - self.paced_records, worked_s - self.paced_s), (run, worked_s)],
            expected_record_s=self.expected_work / self.total_records if self.total_records else 0.0,
            lanes=self._lanes_to_come(now, in_flight),
            lane_s=in_flight["lane_s"],
        )
        return False if left_s is None else now + timedelta(seconds=left_s)

    def _in_flight(self):
        """What goes on in those of these jobs that run; a few rows of each, however large it is.

        Its records are shown once they are counted: `completed` and the counters never disagree.
        """
        jobs = self.filtered(lambda job: job.state == states.RUNNING)
        if not jobs.ids:
            return {}
        rows = self.env.execute_query_dict(
            SQL(
                """
                SELECT job.id, running.lanes, running.lane_s, waiting.chunks, uncounted.records
                  FROM unnest(%(jobs)s) AS job (id),
               LATERAL (
                    SELECT count(*) AS lanes,
                           coalesce(
                                sum(extract(epoch FROM clock_timestamp() AT TIME ZONE 'UTC' - claimed_at))
                                    FILTER (WHERE kind = 'records'),  -- a driver's work shows in the counters as it goes
                                0
                           )::float AS lane_s
                      FROM batch_chunk
                     WHERE job_id = job.id
                       AND state = 'running'
                    ) AS running,
               LATERAL (
                    SELECT count(*) AS chunks
                      FROM (
                        SELECT FROM batch_chunk
                         WHERE job_id = job.id
                           AND state = 'pending'
                         ORDER BY sequence, id
                         LIMIT %(lanes)s
                        ) AS first
                    ) AS waiting,
               LATERAL (
                    SELECT coalesce(sum(processed_records + failed_records + cancelled_records), 0) AS records
                      FROM batch_chunk
                     WHERE job_id = job.id
                       AND NOT tallied
                       AND finished_at IS NOT NULL
                    ) AS uncounted
                """,
                jobs=jobs.ids,
                lanes=get_setting(self.env, "lanes"),
            )
        )
        return {row["id"]: row for row in rows}

    def _lanes_to_come(self, now, in_flight):
        """How many lanes will work on it, where not all that may have had the time to come."""
        if self.worked_since and (now - self.worked_since).total_seconds() > GATHERING_S:
            return in_flight["lanes"]
        wanted = min(in_flight["lanes"] + in_flight["chunks"], self.max_concurrency, get_setting(self.env, "lanes"))
        return max(in_flight["lanes"], wanted)
