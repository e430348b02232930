"""Every operation type and every key of an operation, run by lanes and read back over HTTP."""

from .case import create, update
from .doors import RouteDoor
from .operations_case import OperationsCase, call, delete, update_by_domain, upsert


class TestCreateUpdateDelete(OperationsCase):
    def test_create_aligns_ids_with_data_and_takes_x2many_commands(self):
        [tag] = self.run_one(create("Tag X", model="res.partner.category"), door=RouteDoor(self.admin))["result"]
        entry = self.run_one(
            {
                "operation_type": "create",
                "model": "res.partner",
                "data": [
                    {"name": "With child", "child_ids": [[0, 0, {"name": "Child"}]], "category_id": [[6, 0, [tag]]]},
                    {},
                    {"name": "Plain"},
                ],
            }
        )
        self.assertEqual((entry["state"], entry["processed_records"], entry["failed_records"]), ("partial", 2, 1))
        first, second, third = entry["result"]
        self.assertIs(second, False)
        self.assertEqual(self.names_of([first, third]), ["With child", "Plain"])
        self.assertIn("1 of 3 records failed", entry["error"])
        with self.committed() as env:
            partner = env["res.partner"].browse(first)
            self.assertEqual((partner.child_ids.mapped("name"), partner.category_id.ids), (["Child"], [tag]))

    def test_return_ids_false_keeps_ids_out_of_the_result(self):
        entry = self.run_one(create("Quiet A", "Quiet B", return_ids=False))
        self.assertIs(entry["result"], True)
        self.assertEqual(entry["processed_records"], 2)

    def test_update_takes_one_dict_for_many_or_one_dict_each(self):
        ids = self.partners("A", "B", "C")
        entry = self.run_one(update({"comment": "all"}, *ids))
        self.assertIs(entry["result"], True)
        each = {
            "operation_type": "update",
            "model": "res.partner",
            "data": [{"id": id_, "city": f"C{id_}"} for id_ in ids],
        }
        self.assertTrue(self.run_one(each)["success"])
        self.assertEqual([city for (city,) in self.read(ids, "city")], [f"C{id_}" for id_ in ids])

    def test_many_ids_with_one_dict_are_split_and_a_missing_one_fails_alone(self):
        ids = self.partners(*(f"M{n}" for n in range(50)))
        entry = self.run_one(update({"city": "Here"}, *ids[:25], 999997, *ids[25:]), max_chunk_size=10)
        self.assertEqual((entry["state"], entry["processed_records"], entry["failed_records"]), ("partial", 50, 1))
        self.assertFailsWith(entry, "999997", index=25)
        self.assertEqual(set(self.read(ids, "city")), {("Here",)})

    def test_update_of_the_same_record_twice_keeps_the_order(self):
        [id_] = self.partners("Twice")
        data = [{"id": id_, "city": "first"}, {"id": id_, "city": "second"}]
        self.assertTrue(self.run_one({"operation_type": "update", "model": "res.partner", "data": data})["success"])
        self.assertEqual(self.read([id_], "city"), [("second",)])

    def test_delete_takes_ids_in_data_or_record_ids_and_unlink_is_its_other_name(self):
        ids = self.partners("D1", "D2", "D3")
        entries = self.run_job(
            [
                delete(ids[0]),
                {"operation_type": "delete", "model": "res.partner", "record_ids": [ids[1]]},
                {"operation_type": "unlink", "model": "res.partner", "data": [ids[2], 999996]},
            ]
        )["results"]
        self.assertEqual([entry["result"] for entry in entries], [True, True, False])
        self.assertEqual([entry["operation_type"] for entry in entries], ["delete"] * 3)
        self.assertFailsWith(entries[2], "999996", index=1)
        self.assertEqual(self.read(ids, "id"), [])

    def test_a_domain_is_resolved_when_the_operation_starts_and_counts_into_the_totals(self):
        ids = self.partners(*(f"Dom {n}" for n in range(7)), ref="domain")
        domain = [("ref", "=", "domain")]
        status = self.door.submit(
            [
                {
                    "operation_type": "update",
                    "model": "res.partner",
                    "data": {"city": "D"},
                    "domain": domain,
                    "operation_id": "u",
                },
                call("write", domain=domain, args=[{"street": "S"}], operation_id="c", depends_on=["u"]),
                {"operation_type": "delete", "model": "res.partner", "domain": domain, "depends_on": ["c"]},
            ],
            max_chunk_size=3,
        )
        self.assertEqual(status["total"], 0)
        late = self.partners("Dom late", ref="domain")
        self.work()
        result = self.result_of(status["job_id"])
        self.assertEqual((result["state"], result["total"], result["completed"]), ("completed", 24, 24))
        self.assertEqual([entry["record_count"] for entry in result["results"]], [8, 8, 8])
        self.assertEqual(self.read(ids + late, "id"), [])

    def test_a_domain_that_finds_nothing_is_a_completed_operation(self):
        entry = self.run_one(update_by_domain([("ref", "=", "nobody has this")]))
        self.assertEqual((entry["state"], entry["record_count"], entry["result"]), ("completed", 0, True))

    def test_context_of_an_operation_goes_over_that_of_the_job(self):
        [archived] = self.partners("Archived", active=False, ref="ctx")
        domain = [("ref", "=", "ctx")]
        first = self.run_one(update_by_domain(domain, context={"active_test": False}))
        second = self.run_job([update_by_domain(domain)], context={"active_test": False})["results"][0]
        third = self.run_job([update_by_domain(domain, context={"active_test": True})], context={"active_test": False})[
            "results"
        ][0]
        self.assertEqual([entry["record_count"] for entry in (first, second, third)], [1, 1, 0])
        self.assertEqual(self.read([archived], "city"), [("Found",)])


class TestCall(OperationsCase):
    def test_a_method_runs_on_the_records_chunk_by_chunk(self):
        ids = self.partners(*(f"Call {n}" for n in range(5)))
        entry = self.run_one(call("write", *ids, args=[{"city": "Called"}]), max_chunk_size=2)
        self.assertEqual((entry["result"], entry["record_count"]), (True, 5))
        self.assertEqual(set(self.read(ids, "city")), {("Called",)})
        entry = self.run_one(call("write", *ids, kwargs={"vals": {"city": "By name"}}))
        self.assertTrue(entry["success"])
        entry = self.run_one(call("action_archive", *ids, 999995))
        self.assertEqual((entry["result"], entry["processed_records"]), (False, 5))
        self.assertFailsWith(entry, "999995", index=5)

    def test_a_model_level_method_runs_once_and_its_answer_is_plain(self):
        ids = self.partners("Searched", ref="model-level")
        domain = [("ref", "=", "model-level")]
        for method, keys, expected in (
            ("search", {"args": [domain]}, ids),
            ("search_count", {"args": [domain]}, 1),
            (
                "search_read",
                {"args": [domain], "kwargs": {"fields": ["name", "country_id"]}},
                [{"id": ids[0], "name": "Searched", "country_id": False}],
            ),
            ("search_count", {"args": [[("ref", "=", "nobody")]]}, 0),
            ("name_create", {"args": ["Once only"]}, None),
        ):
            entry = self.run_one(call(method, **keys), max_chunk_size=1)
            self.assertEqual((entry["state"], entry["record_count"]), ("completed", 1), method)
            if expected is not None:
                self.assertEqual(entry["result"], expected, method)
        with self.committed() as env:
            self.assertEqual(env["res.partner"].search_count([("name", "=", "Once only")]), 1)

    def test_private_and_unknown_methods_are_refused(self):
        for method in ("_write", "sudo", "check_access", "no_such_method"):
            error = self.assertRefused(self.door.submit, [call(method)], name="BatchValidationError")
            self.assertEqual(error.problems[0]["key"], "method")


class TestRefusedOperations(OperationsCase):
    def test_each_wrong_key_is_named_and_nothing_is_stored(self):
        before = self.count_jobs()
        fine = {"operation_type": "create", "model": "res.partner", "data": [{"name": "x"}]}
        for wrong, key in (
            ("not an object", False),
            ({**fine, "operation_type": "erase"}, "operation_type"),
            ({**fine, "operation_type": None}, "operation_type"),
            ({**fine, "model": "no.model"}, "model"),
            ({**fine, "model": None}, "model"),
            ({**fine, "model": "mail.thread"}, "model"),
            ({**fine, "colour": "red"}, "colour"),
            ({**fine, "record_ids": [1]}, "record_ids"),
            ({**fine, "data": {"name": "x"}}, "data"),
            ({**fine, "data": [["name", "x"]]}, "data"),
            ({**fine, "data": [{"nmae": "x"}]}, "data"),
            ({**fine, "operation_id": 5}, "operation_id"),
            ({**fine, "depends_on": "op-1"}, "depends_on"),
            ({**fine, "priority": "high"}, "priority"),
            ({**fine, "priority": 1.5}, "priority"),
            ({**fine, "context": ["x"]}, "context"),
            ({**fine, "context": {"lang": "xx_XX"}}, "context"),
            ({**fine, "context": {"lang": ["en_US"]}}, "context"),
            ({**fine, "return_ids": "no"}, "return_ids"),
            ({**fine, "group_by": "nope"}, "group_by"),
            ({**fine, "group_by": "child_ids"}, "group_by"),
            (upsert({"name": "x"}), "data"),
            (upsert({"ref": "x"}, key=[]), "key"),
            (upsert({"child_ids": []}, key=["child_ids"]), "key"),
            ({"operation_type": "update", "model": "res.partner", "data": {"city": "x"}}, "record_ids"),
            ({"operation_type": "update", "model": "res.partner", "data": [{"city": "x"}]}, "data"),
            (update({"city": "x"}, "5"), "record_ids"),
            (update({"city": "x"}, -5), "record_ids"),
            (update({"city": "x"}, True), "record_ids"),
            (update({"nope": "x"}, 5), "data"),
            (update_by_domain("all"), "domain"),
            (update_by_domain([("nope", "=", 1)]), "domain"),
            (update_by_domain([("name", "~~", 1)]), "domain"),
            (update_by_domain([], record_ids=[1]), "record_ids"),
            ({"operation_type": "delete", "model": "res.partner"}, "record_ids"),
            (delete("x"), "data"),
            (delete(1, record_ids=[2]), "data"),
            ({"operation_type": "load", "model": "res.partner", "data": [["x"]]}, "fields"),
            ({"operation_type": "load", "model": "res.partner", "fields": ["nope"], "data": [["x"]]}, "fields"),
            ({"operation_type": "load", "model": "res.partner", "fields": ["name/id"], "data": [["x"]]}, "fields"),
            ({"operation_type": "load", "model": "res.partner", "fields": ["name"], "data": [["x", "y"]]}, "data"),
            ({"operation_type": "load", "model": "res.partner", "fields": ["name"], "data": ["x"]}, "data"),
            (call(5), "method"),
            (call("read", 1, args="x"), "args"),
            (call("read", 1, kwargs=["x"]), "kwargs"),
        ):
            with self.subTest(wrong=wrong):
                error = self.assertRefused(self.door.submit, [fine, wrong], name="BatchValidationError")
                self.assertTrue(error.problems)
                self.assertEqual({(problem["operation"], problem["key"]) for problem in error.problems}, {(1, key)})
                self.assertTrue(all(problem["message"] for problem in error.problems))
        self.assertEqual(self.count_jobs(), before)

    def test_all_problems_come_at_once_and_twenty_are_spelled_out(self):
        data = [{"name": "x", f"wrong_{n}": 1} for n in range(30)]
        error = self.assertRefused(
            self.door.submit,
            [{**create(), "data": data}, {**create("A"), "model": "no.model"}],
            nonsense=1,
            name="BatchValidationError",
        )
        self.assertEqual(len(error.problems), 32)
        self.assertEqual(error.arguments[0], error.message)
        self.assertIn(
            {"operation": 0, "record": 7, "key": "data"},
            [{key: p[key] for key in ("operation", "record", "key")} for p in error.problems],
        )
        lines = error.message.splitlines()
        self.assertEqual(sum(line.startswith("- ") for line in lines), 21, "twenty problems, and a count of the others")
        self.assertIn("12 more", lines[-1])

    def test_what_only_the_database_can_judge_is_no_submission_error(self):
        result = self.run_job(
            [
                {**create(), "data": [{}]},
                {**create("Kept"), "data": [{"name": "K", "type": "nonsense"}]},
                update({"city": "x"}, 2147483647, 9999999999),
            ]
        )
        self.assertEqual([entry["state"] for entry in result["results"]], ["failed"] * 3)
        for entry in result["results"]:
            for failure in entry["failures"]:
                self.assertReadable(failure["error"])

    def test_group_by_is_accepted_where_records_share_a_stored_field(self):
        parents = self.partners("Parent 1", "Parent 2")
        data = [{"name": f"G{n}", "parent_id": parents[n % 2]} for n in range(10)]
        entry = self.run_one(
            {"operation_type": "create", "model": "res.partner", "data": data, "group_by": "parent_id"},
            max_chunk_size=5,
        )
        self.assertEqual((entry["state"], len(set(entry["result"]))), ("completed", 10))
        self.assertEqual(
            [parent for (parent,) in self.read(entry["result"], "parent_id")], [parents[n % 2] for n in range(10)]
        )
        again = self.run_one({**update({"city": "G"}, *entry["result"]), "group_by": "parent_id"}, max_chunk_size=3)
        self.assertTrue(again["success"])
