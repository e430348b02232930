"""Zenoo RPC's interface inside the server: the executor, its operation classes, its errors."""

import gc
from dataclasses import asdict

from odoo.addons.batch_executor import (
    ActionOperation,
    BatchExecutionError,
    BatchExecutor,
    BatchValidationError,
    CallOperation,
    CreateOperation,
    DeleteOperation,
    LoadOperation,
    UpdateOperation,
    UpsertOperation,
)

from .case import BatchCase, create, entry_keys


class TestBatchExecutor(BatchCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.user_env = cls.env(user=cls.user.id)
        cls.partners = cls.env["res.partner"].create([{"name": f"Py {n}"} for n in range(3)])

    def test_operations_run_and_results_come_in_order(self):
        executor = BatchExecutor(self.user_env)
        result = executor.execute_operations(
            [
                CreateOperation("res.partner", [{"name": "C1"}, {"name": "C2"}]),
                UpdateOperation("res.partner", {"city": "U"}, self.partners[:2].ids),
                UpdateOperation(model="res.partner", data=[{"id": self.partners[2].id, "city": "V"}]),
                UpsertOperation("res.partner", [{"ref": "py", "name": "P"}], key=["ref"]),
                LoadOperation("res.partner", [["L"]], fields=["name"]),
                CallOperation("res.partner", method="search_count", args=[[["ref", "=", "py"]]]),
                DeleteOperation("res.partner", self.partners[2].ids),
                create("As a dict"),
                ActionOperation("res.partner", action="web.download_contact", record_ids=self.partners[:2].ids),
            ]
        )
        self.assertEqual([entry["success"] for entry in result["results"]], [True] * 9)
        self.assertEqual([set(entry) for entry in result["results"]], [entry_keys(entry) for entry in result["results"]])
        self.assertEqual(self.env["res.partner"].browse(result["results"][0]["result"]).mapped("name"), ["C1", "C2"])
        self.assertEqual(self.partners[:2].mapped("city"), ["U", "U"])
        self.assertEqual(result["results"][5]["result"], 1)
        self.assertFalse(self.partners[2].exists())
        self.assertGreater(result["duration"], 0)
        self.assertEqual(executor.stats, result["stats"])
        self.assertEqual((executor.stats["total_operations"], executor.stats["completed_operations"]), (9, 9))

    def test_progress_is_told_after_every_chunk_and_only_grows(self):
        told = []
        BatchExecutor(self.user_env, max_chunk_size=2).execute_operations(
            [CreateOperation("res.partner", [{"name": "x"}] * 5)], told.append
        )
        self.assertEqual([(point["completed"], point["total"]) for point in told], [(2, 5), (4, 5), (5, 5)])
        self.assertEqual(
            {frozenset(point) for point in told}, {frozenset(("completed", "total", "percentage", "stats"))}
        )
        self.assertEqual([point["percentage"] for point in told], [40.0, 80.0, 100.0])

    def test_failing_records_do_not_raise(self):
        result = BatchExecutor(self.user_env).execute_operations(
            [
                CreateOperation("res.partner", [{"name": "fine"}, {}]),
                UpdateOperation("res.partner", {"city": "x"}, [999989]),
            ]
        )
        self.assertEqual([entry["state"] for entry in result["results"]], ["partial", "failed"])
        self.assertEqual((result["stats"]["processed_records"], result["stats"]["failed_records"]), (1, 2))

    def test_invalid_operations_raise_with_all_that_is_wrong(self):
        with self.assertRaises(BatchValidationError) as caught:
            BatchExecutor(self.user_env).execute_operations(
                [CreateOperation("no.model", []), UpdateOperation("res.partner", {"nope": 1}, [1])]
            )
        errors = caught.exception.validation_errors
        self.assertEqual([(error["operation"], error["key"]) for error in errors], [(0, "model"), (1, "data")])
        self.assertIn("no.model", str(caught.exception))
        for wrong in ([None], ["x"], "x", [5]):
            with self.assertRaises(BatchValidationError):
                BatchExecutor(self.user_env).execute_operations(wrong)
        with self.assertRaises(BatchValidationError):
            BatchExecutor(self.user_env, max_chunk_size=-1).execute_operations([create("A")])

    def test_what_can_not_go_on_raises_with_what_there_is(self):
        self.env["ir.config_parameter"].set_param("batch_executor.execute_limit", "2")
        update = UpdateOperation(
            "res.partner", {"city": "x"}, domain=[("id", "in", self.partners.ids)], operation_id="too-many"
        )
        with self.assertRaises(BatchExecutionError) as caught:
            BatchExecutor(self.user_env).execute_operations([create("Before"), update])
        self.assertEqual(
            [entry["operation_id"] for entry in caught.exception.partial_results["results"]], ["op-1", "too-many"]
        )
        self.assertEqual(caught.exception.failed_operations, ["too-many"])

    def test_nothing_to_do_is_no_error(self):
        result = BatchExecutor(self.user_env).execute_operations([])
        self.assertEqual(result["results"], [])
        self.assertIn("stats", result)

    def test_submit_gives_the_queued_job(self):
        executor = BatchExecutor(self.user_env, max_chunk_size=7, max_concurrency=2, timeout=9, retry_attempts=1)
        job = executor.submit(
            [CreateOperation("res.partner", [{"name": "queued"}])], name="From Python", max_concurrency=1
        )
        self.assertEqual(
            (job._name, job.name, job.state, job.user_id), ("batch.job", "From Python", "pending", self.user)
        )
        self.assertEqual((job.max_chunk_size, job.max_concurrency, job.timeout, job.retry_attempts), (7, 1, 9.0, 1))

    def test_what_has_no_json_form_is_refused_and_the_transaction_goes_on(self):
        """It is noticed only while rows flow into PostgreSQL, by then both after and before others."""
        for place in (0, 700, 1_199):
            operations = [create(f"Plain {number}") for number in range(1_200)]
            operations[place]["data"][0]["comment"] = object()
            with self.subTest(place=place), self.assertRaisesRegex(BatchValidationError, "no JSON form"):
                BatchExecutor(self.user_env).submit(operations)
        job = BatchExecutor(self.user_env).submit([create("Afterwards")])
        self.assertEqual(job.total_records, 1)

    def test_a_refused_submission_leaves_the_garbage_collector_on(self):
        for operations in ([], [create({"name": object()})]):
            with self.subTest(operations=operations), self.assertRaises(BatchValidationError):
                self.user_env["batch.job"].submit(operations)
            self.assertTrue(gc.isenabled())

    def test_classes_serialize_to_the_objects_of_the_api(self):
        operation = UpdateOperation(
            "res.partner", {"city": "x"}, [1, 2], operation_id="u", priority=3, context={"lang": "fr_FR"}
        )
        self.assertEqual(
            operation.as_dict(),
            {"operation_type": "update", "model": "res.partner", "data": {"city": "x"}, "record_ids": [1, 2], "operation_id": "u",
             "priority": 3, "context": {"lang": "fr_FR"}},
        )  # fmt: skip
        for given in (
            CreateOperation("res.partner", [{"name": "x"}]),
            DeleteOperation("res.partner", [self.partners[0].id]),
        ):
            self.assertTrue(self.user_env["batch.job"].execute([asdict(given)])["results"][0]["success"])

    def test_the_originals_arguments_are_taken(self):
        operations = [
            CreateOperation(
                model="res.partner",
                data=[{"name": "x"}],
                return_ids=False,
                context={"tracking_disable": True},
                priority=1,
                operation_id="c",
            ),
            UpdateOperation(model="res.partner", data={"city": "x"}, record_ids=self.partners.ids),
            DeleteOperation(model="res.partner", data=self.partners[0].ids),
        ]
        executor = BatchExecutor(self.user_env, max_chunk_size=100, max_concurrency=5, timeout=None, retry_attempts=3)
        result = executor.execute_operations(operations, progress_callback=None)
        self.assertEqual([entry["result"] for entry in result["results"]], [True, True, True])
