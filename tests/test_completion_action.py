"""The action on completion runs once, in its time, whatever it does."""

import time

from odoo.modules.neutralize import get_neutralization_queries

from odoo.addons.batch_executor.run import advance

from .outlives_case import OutlivesCase


class TestAction(OutlivesCase):
    def action(self, code):
        with self.committed() as env:
            model = env["ir.model"]._get_id("batch.job")
            action = env["ir.actions.server"].create(
                {"name": self.mark, "model_id": model, "state": "code", "code": code}
            )
            return action.id

    def callback(self, job_id):
        [chunk] = [chunk for chunk in self.chunks(job_id) if chunk["kind"] == "callback"]
        return chunk

    def test_it_runs_once_beside_lanes_that_have_nothing_to_do(self):
        # what it does to the job itself would be undone, and done again, were the job written meanwhile
        code = f"env.cr.execute('SELECT pg_sleep(1.5)')\nrecord.sudo().write({{'name': record.name + '{self.mark}'}})"
        action = self.action(code)
        job_id = self.submit(self.creates(2), on_complete=action, name="x")
        self.work(3)
        callback = self.callback(job_id)
        self.assertEqual((callback["state"], callback["attempt"], callback["error"]), ("done", 1, None))
        job = self.job(job_id)
        self.assertEqual(job["name"], f"x{self.mark}")
        self.assertTrue(job["called_back_at"])
        self.assertFalse(job["ready"])

    def test_one_that_takes_too_long_is_given_up_for_a_cancelled_job_as_well(self):
        action = self.action("env.cr.execute('SELECT pg_sleep(30)')")
        job_id = self.submit(
            self.creates(2), on_complete=action, timeout=0.3, retry_attempts=1, run_at="2100-01-01T00:00:00Z"
        )
        self.call(job_id, "cancel")
        started = time.monotonic()
        self.work()
        callback = self.callback(job_id)
        self.assertEqual((callback["state"], callback["attempt"]), ("done", 2))
        self.assertTrue(callback["error"])
        self.assertGreater(time.monotonic() - started, 0.6)
        self.assertEqual(self.job(job_id)["state"], "cancelled")

    def test_one_that_keeps_conflicting_is_given_up_for_a_cancelled_job_as_well(self):
        action = self.action("env.cr.execute(\"SELECT id FROM res_country WHERE code = 'BE' FOR UPDATE NOWAIT\")")
        job_id = self.submit(self.creates(2), on_complete=action, retry_attempts=1, run_at="2100-01-01T00:00:00Z")
        self.call(job_id, "cancel")
        with self.registry.cursor() as cr:
            cr.execute("SELECT id FROM res_country WHERE code = 'BE' FOR UPDATE")
            self.work()
        callback = self.callback(job_id)
        self.assertEqual((callback["state"], callback["attempt"]), ("done", 2))
        self.assertIn("given up after 2 attempts", callback["error"])
        job = self.job(job_id)
        self.assertEqual((job["state"], job["ready"], bool(job["called_back_at"])), ("cancelled", False, True))

    def test_a_neutralized_copy_runs_none_that_was_under_way(self):
        action = self.action(f"record.sudo().write({{'name': '{self.mark}'}})")
        under_way, waiting = (self.submit(self.creates(1), on_complete=action, name="x") for _number in range(2))
        with self.open_lane() as lane:
            while (claim := lane.claim()).kind != "callback":
                lane.work_on(claim)
            under_way, waiting = sorted((under_way, waiting), key=lambda job_id: job_id != claim.job_id)
        for query in get_neutralization_queries(["batch_executor"]):
            self.sql(f"{query}; SELECT 1")
        self.sql("UPDATE batch_chunk SET claimed_at = claimed_at - interval '1 hour' WHERE job_id = %s", under_way)
        self.work()
        self.assertEqual((self.job(under_way)["name"], self.job(under_way)["state"]), ("x", "completed"))
        self.assertEqual(self.job(waiting)["name"], "x")

    def test_it_waits_for_the_end_of_a_retry_that_comes_first(self):
        action = self.action("record.sudo().write({'name': record.name + record.state})")
        bad = {"operation_type": "create", "model": "res.partner", "data": [{"ref": f"{self.mark}-9"}]}
        job_id = self.submit(bad, on_complete=action, name="x")
        with self.open_lane() as lane:
            lane.work_on(lane.claim())
            with lane.control.transaction() as env:
                advance.advance(env, job_id)
        self.assertEqual(self.callback(job_id)["state"], "pending")
        self.call(job_id, "retry")
        self.work()
        self.assertEqual(self.callback(job_id)["attempt"], 1)
        self.assertTrue(self.job(job_id)["name"].endswith("failed"))
