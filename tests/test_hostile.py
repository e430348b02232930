"""Awful code (`hostile.py`) in every place where user code runs: the lane lives, the neighbours are done, the next user is served."""

from contextlib import contextmanager
from unittest.mock import patch

from odoo import api
from odoo.tools import mute_logger

from .case import PATIENCE_S, SUBMITTER
from .hostile import DEEDS, ERRORS, HARMLESS, KINDS, SABOTAGE
from .lane_case import PROBE, LaneCase

#: Records of a job, of which one is bad.
COUNT = 8
BAD = 5
#: Key of the context that tells which awful thing is to be done where the models' code can't be told by an argument.
DEED = "batch_deed"


class HostileCase(LaneCase):
    def setUp(self):
        super().setUp()
        with self.committed() as env:
            self.other_id = self.new_user(env, f"other-{self.mark}", *SUBMITTER).id
        self.deeds = {name: deed for name, (deed, _type) in {**ERRORS, **DEEDS}.items()} | HARMLESS | SABOTAGE

    @contextmanager
    def as_other(self):
        own_id, self.user_id = self.user_id, self.other_id
        try:
            yield
        finally:
            self.user_id = own_id

    def work_in_a_thread(self):
        """As in Odoo's servers: in the main thread, an interrupt would end the lane (and these tests)."""
        with self.in_threads() as pool, mute_logger("odoo.addons.batch_executor.run", "odoo.sql_db"):
            pool.submit(self.work).result(2 * PATIENCE_S)

    def submit_next(self):
        """A job of somebody else, after all that was submitted."""
        with self.as_other():
            return self.submit(self.creates(2))

    def assert_next_is_done(self, job):
        with self.as_other():
            self.assertEqual(self.check_counters(job)["state"], "completed")

    def assert_failed_as(self, job, expected, index=None):
        """The job's only failure is of this type (or its name begins so), and can be read."""
        [failure] = self.failures(job)
        self.assertTrue(failure["error_type"].startswith(expected), f"{failure['error_type']}: {failure['error']}")
        self.assertLessEqual(len(failure["error"]), 2_100)
        self.assertTrue(failure["error"])
        if index is not None:
            self.assertEqual(failure["index"], index)


class TestHostileMethods(HostileCase):
    def setUp(self):
        super().setUp()
        deeds = self.deeds

        def probe(partners, deed):
            partners.write({"city": deed})
            if any(partner.color for partner in partners):
                partners.flush_recordset()
                deeds[deed](partners)
            return True

        self.set_probe(probe)
        self.ids = self.make_partners(COUNT)
        self.sql("UPDATE res_partner SET color = 1 WHERE id = %s", self.ids[BAD])

    def cities(self):
        return [city for (city,) in self.sql("SELECT city FROM res_partner WHERE id = ANY(%s) ORDER BY id", self.ids)]

    def run_each(self, deeds, check, **options):
        """Run a job of each deed and one of somebody else after it; `check(deed, job id, columns of the job)`."""
        for deed in deeds:
            with self.subTest(deed=deed):
                self.sql("UPDATE res_partner SET city = NULL WHERE id = ANY(%s)", self.ids)
                job = self.submit(self.probe(self.ids, deed), **{"retry_attempts": 0, **options})
                following = self.submit_next()
                self.work_in_a_thread()
                self.assert_next_is_done(following)
                check(deed, job, self.check_counters(job))

    def assert_only_the_bad_one_failed(self, deed, job, done, expected):
        self.assertEqual((done["processed_records"], done["failed_records"]), (COUNT - 1, 1))
        self.assert_failed_as(job, expected, BAD)
        self.assertEqual(self.cities(), [None if place == BAD else deed for place in range(COUNT)])

    def test_one_bad_record_leaves_the_lane_alive_and_its_neighbours_done(self):
        table = {**ERRORS, **DEEDS}
        self.run_each(
            table, lambda deed, job, done: self.assert_only_the_bad_one_failed(deed, job, done, table[deed][1])
        )

    def test_what_is_left_behind_harms_nobody(self):
        def check(deed, _job, done):
            self.assertEqual((done["state"], done["failed_records"]), ("completed", 0))
            self.assertEqual(self.cities(), [deed] * COUNT)

        self.run_each(HARMLESS, check)

    def test_who_tampers_with_the_engine_loses_its_own_record(self):
        self.run_each(
            SABOTAGE,
            lambda deed, job, done: self.assert_only_the_bad_one_failed(deed, job, done, "WorkerLostError"),
            max_chunk_size=2,
        )

    def test_a_job_of_one_transaction_is_undone_and_says_why(self):
        def check(_deed, job, done):
            self.assertEqual((done["state"], done["failed_records"]), ("failed", COUNT))
            self.assertIn("Everything was rolled back", self.call(job, "status")["error"])
            self.assertEqual(self.cities(), [None] * COUNT)

        self.run_each(KINDS, check, rollback="job")


class TestHostileEverywhere(HostileCase):
    def setUp(self):
        super().setUp()
        self.ids = self.make_partners(2)

    def hook(self, method, deeds):
        """Let a method of partners do the deed named in the context before its own work."""
        original = getattr(self.registry["res.partner"], method)

        def hooked(partners, *args, **kwargs):
            if deed := partners.env.context.get(DEED):
                deeds[deed](partners.with_context({DEED: False}))
            return original(partners, *args, **kwargs)

        # as a class method would lose it: the API's marks make it callable from outside
        hooked.__dict__.update(getattr(original, "__dict__", {}))
        self.startPatcher(patch.object(self.registry["res.partner"], method, hooked))

    def assert_each_fails(self, operation, table):
        for deed, (_function, expected) in table.items():
            with self.subTest(deed=deed):
                job = self.submit({**operation, "context": {DEED: deed}}, retry_attempts=0)
                following = self.submit_next()
                self.work_in_a_thread()
                self.assert_next_is_done(following)
                self.assertEqual(self.check_counters(job)["state"], "failed")
                self.assert_failed_as(job, expected)

    def update(self, **extra):
        return {"operation_type": "update", "model": "res.partner", "data": {"city": "x"}, **extra}

    def test_while_searching_a_domain(self):
        self.hook("_search", self.deeds)
        self.assert_each_fails(self.update(domain=[["id", "in", self.ids[:1]]]), {**KINDS, **DEEDS})

    def test_while_looking_up_records(self):
        self.hook("exists", self.deeds)
        self.assert_each_fails(self.update(record_ids=self.ids[:1]), {**KINDS, **DEEDS})

    def test_while_writing(self):
        self.hook("write", self.deeds)
        self.assert_each_fails(self.update(record_ids=self.ids[:1]), ERRORS)

    def test_while_searching_keys(self):
        self.hook("_search", self.deeds)
        upsert = {"operation_type": "upsert", "model": "res.partner", "key": ["ref"]}
        upsert["data"] = [{"name": "Awful", "ref": f"{self.mark}-key"}]
        self.assert_each_fails(upsert, {**KINDS, **DEEDS})

    def test_in_the_action_at_the_end_of_a_job(self):
        deeds = self.deeds
        self.set_probe(lambda partners, deed: deeds[deed](partners))
        for deed in (*KINDS, *DEEDS):
            with self.subTest(deed=deed):
                with self.committed() as env:
                    action = env["ir.actions.server"].create({
                        "name": f"awful {self.mark}",
                        "model_id": env.ref("batch_executor.model_batch_job").id,
                        "state": "code",
                        "code": f"env['res.partner'].browse({self.ids[0]}).{PROBE}({deed!r})",
                    })  # fmt: skip
                job = self.submit(self.creates(1), on_complete=action.id, retry_attempts=0)
                following = self.submit_next()
                self.work_in_a_thread()
                self.assert_next_is_done(following)
                done = self.check_counters(job)
                self.assertEqual(done["state"], "completed")
                self.assertTrue(done["called_back_at"], "it has run, once")

    def test_inline(self):
        deeds = self.deeds

        def probe(partners, deed):
            if self.ids[0] in partners.ids:
                deeds[deed](partners)

        self.set_probe(probe)
        ends = ("raw rollback", "closed connection", "closed cursor")
        table = {name: row for name, row in {**ERRORS, **DEEDS}.items() if name not in ends}

        def execute(deed):
            with self.registry.cursor() as cr:
                jobs = api.Environment(cr, self.user_id, {})["batch.job"]
                return jobs.execute([self.probe(self.ids, deed), self.creates(1)])["results"]

        for deed, (_function, expected) in table.items():
            with self.subTest(deed=deed), self.in_threads() as pool:
                called, created = pool.submit(execute, deed).result(PATIENCE_S)
                self.assertEqual((called["processed_records"], called["failed_records"]), (1, 1))
                self.assertTrue(called["failures"][0]["error_type"].startswith(expected))
                self.assertEqual(created["state"], "completed")
