"""What succeeded loses its values some days after the end of its job, and nothing else is lost by that."""

import json
from unittest.mock import patch

from odoo.exceptions import UserError

from odoo.addons.batch_executor.run import forget

from .lane_case import LaneCase

SECRET = "s3cret-w0rd"


class ValuesCase(LaneCase):
    def setUp(self):
        super().setUp()
        for name in ("LOOKED_AT_ONCE", "FORGOTTEN_AT_ONCE"):
            self.startPatcher(patch.object(forget, name, 2))  # several steps for each job

    def keep(self, days):
        """Set for how long values are kept, for this test."""
        name = "batch_executor.keep_payload_days"

        def set_to(value):
            with self.committed() as env:
                return env["ir.config_parameter"].set_param(name, value)

        self.addCleanup(set_to, set_to(str(days)))

    def clean_up(self):
        """Odoo's daily clean-up, as far as it concerns values; returns how often it was called."""
        calls, more = 0, True
        while more:
            with self.committed() as env:
                _done, more = env["batch.remains"]._gc_values()
            calls += 1
            self.assertLess(calls, 1000)
        return calls

    def age(self, job, days):
        self.sql("UPDATE batch_job SET finished_at = finished_at - %s * interval '1 day' WHERE id = %s", days, job)

    def holders(self, job):
        """Where the secret can still be read, in any column of any row of this job."""
        found = []
        for table in ("batch_job", "batch_operation", "batch_chunk", "batch_failure", "batch_warning"):
            key = "id" if table == "batch_job" else "job_id"
            rows = self.sql(
                f"SELECT id FROM {table} AS held WHERE {key} = %s AND held::text LIKE %s ORDER BY id", job, f"%{SECRET}%"
            )
            found += [(table, id_) for (id_,) in rows]
        return found

    def everything(self, **last):
        """Operations of all types that carry the secret wherever values may stand."""
        ids = self.make_partners(4, city=SECRET)
        one = {"name": "x", "ref": f"{self.mark}-x", "comment": SECRET}
        self.set_probe(lambda partners, *args, **kwargs: None)
        partner = {"model": "res.partner"}
        return ids, [
            {**partner, "operation_type": "create", "data": [one, {**one, "name": "y"}, {**one, "name": "z"}], "operation_id": "made"},
            {**partner, "operation_type": "update", "data": {"comment": SECRET}, "record_ids": ids[:2], "operation_id": "shared"},
            {**partner, "operation_type": "update", "data": [{"id": ids[2], "comment": SECRET}], "operation_id": "single"},
            {**partner, "operation_type": "update", "data": {"street": SECRET}, "domain": [["city", "=", SECRET]], "operation_id": "found"},
            {**partner, "operation_type": "upsert", "key": ["ref"], "data": [{**one, "ref": f"{self.mark}-u"}]},
            {**partner, "operation_type": "load", "fields": ["name", "ref"], "data": [[SECRET, f"{self.mark}-l"]]},
            {**self.probe(ids, SECRET, kwargs={"word": SECRET}), "operation_id": "called", "context": {"word": SECRET}},
            {**partner, "operation_type": "delete", "data": [ids[3]], "depends_on": ["called", "found"]},
        ]  # fmt: skip


class TestDropped(ValuesCase):
    def test_nothing_of_a_completed_job_can_be_read_any_longer_but_what_became_of_it(self):
        for options in ({}, {"rollback": "job"}, {"dry_run": True}, {"max_chunk_size": 1}):
            with self.subTest(**options):
                _ids, operations = self.everything()
                job = self.submit(*operations, **options)
                self.work()
                before = self.call(job, "result")
                self.assertEqual(before["state"], "completed", self.failures(job))
                self.assertTrue(self.holders(job))
                self.assertEqual(self.clean_up(), 1, "it has only just finished")
                self.age(job, 6)
                self.clean_up()
                self.assertTrue(self.holders(job))
                self.age(job, 1)
                self.assertGreater(self.clean_up(), 4)
                self.assertEqual(self.holders(job), [])
                self.age(job, -7)
                after = self.call(job, "result")
                self.assertEqual(after, before)
                self.check_counters(job)
                self.assertEqual(self.clean_up(), 1)
                self.delete_partners()

    def test_the_records_of_an_operation_are_still_found(self):
        ids, operations = self.everything()
        job = self.submit(*operations)
        self.work()
        self.age(job, 8)
        self.clean_up()
        with self.committed() as env:
            found = {
                operation.operation_id: operation.action_view_records()["domain"][0][2]
                for operation in env["batch.operation"].search([("job_id", "=", job)])
                if operation.operation_id in ("made", "shared", "single", "called")
            }
            self.assertEqual(len(found["made"]), 3)
            self.assertEqual((found["shared"], found["single"], found["called"]), (ids[:2], ids[2:3], ids))
            chunk = env["batch.chunk"].search([("job_id", "=", job)], limit=1)
            self.assertTrue(chunk.values_gone)
            self.assertIn('"items"', chunk.pretty_payload)

    def test_lanes_drop_them_right_after_the_end_where_none_are_kept(self):
        self.keep(0)
        _ids, operations = self.everything()
        job = self.submit(*operations)
        seen = []
        with self.open_lane() as lane:
            while not self.job(job)["finished_at"]:
                if claim := lane.claim():
                    lane.work_on(claim)
            seen = self.holders(job)
        self.assertTrue(seen, "the end of a job does not wait for it")
        self.work()
        self.assertEqual(self.holders(job), [])
        self.assertEqual(self.check_counters(job)["state"], "completed")


class TestKept(ValuesCase):
    def half_failed(self, **options):
        """A job some of whose records fail until `self.good` is set, and some are never run; returns its id."""
        self.good = False

        def probe(partners, word):
            if not self.good and any(int(ref.rpartition("-")[2]) % 3 == 1 for ref in partners.mapped("ref")):
                raise UserError("bad")
            partners.write({"city": word})

        self.set_probe(probe)
        self.ids = self.make_partners(9)
        job = self.submit(self.probe(self.ids, SECRET), max_chunk_size=3, **options)
        self.work()
        self.age(job, 8)
        return job

    def test_what_failed_or_was_not_run_keeps_its_values_and_can_be_retried(self):
        for options in ({"max_failures": 1, "max_concurrency": 1}, {"rollback": "job"}, {"rollback": "chunk"}):
            with self.subTest(**options):
                job = self.half_failed(**options)
                self.clean_up()
                self.assertTrue(self.holders(job))
                self.assertEqual(self.clean_up(), 1)
                self.good = True
                self.call(job, "retry")
                self.work()
                self.assertEqual(self.check_counters(job)["state"], "completed")
                written = self.sql("SELECT count(*) FROM res_partner WHERE id = ANY(%s) AND city = %s", self.ids, SECRET)
                self.assertEqual(written, [(9,)])
                self.age(job, 8)
                self.clean_up()
                self.assertEqual(self.holders(job), [])
                self.delete_partners()

    def test_a_failure_keeps_its_values_while_it_stands_and_its_neighbours_lose_theirs(self):
        data = [{"name": "n", "ref": f"{self.mark}-{n}", "comment": f"{SECRET} {n}"} for n in range(4)]
        data[2]["type"] = "nonsense"
        job = self.submit({"operation_type": "create", "model": "res.partner", "data": data})
        self.work()
        self.age(job, 8)
        self.clean_up()
        [holder] = self.holders(job)
        self.assertEqual(holder[0], "batch_failure")
        with self.committed(self.user_id) as env:
            failure = env["batch.failure"].browse(holder[1])
            values = json.loads(failure.values)
            self.assertEqual(values, data[2])
            failure.values = json.dumps({**values, "type": "other"})
            failure.action_retry()
        self.work()
        self.assertEqual(self.check_counters(job)["state"], "completed")
        self.assertEqual(len(self.partners()), 4)
        self.age(job, 8)
        self.clean_up()
        self.assertEqual(self.holders(job), [])
        with self.committed(self.user_id) as env:
            self.assertFalse(env["batch.failure"].browse(holder[1]).pretty_values)

    def test_a_job_that_is_not_over_keeps_all(self):
        self.keep(0)
        job = self.submit(self.creates(4, comment=SECRET), max_chunk_size=2)
        with self.open_lane() as lane:
            lane.work_on(lane.claim())
            self.call(job, "pause")
            self.clean_up()
            self.assertEqual(len(self.holders(job)), 2)

    def test_what_failed_in_a_chunk_that_can_not_be_read_never_runs_without_its_parameters(self):
        job = self.half_failed()
        self.sql(
            "UPDATE batch_chunk SET payload = %s WHERE id = (SELECT min(id) FROM batch_chunk WHERE job_id = %s)",
            f"{{ {SECRET}",
            job,
        )
        self.clean_up()
        self.assertNotIn(min(chunk["id"] for chunk in self.chunks(job)), [id_ for _table, id_ in self.holders(job)])
        with self.committed(self.user_id) as env, self.assertRaisesRegex(UserError, "can't be run again"):
            env["batch.failure"].search([("job_id", "=", job)], order="id", limit=1).values = str(self.ids[1])
        self.good = True
        with self.assertLogs("odoo.addons.batch_executor.run.reopen", "ERROR"):
            self.call(job, "retry")
        self.work()
        done = self.check_counters(job)
        self.assertEqual((done["state"], done["processed_records"], done["failed_records"]), ("partial", 8, 1))
        [failure] = self.failures(job)
        self.assertEqual((failure["index"], failure["error_type"]), (1, "UserError"))

    def test_a_chunk_that_can_not_be_read_is_no_obstacle(self):
        item = f'{{"items": ["{SECRET}"], "operations": [%s], "indexes": 0, "params": {{}}, "context": {{}}}}'
        for payload in (f"{{ {SECRET}", item % "{}", item % '"x"', item % "1, 2"):
            with self.subTest(payload):
                job = self.submit(self.creates(4, comment=SECRET), max_chunk_size=2)
                self.work()
                self.sql("UPDATE batch_chunk SET payload = %s WHERE job_id = %s AND sequence = 0", payload, job)
                self.age(job, 8)
                self.clean_up()
                self.assertEqual(self.holders(job), [])
                self.delete_partners()

    def test_parameters_that_can_not_be_read_are_dropped(self):
        damaged, other = self.submit(self.creates(1)), self.submit(self.creates(1, comment=SECRET))
        self.work()
        self.sql("UPDATE batch_operation SET details = %s WHERE job_id = %s", f"{{ {SECRET}", damaged)
        self.age(damaged, 9)
        self.age(other, 8)
        self.clean_up()
        self.assertEqual(self.holders(damaged) + self.holders(other), [])

    def test_a_job_whose_values_can_not_be_dropped_is_no_obstacle(self):
        """Neither to the daily clean-up nor to lanes, also where others are at older jobs."""
        original = forget.forget.forget_payloads
        for days in (7, 0):
            locked, stubborn, other = (self.submit(self.creates(1, comment=SECRET)) for _number in range(3))
            self.work()
            self.age(locked, 10)
            self.age(stubborn, 9)
            self.age(other, 8)
            chunks = {chunk["id"] for chunk in self.chunks(stubborn)}

            def forget_payloads(cr, chunk_ids, chunks=chunks):
                if chunks.intersection(chunk_ids):
                    raise ValueError("as it happens")
                return original(cr, chunk_ids)

            self.keep(days)
            with self.subTest(days), patch.object(forget.forget, "forget_payloads", forget_payloads):
                with self.registry.cursor() as cr, self.assertLogs("odoo.addons.batch_executor.run.forget", "ERROR") as logs:
                    cr.execute("SELECT 1 FROM batch_job WHERE id = %s FOR NO KEY UPDATE", [locked])
                    self.clean_up() if days else self.look_around()
                self.assertEqual(len(logs.records), 1)
                self.assertIn(f"job {stubborn}:", logs.output[0])
                self.assertEqual((len(self.holders(locked)), len(self.holders(stubborn)), self.holders(other)), (1, 1, []))
                self.clean_up() if days else self.look_around()
                self.assertEqual(self.holders(locked), [])
            self.delete_partners()

    def look_around(self):
        """What a lane does each second, as often as it takes."""
        with self.open_lane() as lane:
            for _second in range(5):
                lane.control.looked_around_at = 0.0
                lane.control.look_around()
