"""Failed records: what is kept of them, and how they are run again. And the action that ends it all."""

import json

from odoo.exceptions import AccessError, UserError, ValidationError

from .lane_case import LaneCase


class TestFailures(LaneCase):
    def fail(self, count=3, **options):
        data = self.creates(count)["data"]
        for values in data:
            values["type"] = "nonsense"
        job = self.submit({"operation_type": "create", "model": "res.partner", "data": data}, **options)
        self.work()
        return job

    def test_more_than_one_call_should_take_are_refused_before_any_is_read(self):
        with self.committed(self.user_id) as env, self.assertRaisesRegex(UserError, "5000"):
            env["batch.failure"].browse(range(1, 5_002)).action_retry()

    def test_a_failure_holds_what_was_asked_where_it_stood_and_why(self):
        job = self.fail(2)
        with self.committed(self.user_id) as env:
            failure = env["batch.failure"].search([("job_id", "=", job)], order="id", limit=1)
            self.assertEqual(
                json.loads(failure.values), {"name": "Partner 0", "ref": f"{self.mark}-0", "type": "nonsense"}
            )
            self.assertEqual((failure.index, failure.error_type, failure.attempts), (0, "ValueError", 1))
            self.assertIn("nonsense", failure.message)
            with self.assertRaises(AccessError):
                failure.read(["traceback"])
            self.assertIn("Traceback", failure.sudo().traceback)

    def test_mended_values_are_retried_for_one_record_while_the_others_stand(self):
        job = self.fail(3)
        with self.committed(self.user_id) as env:
            failure = env["batch.failure"].search([("job_id", "=", job), ("index", "=", 1)])
            failure.values = json.dumps({"name": "Mended", "ref": f"{self.mark}-1"})
            failure.action_retry()
        self.work()
        done = self.check_counters(job)
        self.assertEqual((done["state"], done["processed_records"], done["failed_records"]), ("partial", 1, 2))
        self.assertEqual(self.partners("name"), [(1, "Mended")])
        with self.committed(self.user_id) as env:
            self.assertTrue(env["batch.failure"].browse(failure.id).retried_at)
            with self.assertRaises(UserError):
                env["batch.failure"].browse(failure.id).action_retry()

    def test_an_operation_says_what_stands_whatever_was_run_again(self):
        bad = [{"name": "x", "ref": self.mark, "type": f"nonsense {n}"} for n in range(2)]
        operation = {"operation_type": "create", "model": "res.partner", "data": bad}
        for operations in ([operation], [operation, self.creates(1)]):  # alone in its chunk, and with another one
            with self.subTest(operations=len(operations)):
                job = self.submit(*operations)
                self.work()
                for index, mended, said in ((0, "contact", "nonsense 1"), (1, "still nonsense", "still nonsense"), (1, "contact", None)):
                    with self.committed(self.user_id) as env:
                        standing = [("job_id", "=", job), ("retried_at", "=", False)]
                        failure = env["batch.failure"].search([*standing, ("index", "=", index)])
                        failure.values = json.dumps({"name": "Mended", "type": mended})
                        failure.action_retry()
                        if index == 0:
                            self.assertIn("nonsense 1", env["batch.job"].browse(job).result()["results"][0]["error"])
                    self.work()
                    with self.committed(self.user_id) as env:
                        entry = env["batch.job"].browse(job).result()["results"][0]
                        stored = env["batch.operation"].search([("job_id", "=", job)], order="position", limit=1).error
                    for error in (entry["error"], stored):
                        self.assertIn(said, error) if said else self.assertFalse(error)
                    self.check_counters(job)

    def test_mended_values_must_be_json_of_the_same_kind(self):
        job = self.fail(1)
        with self.committed(self.user_id) as env:
            failure = env["batch.failure"].search([("job_id", "=", job)])
            for text in ("{", "[]", "7", ""):
                with self.subTest(text=text), self.assertRaises(ValidationError):
                    failure.values = text
            with self.assertRaises(AccessError):
                failure.message = "something else"

    def test_retry_runs_exactly_what_failed_or_was_cancelled(self):
        calls, bad = [], {2, 11}

        def probe(partners):
            numbers = [int(ref.rpartition("-")[2]) for ref in partners.mapped("ref")]
            if bad.intersection(numbers):
                raise UserError("bad")
            calls.extend(numbers)

        self.set_probe(probe)
        ids = self.make_partners(30)
        job = self.submit(self.probe(ids), max_chunk_size=10, max_failures=1, max_concurrency=1)
        self.work()
        done = self.check_counters(job)
        self.assertEqual((done["failed_records"], done["cancelled_records"]), (2, 10))
        bad.clear()
        for _ in range(2):  # a second retry finds nothing
            try:
                self.call(job, "retry")
            except UserError:
                self.assertEqual(self.job(job)["state"], "completed")
            self.work()
        self.assertEqual(sorted(calls), list(range(30)))
        done = self.check_counters(job)
        self.assertEqual((done["state"], done["processed_records"], done["total_records"]), ("completed", 30, 30))
        self.assertEqual(self.failures(job), [])
        self.assertEqual(
            self.sql("SELECT count(*) FROM batch_failure WHERE job_id = %s AND retried_at IS NOT NULL", job), [(2,)]
        )

    def test_retry_of_a_job_of_many_small_operations_counts_right(self):
        operations = [{**self.creates(1), "operation_id": f"o{number}"} for number in range(12)]
        for number in (3, 7):
            operations[number]["data"] = [
                {**operations[number]["data"][0], "ref": f"{self.mark}-{number}", "type": "nonsense"}
            ]
        job = self.submit(*operations, max_chunk_size=5)
        self.work()
        done = self.check_counters(job)
        self.assertEqual((done["completed_operations"], done["failed_operations"]), (10, 2))
        with self.committed(self.user_id) as env:
            for failure in env["batch.failure"].search([("job_id", "=", job)]):
                failure.values = json.dumps({**json.loads(failure.values), "type": "other"})
        self.call(job, "retry")
        self.work()
        done = self.check_counters(job)
        self.assertEqual((done["state"], done["completed_operations"], done["failed_operations"]), ("completed", 12, 0))

    def test_a_retry_after_cancel_runs_the_rest(self):
        job = self.submit(self.creates(30), max_chunk_size=10)
        with self.open_lane() as lane:
            lane.work_on(lane.claim())
        self.call(job, "cancel")
        self.work()
        self.assertEqual(self.check_counters(job)["cancelled_records"], 20)
        self.call(job, "retry")
        self.work()
        done = self.check_counters(job)
        self.assertEqual((done["state"], done["processed_records"], done["cancelled_records"]), ("completed", 30, 0))

    def chain(self, good=False):
        """An operation that fails (until it is mended), one that depends on it, one that uses what it made."""
        first = {**self.creates(2), "operation_id": "first"}
        first["data"][1]["type"] = "other" if good else "nonsense"
        second = {**self.creates(1), "operation_id": "second", "depends_on": ["first"]}
        second["data"][0]["ref"] = f"{self.mark}-10"
        third = {**self.creates(1), "operation_id": "third"}
        third["data"][0].update(ref=f"{self.mark}-11", parent_id={"$ref": "first", "index": 1})
        return first, second, third

    def test_a_retry_goes_on_with_what_depended_on_the_failed_record(self):
        job = self.submit(*self.chain())
        self.work()
        done = self.check_counters(job)
        self.assertEqual((done["processed_records"], done["failed_records"], done["cancelled_records"]), (1, 2, 1))
        self.mend(job)
        self.call(job, "retry")
        self.work()
        done = self.check_counters(job)
        self.assertEqual((done["state"], done["processed_records"], done["completed_operations"]), ("completed", 4, 3))
        [first, second] = self.sql(
            "SELECT parent_id, id FROM res_partner WHERE ref = ANY(%s) ORDER BY ref DESC",
            [f"{self.mark}-11", f"{self.mark}-1"],
        )
        self.assertEqual(first[0], second[1])

    def test_a_retry_that_fails_again_counts_as_before(self):
        job = self.submit(*self.chain())
        self.work()
        before = self.check_counters(job)
        for _ in range(2):
            self.call(job, "retry")
            self.work()
            after = self.check_counters(job)
            for column in (
                "state",
                "processed_records",
                "failed_records",
                "cancelled_records",
                "total_records",
                "failed_operations",
            ):
                self.assertEqual(after[column], before[column], column)

    def mend(self, job):
        with self.committed(self.user_id) as env:
            for failure in env["batch.failure"].search([("job_id", "=", job)]):
                values = json.loads(failure.values)
                if values.get("type") == "nonsense":
                    failure.values = json.dumps({**values, "type": "other"})

    def test_a_selection_that_failed_is_made_again(self):
        first = {**self.creates(2), "operation_id": "first"}
        first["data"][0]["type"] = "nonsense"
        self.set_probe(lambda partners: None)
        job = self.submit(first, self.probe({"$ref": "first"}))
        self.work()
        self.check_counters(job)
        self.mend(job)
        self.call(job, "retry")
        self.work()
        done = self.check_counters(job)
        self.assertEqual((done["state"], done["processed_records"], done["total_records"]), ("completed", 4, 4))

    def test_a_chunk_that_was_rolled_back_as_a_whole_is_retried_as_a_whole(self):
        data = self.creates(10)["data"]
        data[3]["type"] = "nonsense"
        job = self.submit(
            {"operation_type": "create", "model": "res.partner", "data": data}, max_chunk_size=5, rollback="chunk"
        )
        self.work()
        done = self.check_counters(job)
        self.assertEqual((done["processed_records"], done["failed_records"]), (5, 5))
        kinds = [failure["error_type"] for failure in self.failures(job)]
        self.assertEqual(sorted(kinds), ["RolledBack"] * 4 + ["ValueError"])
        self.mend(job)
        self.call(job, "retry")
        self.work()
        self.assertEqual(self.check_counters(job)["state"], "completed")
        self.assertEqual(len(self.partners()), 10)


class TestCallback(LaneCase):
    """The action a job was given for its end."""

    def run_with(self, code, meanwhile=lambda: None):
        with self.committed() as env:
            action = env["ir.actions.server"].create(
                {
                    "name": "On completion",
                    "model_id": env["ir.model"]._get_id("batch.job"),
                    "state": "code",
                    "code": code,
                }
            )
        job = self.submit(self.creates(2), on_complete=action.id)
        with self.open_lane() as lane:
            lane.work_on(lane.claim())
        meanwhile()
        self.work()
        return self.check_counters(job)

    def archive(self):
        with self.committed() as env:
            env["res.users"].browse(self.user_id).active = False

    def test_it_runs_once_as_the_submitter(self):
        self.use_new_user()
        job = self.run_with(f"env['res.partner'].create({{'name': env.user.login, 'ref': '{self.mark}-5'}})")
        self.assertEqual([row for row in self.partners("name") if row[0] == 5], [(5, f"lane-{self.mark}")])
        self.assertEqual((job["state"], job["processed_records"]), ("completed", 2))

    def test_it_does_not_run_for_a_user_who_is_archived(self):
        self.use_new_user()
        self.run_with(f"env['res.partner'].create({{'name': 'x', 'ref': '{self.mark}-5'}})", self.archive)
        self.assertNotIn(5, [number for number, _id in self.partners()])

    def test_one_that_commits_or_fails_is_noted_and_undone(self):
        for end in ("env.cr.commit()", "raise UserError('no')"):
            with self.subTest(end=end):
                job = self.run_with(f"env['res.partner'].create({{'name': 'x', 'ref': '{self.mark}-5'}})\n{end}")
                self.assertNotIn(5, [number for number, _id in self.partners()])
                self.assertTrue(job["called_back_at"])
                [(notes,)] = self.sql(
                    "SELECT count(*) FROM mail_message WHERE model = 'batch.job' AND res_id = %s AND body LIKE '%%failed%%'",
                    job["id"],
                )
                self.assertEqual(notes, 1)
                self.delete_partners()
