"""`$ref`, `depends_on`, priority: what waits for what, whatever the order it was sent in."""

from .case import create, update
from .doors import RouteDoor
from .operations_case import OperationsCase, call


class TestReferencesAndOrder(OperationsCase):
    def test_ref_works_everywhere_whatever_the_order(self):
        result = self.run_job(
            [
                # each stands before what it refers to
                {
                    "operation_type": "create",
                    "model": "res.partner",
                    "operation_id": "child",
                    "data": [
                        {
                            "name": "Child",
                            "parent_id": {"$ref": "parents", "index": 1},
                            "category_id": [[6, 0, {"$ref": "tags"}]],
                        }
                    ],
                },
                update({"city": "Ref"}, {"$ref": "parents", "index": 0}, operation_id="by_index"),
                call("search", args=[[["id", "in", [{"$ref": "parents"}, {"$ref": "doomed"}]]]], operation_id="listed"),
                call(
                    "copy_data",
                    {"$ref": "parents"},
                    kwargs={"default": {"category_id": {"$ref": "tags"}}},
                    operation_id="kwargs",
                ),
                {
                    "operation_type": "update",
                    "model": "res.partner",
                    "data": {"street": "Whole"},
                    "record_ids": {"$ref": "parents"},
                    "operation_id": "whole",
                },
                {
                    "operation_type": "update",
                    "model": "res.partner",
                    "data": [{"id": {"$ref": "parents", "index": 1}, "city": "Each"}],
                    "operation_id": "each",
                },
                call("write", {"$ref": "child"}, args=[{"comment": "args"}], operation_id="call"),
                call("search_count", args=[[["id", "in", {"$ref": "parents"}]]], operation_id="count"),
                {
                    "operation_type": "delete",
                    "model": "res.partner",
                    "data": [{"$ref": "doomed"}],
                    "operation_id": "delete",
                    "depends_on": ["listed"],
                },
                create("P1", "P2", operation_id="parents"),
                create("T1", "T2", model="res.partner.category", operation_id="tags"),
                create("Doomed", operation_id="doomed"),
            ],
            door=RouteDoor(self.admin),
        )
        self.assertEqual(
            {entry["operation_id"]: entry["state"] for entry in result["results"] if not entry["success"]}, {}
        )
        ids = {entry["operation_id"]: entry["result"] for entry in result["results"]}
        parents = ids["parents"]
        self.assertEqual(self.read(parents, "city", "street"), [("Ref", "Whole"), ("Each", "Whole")])
        with self.committed() as env:
            child = env["res.partner"].browse(ids["child"])
            self.assertEqual((child.parent_id.id, sorted(child.category_id.ids)), (parents[1], sorted(ids["tags"])))
            self.assertIn("args", child.comment)
        self.assertEqual(ids["count"], 2)
        self.assertEqual(sorted(ids["listed"]), sorted(parents + ids["doomed"]))
        self.assertEqual(self.read(ids["doomed"], "id"), [])

    def test_a_whole_ref_needs_all_of_it_and_an_indexed_one_just_that_record(self):
        makers = {
            "operation_type": "create",
            "model": "res.partner",
            "data": [{"name": "Made"}, {}],
            "operation_id": "made",
        }
        result = self.run_job(
            [
                makers,
                update({"city": "x"}, {"$ref": "made", "index": 0}, operation_id="first"),
                update({"city": "x"}, {"$ref": "made", "index": 1}, operation_id="second"),
                update({"city": "x"}, {"$ref": "made"}, operation_id="whole"),
            ]
        )
        states = {entry["operation_id"]: entry["state"] for entry in result["results"]}
        self.assertEqual(states, {"made": "partial", "first": "completed", "second": "failed", "whole": "skipped"})
        by_name = {entry["operation_id"]: entry for entry in result["results"]}
        self.assertFailsWith(by_name["second"], "made", "1")
        self.assertIn("made", by_name["whole"]["error"])

    def test_depends_on_runs_after_and_skips_along_the_chain(self):
        result = self.run_job(
            [
                create("Last", operation_id="last", depends_on=["mid"]),
                create("Mid", operation_id="mid", depends_on=["bad"]),
                {"operation_type": "create", "model": "res.partner", "data": [{}], "operation_id": "bad"},
                create("Free", operation_id="free", depends_on=["good"]),
                create("Good", operation_id="good"),
            ]
        )
        states = {entry["operation_id"]: entry["state"] for entry in result["results"]}
        self.assertEqual(
            states, {"last": "skipped", "mid": "skipped", "bad": "failed", "free": "completed", "good": "completed"}
        )
        self.assertEqual((result["state"], result["completed"], result["total"]), ("partial", 5, 5))
        self.assertEqual(result["stats"]["failed_records"], 1)
        ids = {entry["operation_id"]: entry["result"] for entry in result["results"]}
        self.assertGreater(ids["free"][0], ids["good"][0])
        self.door.call("retry", result["job_id"])
        self.work()
        again = self.result_of(result["job_id"])
        self.assertEqual({entry["operation_id"]: entry["state"] for entry in again["results"]}, states)
        self.assertEqual((again["completed"], again["total"]), (5, 5))

    def test_an_operation_without_records_keeps_its_place_among_those_that_wait(self):
        raw = {"operation_type": "create", "model": "res.partner", "data": []}
        operations = [
            create("Third", operation_id="third", depends_on=["second"]),
            {**raw, "operation_id": "second", "depends_on": ["first"]},
            create("First", operation_id="first"),
            {**raw, "operation_id": "alone"},
        ]
        for run in (self.run_job, self.door.execute):
            result = run(operations)
            self.assertEqual([entry["state"] for entry in result["results"]], ["completed"] * 4)
            third, second, first, alone = (entry["result"] for entry in result["results"])
            self.assertGreater(third, first)
            self.assertEqual((second, alone), ([], []))
            operations[2] = {**operations[2], "data": [{}]}
            failed = run(operations)
            self.assertEqual(
                [entry["state"] for entry in failed["results"]], ["skipped", "skipped", "failed", "completed"]
            )
            operations[2] = create("First", operation_id="first")

    def test_cycles_unknown_names_and_producers_of_nothing_are_refused(self):
        for operations, text in (
            (
                [create("A", operation_id="a", depends_on=["b"]), create("B", operation_id="b", depends_on=["a"])],
                "waits for itself",
            ),
            ([create("A", operation_id="a", depends_on=["a"])], "waits for itself"),
            ([create("A", depends_on=["nobody"])], "nobody"),
            ([update({"city": "x"}, {"$ref": "nobody"})], "nobody"),
            ([update({"city": "x"}, {"$ref": "op-2"}), update({"city": "x"}, 1)], "produces no ids"),
            ([update({"city": "x"}, {"$ref": "op-2", "index": -1}), create("A")], "index"),
            ([create("A", operation_id="same"), create("B", operation_id="same")], "twice"),
        ):
            error = self.assertRefused(self.door.submit, operations, name="BatchValidationError")
            self.assertIn(text, error.message)

    def test_only_what_is_in_a_cycle_waits_for_itself(self):
        error = self.assertRefused(
            self.door.submit,
            [
                create("Behind one", depends_on=["a"]),
                create("A", operation_id="a", depends_on=["b"]),
                create("B", operation_id="b", depends_on=["a"]),
                create("Between two", operation_id="between", depends_on=["b"]),
                create("Itself", operation_id="itself", depends_on=["itself", "between"]),
                create("Behind all", depends_on=["itself"]),
            ],
            name="BatchValidationError",
        )
        self.assertEqual([problem["operation"] for problem in error.problems], [1, 2, 4], error.problems)

    def test_priority_and_position_give_the_order_where_only_one_may_run(self):
        operations = [
            create("P", operation_id="low", priority=-5),
            create("P", operation_id="a"),
            create("P", operation_id="high", priority=9),
            create("P", operation_id="b"),
        ]
        result = self.run_job(operations, max_concurrency=1)
        order = sorted(result["results"], key=lambda entry: entry["result"][0])
        self.assertEqual([entry["operation_id"] for entry in order], ["high", "a", "b", "low"])
        self.assertEqual([entry["operation_id"] for entry in result["results"]], ["low", "a", "high", "b"])

    def test_made_up_operation_ids_count_from_one(self):
        result = self.run_job([create("A"), create("B", operation_id="mine"), create("C")])
        self.assertEqual([entry["operation_id"] for entry in result["results"]], ["op-1", "mine", "op-3"])

    def test_names_may_hold_what_means_something_to_the_database(self):
        names = ["\\N", "None", "a\tb", "a\nb", "a\r\\.\n", "op-7", "{1,2}", "\\", '"', "op-0", "op-1", "é"]
        operations = [create(f"Named {number}", operation_id=name) for number, name in enumerate(names)]
        operations += [update({"city": "Named"}, {"$ref": name, "index": 0}) for name in names]
        result = self.run_job(operations)
        self.assertEqual(result["state"], "completed")
        self.assertEqual([entry["operation_id"] for entry in result["results"]][: len(names)], names)
