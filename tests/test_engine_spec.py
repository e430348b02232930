"""Operations and options as callers send them: what is accepted, in which form it arrives, what is said of the rest."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from odoo.tests.common import BaseCase

from odoo.addons.batch_executor.engine.graph import check_graph
from odoo.addons.batch_executor.engine.operation import SHARED_FROM
from odoo.addons.batch_executor.engine.options import parse_options
from odoo.addons.batch_executor.engine.problems import KEPT, SPELLED_OUT, Problems
from odoo.addons.batch_executor.engine.spec import parse_operations

M = {"model": "res.partner"}


def parse(*raw, offset=0):
    problems = Problems()
    return parse_operations(list(raw), problems, offset), problems


def parse_one(**keys):
    [operation], problems = parse({**M, **keys})
    assert not problems, problems.lines()
    return operation


class TestForms(BaseCase):
    def test_create_keeps_the_dicts_it_was_given(self):
        operation = parse_one(operation_type="create", data=[{"name": "A"}, {}])
        self.assertEqual((operation.type, operation.items, operation.record_count), ("create", [{"name": "A"}, {}], 2))
        self.assertEqual(
            (operation.operation_id, operation.return_ids, operation.priority, operation.context), ("op-1", True, 0, {})
        )

    def test_targets_that_are_none_are_problems_whatever_they_are(self):
        for target in ([1], {}, {"$ref": [1], "index": 0}, {"$ref": {}}, {"$ref": "a", "index": {}}, None, "x", 1.5, [[]]):
            for raw in (
                {"operation_type": "update", "data": {"color": 1}, "record_ids": [5, target]},
                {"operation_type": "update", "data": [{"id": target, "color": 1}, {"id": 5}]},
                {"operation_type": "delete", "data": [5, target]},
                {"operation_type": "call", "method": "x", "record_ids": [5, target]},
            ):
                with self.subTest(target=target, **raw):
                    self.assertTrue(parse({**M, **raw})[1])

    def test_few_updates_carry_their_values_many_share_them(self):
        few = parse_one(operation_type="update", data={"city": "x"}, record_ids=[1, 2])
        self.assertEqual(few.items, [[1, {"city": "x"}], [2, {"city": "x"}]])
        ids = list(range(1, SHARED_FROM + 1))
        many = parse_one(operation_type="update", data={"city": "x"}, record_ids=ids)
        self.assertEqual((many.items, many.params["values"]), (ids, {"city": "x"}))
        each = parse_one(operation_type="update", data=[{"id": 5, "city": "x"}])
        self.assertEqual(each.items, [[5, {"city": "x"}]])

    def test_unlink_is_delete_and_ids_come_by_either_key(self):
        for keys in ({"data": [1, 2]}, {"record_ids": [1, 2]}, {"data": [1, 2], "record_ids": None}):
            operation = parse_one(operation_type="unlink", **keys)
            self.assertEqual((operation.type, operation.items), ("delete", [1, 2]))

    def test_a_domain_or_a_whole_reference_is_found_later(self):
        self.assertEqual(parse_one(operation_type="delete", domain=[]).selection, {"domain": []})
        reference = parse_one(operation_type="delete", data={"$ref": "x"})
        self.assertEqual(
            (reference.selection, reference.items, set(reference.whole_refs)),
            ({"record_ids": [{"$ref": "x"}]}, [], {"x"}),
        )
        indexed = parse_one(operation_type="delete", data=[{"$ref": "x", "index": 0}])
        self.assertEqual(
            (indexed.selection, indexed.record_count, set(indexed.whole_refs), set(indexed.refs)),
            (None, 1, set(), {"x"}),
        )

    def test_a_call_without_records_runs_on_the_model(self):
        call = parse_one(operation_type="call", method="search_count", args=[[]])
        self.assertEqual((call.params["model_level"], call.record_count), (True, 1))
        self.assertNotIn("model_level", parse_one(operation_type="call", method="read", record_ids=[1]).params)

    def test_null_and_false_are_no_value(self):
        for absent in (None, False):
            operation = parse_one(
                operation_type="create",
                data=[{}],
                record_ids=absent,
                context=absent,
                depends_on=absent,
                group_by=absent,
                operation_id=absent,
                priority=absent,
                domain=absent,
            )
            self.assertEqual(operation.operation_id, "op-1")

    def test_dataclasses_and_enums_are_read_as_they_are(self):
        class Kind(Enum):
            CREATE = "create"

        @dataclass
        class Theirs:
            model: str
            data: list
            operation_type: Kind
            status: str = "pending"
            created_at: float | None = None
            started_at: float | None = None
            completed_at: float | None = None
            error: str | None = None
            result: object = None

        [operation], problems = parse(Theirs("res.partner", [{"name": "x"}], Kind.CREATE))
        self.assertFalse(problems)
        self.assertEqual((operation.type, operation.items), ("create", [{"name": "x"}]))

    def test_references_are_found_wherever_they_stand(self):
        for keys in (
            {"operation_type": "create", "data": [{"a": {"$ref": "x"}}]},
            {"operation_type": "create", "data": [{"a": [[6, 0, {"$ref": "x"}]]}]},
            {"operation_type": "create", "data": [{"a": [[0, 0, {"b": {"$ref": "x", "index": 3}}]]}]},
            {"operation_type": "update", "data": {"a": {"$ref": "x", "index": 0}}, "record_ids": list(range(1, 99))},
            {"operation_type": "update", "data": [{"id": {"$ref": "x", "index": 0}}]},
            {"operation_type": "call", "method": "m", "args": [[{"$ref": "x"}]]},
            {"operation_type": "call", "method": "m", "kwargs": {"deep": [{"er": {"$ref": "x"}}]}},
        ):
            self.assertEqual(set(parse_one(**keys).refs), {"x"}, keys)
        self.assertFalse(
            parse_one(operation_type="create", data=[{"a": {"$ref": "x", "more": 1}}]).refs, "an object like any other"
        )

    def test_positions_go_on_after_an_offset_but_problems_count_from_the_call(self):
        operations, problems = parse(
            {**M, "operation_type": "create", "data": [{}]}, {**M, "operation_type": "create", "data": 5}, offset=10
        )
        self.assertEqual([(op.position, op.operation_id) for op in operations], [(10, "op-11"), (11, "op-12")])
        self.assertEqual(problems.as_dicts()[0]["operation"], 1)


class TestHints(BaseCase):
    def said(self, **raw):
        return {problem["key"]: problem["message"] for problem in parse(raw)[1].as_dicts()}

    def test_all_that_is_wrong_is_named_with_what_was_meant(self):
        said = self.said(operation_type="Create", model="res.partner", foo=1, type="create")
        self.assertEqual(set(said), {"operation_type", "foo", "type"})
        self.assertTrue(said["operation_type"].endswith("; did you mean 'create'?"), said)
        self.assertEqual(said["foo"], "unknown key 'foo'")
        self.assertEqual(said["type"], "unknown key 'type'; did you mean 'operation_type'?")

    def test_a_key_that_is_nearly_right_is_recognized(self):
        for given, meant in (("vals", "data"), ("dependson", "depends_on"), ("operation_Id", "operation_id")):
            with self.subTest(given=given):
                said = self.said(operation_type="create", model="res.partner", data=[], **{given: 1})
                self.assertEqual(said, {given: f"unknown key {given!r}; did you mean {meant!r}?"})

    def test_no_key_of_another_type_is_proposed(self):
        said = self.said(operation_type="create", model="res.partner", data=[], ids=[1])
        self.assertEqual(said, {"ids": "unknown key 'ids'"})


class TestGraph(BaseCase):
    def check(self, *raw, known=None, offset=0):
        operations, problems = parse(*raw, offset=offset)
        check_graph(operations, problems, known, offset)
        return [operation.level for operation in operations], [problem["message"] for problem in problems.as_dicts()]

    def create(self, name, **keys):
        return {**M, "operation_type": "create", "data": [{"name": "x"}], "operation_id": name, **keys}

    def test_levels_grow_along_what_is_waited_for(self):
        levels, problems = self.check(
            self.create("c", depends_on=["b"]),
            self.create("b", data=[{"parent_id": {"$ref": "a", "index": 0}}]),
            self.create("a"),
            self.create("free"),
        )
        self.assertEqual((levels[1] < levels[0], levels[2] < levels[1], levels[3], problems), (True, True, 0, []))

    def test_what_stands_in_or_behind_a_cycle_is_refused(self):
        _levels, problems = self.check(
            self.create("a", depends_on=["b"]), self.create("b", depends_on=["a"]), self.create("c")
        )
        self.assertEqual(len(problems), 2)

    def test_a_thousand_in_a_row_take_no_recursion(self):
        levels, problems = self.check(
            *[self.create(f"n{n}", depends_on=[f"n{n + 1}"] if n < 2999 else []) for n in range(3000)]
        )
        self.assertEqual((levels[0] - levels[-1] >= 2998, problems), (True, []))

    def test_an_appended_operation_may_wait_for_what_is_there(self):
        levels, problems = self.check(self.create("new", depends_on=["old"]), known={"old": 1}, offset=1)
        self.assertEqual((levels, problems), ([1], []))
        _levels, problems = self.check(self.create("old"), known={"old": 1}, offset=1)
        self.assertIn("twice", problems[0])


class TestProblems(BaseCase):
    def test_the_first_are_spelled_out_and_all_are_counted(self):
        problems = Problems()
        for number in range(KEPT + 5):
            problems.add("wrong", operation=number, record=0, key="data")
        self.assertEqual(
            (problems.count, len(problems.as_dicts()), len(problems.lines())), (KEPT + 5, KEPT, SPELLED_OUT)
        )
        self.assertEqual(problems.lines()[3], "operation 3, record 0, data: wrong")
        self.assertEqual(problems.as_dicts()[0], {"operation": 0, "record": 0, "key": "data", "message": "wrong"})

    def test_nowhere_in_particular_is_false(self):
        problems = Problems()
        self.assertFalse(problems)
        problems.add("wrong")
        self.assertEqual(problems.as_dicts(), [{"operation": False, "record": False, "key": False, "message": "wrong"}])


class TestOptions(BaseCase):
    def parse(self, **raw):
        problems = Problems()
        return parse_options(raw, {"max_chunk_size": 7}, problems), problems.as_dicts()

    def test_instants_are_kept_in_utc(self):
        for text in (
            "2030-01-31T06:00:00Z",
            "2030-01-31 06:00:00",
            "2030-01-31T07:00:00+01:00",
            "2030-01-31T06:00:00.250Z",
        ):
            options, problems = self.parse(run_at=text)
            self.assertEqual((options.run_at, problems), (datetime(2030, 1, 31, 6), []), text)

    def test_what_runs_the_whole_job_in_one_transaction(self):
        for raw, expected in (
            ({}, False),
            ({"dry_run": True}, True),
            ({"rollback": "job"}, True),
            ({"rollback": "chunk"}, False),
        ):
            self.assertEqual(self.parse(**raw)[0].is_atomic, expected)

    def test_defaults_stay_where_nothing_is_given(self):
        options, problems = self.parse(max_chunk_size=None, max_failures=0, timeout=5)
        self.assertEqual((options.max_chunk_size, options.max_failures, options.timeout, problems), (7, 0, 5.0, []))
