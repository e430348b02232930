"""What the systray is told of a user's running jobs."""

import datetime

from odoo.exceptions import AccessError
from odoo.tests import new_test_user

from ..models.batch_running import MOST_JOBS
from .case import STATUS_KEYS, SUBMITTER, BatchCase, create


class TestRunning(BatchCase):
    def running(self, user=None):
        return self.env["batch.running"].with_user(user or self.user).jobs()

    def test_jobs_that_run_or_wait_for_a_lane(self):
        tomorrow = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)
        first = self.jobs.submit([create("A")])["job_id"]
        self.jobs.submit([create("B")], draft=True)
        self.jobs.submit([create("C")], run_at=tomorrow.isoformat(timespec="seconds"))
        self.jobs.browse(self.jobs.submit([create("D")])["job_id"]).pause()
        self.jobs.browse(self.jobs.submit([create("E")])["job_id"]).cancel()
        last = self.jobs.submit([create("F")])["job_id"]
        jobs = self.running()
        self.assertEqual([job["job_id"] for job in jobs], [last, first])
        self.assertEqual(set(jobs[0]), STATUS_KEYS)

    def test_only_own_ones_and_for_batch_users(self):
        self.jobs.submit([create("A")])
        manager = new_test_user(self.env, "batch-boss", groups=",".join((*SUBMITTER, "batch_executor.group_batch_manager")))
        self.assertEqual(self.running(manager), [])
        stranger = new_test_user(self.env, "batch-stranger", groups="base.group_user")
        with self.assertRaises(AccessError):
            self.running(stranger)

    def test_not_more_than_can_be_shown(self):
        for _number in range(MOST_JOBS + 2):
            self.jobs.submit([create("A")])
        self.assertEqual(len(self.running()), MOST_JOBS)
