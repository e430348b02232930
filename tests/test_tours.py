import datetime

from .browser_case import BrowserCase
from .case import create


class TestTours(BrowserCase):
    """The backend in a real browser, with lanes at work beside it."""

    def setUp(self):
        super().setUp()
        tomorrow = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)
        with self.committed(self.user.id) as env:
            jobs = env["batch.job"]
            self.partial = jobs.submit([create("Tour A", False, "Tour B")], name="Tour import")["job_id"]
            self.later = jobs.submit(
                [create("Tour C", "Tour D")], name="Tour later", run_at=tomorrow.isoformat(timespec="seconds")
            )["job_id"]
            self.paused = jobs.submit([create("Tour E", "Tour F")], name="Tour paused")["job_id"]
            jobs.browse(self.paused).pause()
        self.work()

    def test_failed_values_are_mended_and_retried(self):
        with self.lanes_at_work():
            self.run_tour("batch_job_mend_and_retry")
        with self.committed() as env:
            self.assertEqual(env["batch.job"].browse(self.partial).state, "completed")
            mended = env["res.partner"].search([("name", "=", "Mended by hand"), ("ref", "=", "tour")])
            self.assertEqual(len(mended), 1)

    def test_job_is_cancelled_and_another_resumed(self):
        with self.lanes_at_work():
            self.run_tour("batch_job_cancel_and_resume")
        with self.committed() as env:
            self.assertEqual(env["batch.job"].browse(self.later).state, "cancelled")
            paused = env["batch.job"].browse(self.paused)
            self.assertEqual((paused.state, paused.name), ("completed", "Tour renamed"))

    def test_many_jobs_are_cancelled_at_once(self):
        self.run_tour("batch_job_cancel_many")
        with self.committed() as env:
            jobs = env["batch.job"].browse([self.partial, self.later, self.paused])
            self.assertEqual(jobs.mapped("state"), ["partial", "cancelled", "cancelled"])
