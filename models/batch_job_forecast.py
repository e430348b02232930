from datetime import datetime, timedelta, timezone

from odoo import api, models
from odoo.tools import SQL

from ..engine import states
from ..engine.forecast import remaining_s

#: Seconds after a job's start within which all lanes have come that an idle cron worker can run: Odoo wakes it within 0.1 s.
GATHERING_S = 0.15


class BatchJob(models.Model):
    """How far it is and how long it will take, for those who watch it."""

    _inherit = "batch.job"

    @api.depends(
        "total_records",
        "processed_records",
        "failed_records",
        "cancelled_records",
        "state",
        "started_at",
        "finished_at",
        "expected_work",
    )
    def _compute_progress(self):
        now = datetime.now(timezone.utc).replace(tzinfo=None)
        in_flight = self._in_flight()
        for job in self:
            job.percentage = job._percentage()
            end = job.finished_at or now
            job.duration = max((end - job.started_at).total_seconds(), 0.001) if job.started_at else 0.0
            job.records_per_second = (
                (job.processed_records + job.failed_records) / job.duration if job.duration else 0.0
            )
            job.eta = job._eta(now, in_flight.get(job.id))

    @property
    def _settled_records(self):
        return self.processed_records + self.failed_records + self.cancelled_records

    def _percentage(self):
        if self.total_records:
            return min(100.0 * self._settled_records / self.total_records, 100.0)
        return 100.0 if self.state in states.JOB_FINAL else 0.0

    def _eta(self, now, in_flight):
        if not in_flight or not self.started_at:
            return False
        left = remaining_s(
            self.total_records,
            self._settled_records + in_flight["records"],
            elapsed_s=self.duration,
            expected_s=self.expected_work,
            lanes=self._lanes_to_come(in_flight),
            lane_s=in_flight["lane_s"],
        )
        return False if left is None else now + timedelta(seconds=left)

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
                lanes=self._setting("lanes"),
            )
        )
        return {row["id"]: row for row in rows}

    def _lanes_to_come(self, in_flight):
        """How many lanes will work on it, where not all that may have had the time to come."""
        if self.duration > GATHERING_S:
            return in_flight["lanes"]
        wanted = min(in_flight["lanes"] + in_flight["chunks"], self.max_concurrency, self._setting("lanes"))
        return max(in_flight["lanes"], wanted)
