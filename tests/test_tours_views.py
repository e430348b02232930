"""The views of jobs, the overview and the timeline in a real browser."""

import datetime

from .browser_case import BrowserCase
from .case import create


class TestViewTours(BrowserCase):
    def setUp(self):
        super().setUp()
        tomorrow = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)).isoformat(timespec="seconds")
        with self.committed(self.user.id) as env:
            jobs = env["batch.job"]
            tags = [create("View tag 1", "View tag 2", model="res.partner.category")]
            self.mixed = jobs.submit([create("View A", False, "View B"), *tags], name="View mixed \u202e!")["job_id"]
            self.failed = jobs.submit([create(False)], name="View failed")["job_id"]
            self.later = jobs.submit([create("View C", "View D")], name="View later", run_at=tomorrow)["job_id"]
            self.cancelled = jobs.submit([create("View E")], name="View cancelled")["job_id"]
            jobs.browse(self.cancelled).cancel()
            long = "\n".join(f"line {number} of a long error" for number in range(30))
            jobs.browse(self.cancelled).sudo().error = long
            stopping = {"max_failures": 0, "max_chunk_size": 1, "max_concurrency": 1}
            jobs.submit([create(False, "View H", "View I")], name="View stopped", **stopping)
            self.paused = jobs.submit([create("View F", "View G")], name="View paused")["job_id"]
            jobs.browse(self.paused).pause()
        self.work()

    def test_a_form_shows_the_way_and_what_can_be_done(self):
        with self.lanes_at_work():
            self.run_tour("batch_job_form_way")
        with self.committed() as env:
            paused = env["batch.job"].browse(self.paused)
            self.assertEqual((paused.priority, paused.max_concurrency, paused.state), (7, 3, "paused"))
            self.assertEqual(env["batch.job"].browse(self.later).state, "completed")
            self.assertEqual(env["batch.job"].browse(self.cancelled).state, "completed")
            self.assertEqual([env["batch.job"].browse(id_).keep for id_ in (self.failed, self.mixed)], [True, False])

    def test_lists_are_searched_and_grouped(self):
        self.run_tour("batch_job_list_search")
        with self.committed() as env:
            self.assertEqual(env["batch.job"].browse(self.later).state, "pending")

    def test_the_overview_shows_what_runs(self):
        with self.lanes_at_work():
            self.run_tour("batch_overview", "/odoo/batch-overview")

    def test_a_banner_says_why_nothing_runs(self):
        with self.committed() as env:
            lanes = env["ir.cron"]._batch_lanes()
            lanes.active = False
        try:
            with self.committed(self.user.id) as env:
                env["batch.job"].submit([create("View H")], name="View waiting")
            self.run_tour("batch_standstill", "/odoo/batch-overview")
        finally:
            with self.committed() as env:
                env["ir.cron"].browse(lanes.ids).active = True

    def test_cards_on_a_phone(self):
        self.browser_size = "400x850"
        self.touch_enabled = True
        self.run_tour("batch_job_phone")
