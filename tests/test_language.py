"""A job whose language is switched off while it runs."""

from odoo.tools import mute_logger

from .lane_case import LaneCase

LANG = "fr_BE"


class TestLanguage(LaneCase):
    def setUp(self):
        super().setUp()
        self.set_active(True)
        self.addCleanup(self.set_active, False)

    def set_active(self, active):
        with self.committed() as env:
            if active:
                env["res.lang"]._activate_lang(LANG)
            else:
                env["res.lang"].search([("code", "=", LANG)]).active = False

    def submit_in_french(self, *operations, **options):
        with self.committed(self.user_id, lang=LANG) as env:
            return env["batch.job"].submit(list(operations), **options)["job_id"]

    def test_the_records_left_are_run_in_the_language_of_the_user(self):
        langs = []
        self.set_probe(lambda partners: langs.append(partners.env.lang))
        ids = self.make_partners(4)
        own = {**self.probe(ids[3:]), "context": {"lang": LANG}}
        job = self.submit_in_french(self.probe(ids[:3]), own, max_chunk_size=1)
        with self.open_lane() as lane:
            lane.work_on(lane.claim())
        self.set_active(False)
        self.work()
        done = self.check_counters(job)
        self.assertEqual((done["state"], done["processed_records"]), ("completed", 4))
        self.assertEqual(langs, [LANG, "en_US", "en_US", "en_US"])

    def test_a_selection_and_an_action_at_the_end_run_as_well(self):
        self.make_partners(3)
        with self.committed() as env:
            action = env["ir.actions.server"].create(
                {
                    "name": "Note it",
                    "model_id": env["ir.model"]._get_id("batch.job"),
                    "state": "code",
                    "code": "record.sudo().write({'name': env.lang})",
                }
            )
        update = {
            "operation_type": "update",
            "model": "res.partner",
            "domain": [["ref", "=like", f"{self.mark}-%"]],
            "data": {"city": "Liège"},
        }
        job = self.submit_in_french(update, on_complete=action.id)
        self.set_active(False)
        self.work()
        done = self.check_counters(job)
        self.assertEqual((done["state"], done["processed_records"], done["name"]), ("completed", 3, "en_US"))

    def test_what_killed_its_worker_is_given_up_all_the_same(self):
        job = self.submit_in_french(self.creates(1), retry_attempts=0)
        with self.open_lane() as lane:
            lane.claim()
        self.set_active(False)
        self.sql("UPDATE batch_chunk SET claimed_at = claimed_at - interval '1 hour' WHERE job_id = %s", job)
        with mute_logger("odoo.addons.batch_executor.run.rescue"):
            self.work()
        [failure] = self.failures(job)
        self.assertEqual(failure["error_type"], "WorkerLostError")
        self.assertIn("died; given up after 1 attempt.", failure["error"])
