from .browser_case import BrowserCase
from .case import create


class TestTold(BrowserCase):
    """The systray and the notification at the end, in a real browser."""

    def test_running_jobs_are_shown_and_ends_are_told(self):
        with self.committed(self.user.id) as env:
            jobs = env["batch.job"]
            waits = jobs.submit([create("Tour A")], name="Tour waits")["job_id"]
            paused = jobs.submit([create("Tour B", False)], name="Tour paused")["job_id"]
            jobs.browse(paused).pause()
        # lanes leave the first one alone, until a verb is called
        self.sql("UPDATE batch_job SET steered_until = now() + interval '1 hour' WHERE id = %s", waits)
        self.sql("UPDATE batch_job SET create_date = create_date - interval '1 minute' WHERE id = %s", paused)
        with self.lanes_at_work():
            self.run_tour("batch_told")

    def test_the_preference_is_set_by_the_user(self):
        self.run_tour("batch_told_preference", url=f"/odoo/my-preferences/{self.user.id}")
        with self.committed() as env:
            self.assertEqual(env["res.users"].browse(self.user.id).batch_notify, "failures")
