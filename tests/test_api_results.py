"""What `status`, `result` and `failures` answer: shapes, pages, texts."""

from .api_case import ApiCase
from .case import EFFECT_KEYS, ENTRY_KEYS, FAILURE_KEYS, create, nulls_in, update
from .doors import RouteDoor


class TestResults(ApiCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        data = [{} if n % 2 else {"name": f"R{n}"} for n in range(10)]
        operations = [
            create("First"),
            {**create(), "data": data},
            create("Third"),
            update({"city": "x"}, 999991),
            create("Fifth"),
        ]
        cls.job_id = cls.door.submit(operations)["job_id"]
        cls.work()

    def test_results_come_in_submission_order_a_page_at_a_time(self):
        whole = self.result_of(self.job_id)
        self.assertEqual([entry["operation_id"] for entry in whole["results"]], [f"op-{n}" for n in range(1, 6)])
        self.assertIs(whole["next_offset"], False)
        offset, found = 0, []
        for expected in (2, 4, False):
            page = self.result_of(self.job_id, offset=offset, limit=2)
            found += page["results"]
            offset = page["next_offset"]
            self.assertEqual(offset, expected)
        self.assertEqual(found, whole["results"])
        self.assertEqual(self.result_of(self.job_id, offset=5)["results"], [])
        self.assertEqual((self.result_of(self.job_id, offset=3, limit=2)["next_offset"]), False)

    def test_only_failed_lists_just_operations_with_failures(self):
        failed = self.result_of(self.job_id, only="failed")
        self.assertEqual([entry["operation_id"] for entry in failed["results"]], ["op-2", "op-4"])
        self.assertEqual(self.result_of(self.job_id, only="failed", offset=1)["results"], failed["results"][1:])
        self.assertEqual(self.result_of(self.job_id, only="failed", limit=1)["next_offset"], 1)
        self.assertEqual(len(self.result_of(self.job_id, only=False)["results"]), 5)

    def test_failures_page_through_all(self):
        whole = self.door.call("failures", self.job_id)
        self.assertEqual(set(whole), {"failures", "total", "next_offset"})
        self.assertEqual((whole["total"], whole["next_offset"], len(whole["failures"])), (6, False, 6))
        self.assertEqual(list(nulls_in(whole)), [])
        self.assertEqual(
            [(failure["operation_id"], failure["index"]) for failure in whole["failures"]],
            [*(("op-2", n) for n in (1, 3, 5, 7, 9)), ("op-4", 0)],
        )
        for failure in whole["failures"]:
            self.assertEqual(set(failure), FAILURE_KEYS | {"operation_id"})
            self.assertEqual(failure["attempts"], 1)
            self.assertReadable(failure["error"])
        self.assertEqual([failure["record_id"] for failure in whole["failures"]], [False] * 5 + [999991])
        paged = self.door.call("failures", self.job_id, offset=4, limit=2)
        self.assertEqual((paged["failures"], paged["next_offset"]), (whole["failures"][4:], False))
        self.assertEqual(self.door.call("failures", self.job_id, offset=2, limit=2)["next_offset"], 4)

    def test_wrong_pages_are_refused(self):
        for verb in ("result", "failures"):
            for params in (
                {"offset": -1},
                {"offset": "0"},
                {"limit": 0},
                {"limit": -5},
                {"limit": None},
                {"limit": True},
                {"offset": 2**40},
            ):
                with self.subTest(verb=verb, params=params):
                    self.assertRefused(self.door.call, verb, self.job_id, name="UserError", **params)
        for only in ("all", 1, ["failed"]):
            self.assertRefused(self.door.call, "result", self.job_id, only=only, name="UserError")
        self.assertEqual(len(self.result_of(self.job_id, limit=10**6)["results"]), 5)

    def test_at_most_hundred_failures_stand_with_an_operation_and_failures_has_them_all(self):
        job_id = self.door.submit([{**create(), "data": [{}] * 130}], max_chunk_size=50)["job_id"]
        self.work()
        [entry] = self.result_of(job_id)["results"]
        self.assertEqual([failure["index"] for failure in entry["failures"]], list(range(100)))
        self.assertIn("130 of 130 records failed", entry["error"])
        first = self.door.call("failures", job_id, limit=100)
        rest = self.door.call("failures", job_id, offset=first["next_offset"])
        self.assertEqual((first["total"], len(first["failures"]), len(rest["failures"])), (130, 100, 30))
        self.assertEqual([failure["index"] for failure in first["failures"] + rest["failures"]], list(range(130)))

    def test_an_unfinished_job_has_results_as_well(self):
        job_id = self.door.submit([create("A", "B"), update({"city": "x"}, 1)])["job_id"]
        result = self.result_of(job_id)
        self.assertEqual(
            [(entry["state"], entry["success"], entry["failures"], entry["error"]) for entry in result["results"]],
            [("pending", False, [], False)] * 2,
        )
        self.assertEqual(set(result["results"][0]), ENTRY_KEYS | EFFECT_KEYS)
        self.door.call("cancel", job_id)

    def test_retried_failures_are_no_longer_listed_but_new_ones_are(self):
        job_id = self.door.submit([{**create(), "data": [{}]}])["job_id"]
        self.work()
        self.door.call("retry", job_id)
        self.assertEqual(self.door.call("failures", job_id)["total"], 0)
        self.work()
        self.assertEqual(self.door.call("failures", job_id)["total"], 1)

    def test_errors_are_in_the_words_of_the_constraint(self):
        with self.committed() as env:
            codes = env["res.country"].search([], limit=1).mapped("code")
        country = {"operation_type": "create", "model": "res.country", "data": [{"name": "Double", "code": codes[0]}]}
        strange = {
            "operation_type": "create",
            "model": "res.partner",
            "data": [
                {"name": "x", "type": "nonsense"},
                {"name": "x", "color": "red"},
                {"name": "x", "country_id": 99999999},
            ],
        }
        door = RouteDoor(self.admin)
        job_id = door.submit([country, strange])["job_id"]
        self.work()
        first, second = self.result_of(job_id, door)["results"]
        self.assertFailsWith(first, "code")
        self.assertEqual(first["failures"][0]["error_type"], "ValidationError")
        self.assertEqual([failure["error_type"] for failure in second["failures"]][:2], ["ValueError", "ValueError"])
        for index in range(3):
            self.assertFailsWith(second, index=index)

    def test_counters_agree_with_each_other_whatever_happened(self):
        result = self.result_of(self.job_id)
        stats = result["stats"]
        entries = result["results"]
        self.assertEqual(stats["processed_records"], sum(entry["processed_records"] for entry in entries))
        self.assertEqual(stats["failed_records"], sum(entry["failed_records"] for entry in entries))
        self.assertEqual(stats["completed_operations"], sum(entry["success"] for entry in entries))
        self.assertEqual(stats["failed_operations"], sum(not entry["success"] for entry in entries))
        self.assertEqual(stats["total_records"], sum(entry["record_count"] for entry in entries))
        self.assertGreaterEqual(result["duration"], 0)
