"""The seed examples, literally, and what `submit`, `status` and the job's life answer."""

from .api_case import ApiCase
from .case import as_dataclass_sends, create, update


class TestSeedExamples(ApiCase):
    """The four examples every user of the API starts with, as a client's dataclasses send them."""

    def test_hundred_creates_of_one_record_each_give_hundred_ids(self):
        operations = [
            as_dataclass_sends(
                operation_type="create", model="res.partner", data=[{"name": f"One {n}"}], return_ids=True
            )
            for n in range(100)
        ]
        result = self.run_job(operations, max_chunk_size=50, max_concurrency=3, timeout=60)
        self.assertEqual(result["state"], "completed")
        self.assertEqual(len(result["results"]), 100)
        self.assertTrue(all(entry["success"] and entry["error"] is False for entry in result["results"]))
        ids = [entry["result"][0] for entry in result["results"]]
        self.assertEqual(len(set(ids)), 100)
        self.assertEqual(self.names_of(ids), [f"One {n}" for n in range(100)])
        self.assertEqual(
            [entry["operation_id"] for entry in result["results"]], [op["operation_id"] for op in operations]
        )
        self.assertEqual(result["stats"]["completed_operations"], 100)
        self.assertEqual(result["stats"]["total_operations"], 100)
        with self.committed() as env:
            chunks = env["batch.chunk"].search([("job_id", "=", result["job_id"])])
        self.assertEqual(len(chunks), 2, "a hundred one-record operations are two chunks of fifty")

    def test_what_is_wrong_fails_alone_and_says_why(self):
        result = self.run_job(
            [
                as_dataclass_sends(
                    operation_type="create", model="res.partner", data=[{"name": "Good 1"}], return_ids=True
                ),
                as_dataclass_sends(operation_type="create", model="res.partner", data=[{}], return_ids=True),
                as_dataclass_sends(
                    operation_type="create", model="res.partner", data=[{"name": "Good 2"}], return_ids=True
                ),
                as_dataclass_sends(
                    operation_type="update", model="res.partner", data={"name": "X"}, record_ids=[999999]
                ),
            ]
        )
        first, second, third, fourth = result["results"]
        self.assertEqual([entry["success"] for entry in result["results"]], [True, False, True, False])
        self.assertEqual(self.names_of(first["result"] + third["result"]), ["Good 1", "Good 2"])
        self.assertFailsWith(second, "name")
        self.assertEqual(second["result"], [False])
        failure = self.assertFailsWith(fourth, "999999")
        self.assertEqual((failure["error_type"], failure["record_id"]), ("MissingError", 999999))
        self.assertIs(fourth["result"], False)
        self.assertEqual(result["state"], "partial")
        self.assertEqual((result["stats"]["processed_records"], result["stats"]["failed_records"]), (2, 2))

    def test_three_models_in_one_submission_can_be_told_apart(self):
        with self.committed() as env:
            if "product.product" not in env:
                self.skipTest("needs the module product")
            taken = env["res.country"].search([], limit=5).mapped("code")
            free = sorted(
                {f"{a}{b}" for a in "QXZ" for b in "0123456789"} - set(env["res.country"].search([]).mapped("code"))
            )
        codes = taken + free[:15]
        operations = [
            *[create(f"Partner {n}") for n in range(100)],
            *[create(f"Product {n}", model="product.product") for n in range(50)],
            *[
                {"operation_type": "create", "model": "res.country", "data": [{"name": f"Country {n}", "code": code}]}
                for n, code in enumerate(codes)
            ],
        ]
        door = type(self.door)(self.admin)
        result = self.run_job(operations, door=door, max_chunk_size=50)
        by_model = {}
        for entry in result["results"]:
            by_model.setdefault(entry["model"], []).append(entry)
        self.assertEqual(
            {model: len(entries) for model, entries in by_model.items()},
            {"res.partner": 100, "product.product": 50, "res.country": 20},
        )
        self.assertTrue(all(entry["success"] for entry in by_model["res.partner"] + by_model["product.product"]))
        self.assertEqual([entry["success"] for entry in by_model["res.country"]], [False] * 5 + [True] * 15)
        for entry in by_model["res.country"][:5]:
            failure = self.assertFailsWith(entry, "code")
            self.assertEqual(failure["error_type"], "ValidationError")
        self.assertEqual(result["state"], "partial")

    def test_progress_only_grows_and_ends_at_hundred(self):
        with self.committed() as env:
            if "product.product" not in env:
                self.skipTest("needs the module product")
        names = [f"Product {n}" for n in range(200)]
        status = self.door.submit([create(*names, model="product.product")], max_chunk_size=20, name="Products")
        self.assertStatus(status)
        seen = [(status["completed"], status["percentage"])]
        with self.lanes_at_work():
            self.wait_until(
                lambda: seen.append(self._progress(status["job_id"])) or seen[-1][2] == "completed", "the job's end"
            )
        completed = [point[0] for point in seen]
        percentages = [point[1] for point in seen]
        self.assertEqual(completed, sorted(completed))
        self.assertEqual(percentages, sorted(percentages))
        self.assertEqual(seen[-1], (200, 100.0, "completed"))
        self.assertEqual(seen[0], (0, 0.0))

    def _progress(self, job_id):
        status = self.door.call("status", job_id)
        self.assertEqual(status["total"], 200)
        return status["completed"], status["percentage"], status["state"]


class TestLifeOfAJob(ApiCase):
    def test_a_fresh_job_is_pending_and_says_all_a_status_says(self):
        status = self.door.submit([create("A", "B")], name="Nightly prices")
        self.assertStatus(status)
        self.assertEqual(
            (status["state"], status["name"], status["total"], status["completed"]), ("pending", "Nightly prices", 2, 0)
        )
        self.assertEqual(
            (status["percentage"], status["duration"], status["error"], status["duplicate"]), (0.0, 0.0, False, False)
        )
        self.assertEqual(status["url"], f"/odoo/batch-jobs/{status['job_id']}")
        self.assertEqual((status["started_at"], status["finished_at"], status["eta"]), (False, False, False))
        self.assertEqual(self.door.call("status", status["job_id"]), status)
        self.assertEqual(self.door.call("status", uuid=status["uuid"]), status)
        for name in ("total_operations", "completed_operations", "failed_operations", "total_records", "processed_records",
                     "failed_records", "operations_per_second", "records_per_second"):  # fmt: skip
            self.assertIn(name, status["stats"])
        self.work()
        done = self.door.call("status", status["job_id"])
        self.assertStatus(done)
        self.assertEqual((done["state"], done["completed"], done["percentage"]), ("completed", 2, 100.0))
        self.assertGreater(done["stats"]["records_per_second"], 0)
        self.assertGreaterEqual(done["finished_at"], done["started_at"])

    def test_a_job_without_a_name_gets_one(self):
        self.assertTrue(self.door.submit([create("A")])["name"].strip())

    def test_a_draft_takes_more_until_it_is_started(self):
        draft = self.door.submit([create("A", operation_id="first")], draft=True)
        self.assertEqual((draft["state"], draft["total"]), ("draft", 1))
        self.work()
        more = self.door.call(
            "append", draft["job_id"], operations=[create("B"), update({"comment": "x"}, {"$ref": "first", "index": 0})]
        )
        self.assertEqual((more["state"], more["total"], more["stats"]["total_operations"]), ("draft", 3, 3))
        error = self.assertRefused(
            self.door.call, "append", draft["job_id"], operations=[create("C", operation_id="first")]
        )
        self.assertIn("first", error.message)
        self.assertEqual(self.door.call("status", draft["job_id"]), more, "a refused append adds nothing")
        started = self.door.call("start", draft["job_id"])
        self.assertEqual(started["state"], "pending")
        self.assertRefused(self.door.call, "append", draft["job_id"], operations=[create("D")], name="UserError")
        self.assertRefused(self.door.call, "start", draft["job_id"], name="UserError")
        self.work()
        result = self.result_of(draft["job_id"])
        self.assertEqual(result["state"], "completed")
        self.assertEqual([entry["operation_id"] for entry in result["results"]], ["first", "op-2", "op-3"])

    def test_an_empty_draft_can_be_filled_later_and_an_empty_job_ends_at_once(self):
        draft = self.door.submit([], draft=True)
        self.assertStatus(draft)
        self.door.call("append", draft["job_id"], operations=[create("A")])
        self.door.call("start", draft["job_id"])
        empty = self.door.submit([], draft=True)
        self.door.call("start", empty["job_id"])
        self.work()
        self.assertEqual(self.door.call("status", draft["job_id"])["state"], "completed")
        done = self.door.call("status", empty["job_id"])
        self.assertEqual((done["state"], done["percentage"]), ("completed", 100.0))

    def test_problems_of_an_append_are_placed_in_that_call(self):
        draft = self.door.submit([create("A")], draft=True)
        error = self.assertRefused(
            self.door.call, "append", draft["job_id"], operations=[create("B"), create("C", model="no.model")]
        )
        self.assertEqual([problem["operation"] for problem in error.problems], [1])

    def test_a_paused_job_waits_until_it_is_resumed(self):
        status = self.door.submit([create("A")])
        self.assertEqual(self.door.call("pause", status["job_id"])["state"], "paused")
        self.work()
        self.assertEqual(self.door.call("status", status["job_id"])["state"], "paused")
        self.assertEqual(self.door.call("resume", status["job_id"])["state"], "pending")
        self.work()
        self.assertEqual(self.door.call("status", status["job_id"])["state"], "completed")
        for verb in ("pause", "resume", "cancel", "start"):
            self.assertRefused(self.door.call, verb, status["job_id"], name="UserError")

    def test_a_cancelled_job_runs_nothing_and_says_so_of_each_operation(self):
        for verb in (None, "pause"):
            status = self.door.submit([create("Never A"), create("Never B", "Never C")], draft=verb is None)
            if verb:
                self.door.call(verb, status["job_id"])
            cancelled = self.door.call("cancel", status["job_id"])
            self.work()
            result = self.result_of(status["job_id"])
            self.assertEqual((cancelled["state"], result["state"]), ("cancelled", "cancelled"))
            self.assertEqual((result["completed"], result["stats"]["failed_records"]), (3, 0))
            self.assertEqual({entry["state"] for entry in result["results"]}, {"cancelled"})
        with self.committed() as env:
            self.assertFalse(env["res.partner"].search([("name", "like", "Never ")]))

    def test_retry_runs_only_what_failed(self):
        with self.committed() as env:
            blocker = env["res.partner.category"].create({"name": "Retry blocker"})
        operations = [
            create("Retry good", "Retry good 2", operation_id="good"),
            {
                "operation_type": "call",
                "model": "res.partner.category",
                "record_ids": [blocker.id, 987654],
                "method": "read",
                "operation_id": "bad",
            },
        ]
        first = self.run_job(operations)
        self.assertEqual((first["state"], first["stats"]["failed_records"]), ("partial", 1))
        again = self.door.call("retry", first["job_id"])
        self.assertStatus(again)
        self.assertEqual((again["state"], again["completed"], again["job_id"]), ("pending", 3, first["job_id"]))
        self.work()
        second = self.result_of(first["job_id"])
        self.assertEqual((second["state"], second["stats"]["failed_records"], second["total"]), ("partial", 1, 4))
        self.assertEqual(second["results"][0]["result"], first["results"][0]["result"])
        with self.committed() as env:
            self.assertEqual(env["res.partner"].search_count([("name", "like", "Retry good")]), 2)
        self.assertEqual(len(second["results"][1]["failures"]), 1)

    def test_retry_of_a_cancelled_job_runs_it_after_all(self):
        status = self.door.submit([create("Late A"), create("Late B")])
        self.door.call("cancel", status["job_id"])
        self.door.call("retry", status["job_id"])
        self.work()
        result = self.result_of(status["job_id"])
        self.assertEqual((result["state"], result["completed"], result["total"]), ("completed", 2, 2))
        self.assertEqual(result["stats"]["completed_operations"], 2)
        self.assertRefused(self.door.call, "retry", status["job_id"], name="UserError")

    def test_a_job_whose_records_all_failed_is_failed(self):
        result = self.run_job([{**create(), "data": [{}]}, update({"name": "X"}, 999998)])
        self.assertEqual((result["state"], result["percentage"]), ("failed", 100.0))
        self.assertEqual(result["stats"]["failed_operations"], 2)
