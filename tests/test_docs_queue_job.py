"""Run the examples of docs/coming_from_queue_job.md, in order, as code inside the server."""

import contextlib
import io
from unittest.mock import patch

from odoo import api

from odoo.addons.batch_executor.engine import backoff
from odoo.addons.batch_executor.engine.settings import SETTINGS

from . import docs
from .test_docs_recipes import RecipeCase

PAGE = "docs/coming_from_queue_job.md"


class TestQueueJobPage(RecipeCase):
    page = PAGE

    @classmethod
    def set_up_data(cls, env):
        cls.partner_ids = env["res.partner"].create([{"name": "One", "ref": "1"}, {"name": "Two"}]).ids

    def setUp(self):
        super().setUp()
        self.names = {}

    def run_under(self, heading):
        """Run the blocks under a heading, each in a transaction of its own; what they define, later ones know."""
        for block in self.blocks_under(heading, "env"):
            yield self.run_block(block)

    def run_block(self, block):
        printed = io.StringIO()
        with self.committed(self.user.id) as env, contextlib.redirect_stdout(printed):
            if "job" in self.names:
                self.names["job"] = self.names["job"].with_env(env)
            self.names.update(env=env, partners=env["res.partner"].browse(self.partner_ids))
            exec(compile(block.text, f"{PAGE}:{block.line}", "exec"), self.names)
        return printed.getvalue()

    def values(self, name):
        with self.committed() as env:
            return env["res.partner"].browse(self.partner_ids).mapped(name)

    def job(self, **values):
        """The job that was submitted last, which must have these values."""
        with self.committed() as env:
            job = env["batch.job"].search([], limit=1)
            for name, value in values.items():
                self.assertEqual(job[name], value, name)
            return job.read(["create_date", "run_at", "finished_at"])[0]

    def test_the_examples_run_as_they_stand(self):
        list(self.run_under("with_delay"))
        self.assertEqual(self.values("active"), [True, True], "not before a lane has run it")
        self.work()
        self.assertEqual(self.values("active"), [False, False])

        list(self.run_under("set, split, channel, identity_key, eta"))
        self.work()
        job = self.job(
            name="Bring them back", priority=5, max_chunk_size=50, max_concurrency=1, retry_attempts=5, state="pending",
            idempotency_key="unarchive-2026-11",
        )  # fmt: skip
        self.assertTrue(3590 < (job["run_at"] - job["create_date"]).total_seconds() < 3610)
        self.assertEqual(self.values("active"), [False, False], "it is not due")

        list(self.run_under("group and chain"))
        self.work()
        self.job(state="completed", completed_operations=3)
        self.assertEqual(self.values("city"), ["Namur", "Namur"])
        self.assertEqual([str(comment) for comment in self.values("comment")], ["<p>Back again</p>"] * 2)

        self.check_retries()
        self.check_requeue()

    def check_retries(self):
        [block] = self.blocks_under("RetryableJobError", "method")
        answers = [True, False]
        self.names["shop_is_busy"] = lambda: answers.pop(0)
        exec(compile(block.text, f"{PAGE}:{block.line}", "exec"), self.names)
        model = self.registry[block.settings["method"]]
        self.startPatcher(patch.object(model, "push_to_shop", self.names["push_to_shop"], create=True))
        list(self.run_under("RetryableJobError"))
        with self.lanes_at_work():
            self.wait_until(lambda: self.job()["finished_at"], "the second attempt")
        self.job(state="completed")
        self.assertEqual((answers, self.values("ref")), ([], ["pushed", "pushed"]))

    def check_requeue(self):
        with self.committed() as env:
            env["res.partner"].browse(self.partner_ids[1]).ref = False
        examples = self.run_under("Failed jobs, requeue")
        next(examples)
        self.work()
        self.job(state="partial", failed_records=1)
        printed = next(examples)
        self.assertEqual(printed, f"{self.partner_ids[1]} ValidationError Contacts require a name\n")
        self.job(state="pending")

    def test_a_submission_is_undone_with_its_transaction(self):
        [block] = self.blocks_under("with_delay", "env")
        before = self.count_jobs()
        with self.registry.cursor() as cr:
            env = api.Environment(cr, self.user.id, {})
            exec(block.text, {"env": env, "partners": env["res.partner"].browse(self.partner_ids)})
            cr.rollback()
        self.assertEqual(self.count_jobs(), before)

    def test_every_example_is_run(self):
        self.assertEqual({next(iter(block.settings)) for block in self.blocks}, {"env", "method"})
        headings = {block.heading for block in self.blocks}
        self.assertEqual(len(headings), 5)

    def test_its_numbers_are_those_of_the_code(self):
        page = docs.read(PAGE)
        self.assertIn(f"from {backoff.BASE_S} to {backoff.CAP_S:.0f} seconds", page)
        self.assertIn(f"(default {SETTINGS['retry_attempts']}, never for ever)", page)
        self.assertIn(f"kept {SETTINGS['keep_days']} days |", page)
