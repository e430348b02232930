import datetime

from odoo.tests import HttpCase
from odoo.tools import file_path

from .api_case import ApiCase
from .case import PATIENCE_S, create

#: A library that Debian's Odoo does not carry: the module `mail` names it, and the browser complains.
NOT_PACKAGED = "mail/static/lib/selfie_segmentation/selfie_segmentation.js"


class TestTours(HttpCase, ApiCase):
    """The backend in a real browser, on committed data, with lanes at work beside it."""

    registry_test_mode = False

    @classmethod
    def set_up_data(cls, env):
        try:
            file_path(NOT_PACKAGED)
        except FileNotFoundError:
            values = {
                "name": "Not packaged",
                "bundle": "web.assets_backend",
                "directive": "remove",
                "path": NOT_PACKAGED,
            }
            asset = env["ir.asset"].create(values)
            cls.addClassCleanup(cls._delete_asset, asset.id)

    @classmethod
    def _delete_asset(cls, asset_id):
        with cls.committed() as env:
            env["ir.asset"].browse(asset_id).unlink()

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

    def run_tour(self, name):
        self.start_tour("/odoo/batch-jobs", name, login=self.user.login, timeout=PATIENCE_S)

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
