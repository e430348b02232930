"""Operations -> chunks: nothing lost, nothing too large, order kept where it matters, groups never torn apart."""

from odoo.tests.common import BaseCase

from odoo.addons.batch_executor.engine.graph import check_graph
from odoo.addons.batch_executor.engine.planner import ADAPTIVE_BLOCK, plan
from odoo.addons.batch_executor.engine.problems import Problems
from odoo.addons.batch_executor.engine.spec import parse_operations

from .properties import given, st


def parsed(*raw):
    problems = Problems()
    operations = parse_operations([{"model": "m", **operation} for operation in raw], problems)
    check_graph(operations, problems)
    assert not problems, problems.lines()
    return operations


def chunks_of(*raw, size=10, in_order=False):
    return plan(parsed(*raw), size, in_order=in_order)


def create(count, **keys):
    return {"operation_type": "create", "data": [{"name": str(n)} for n in range(count)], **keys}


def shape(chunks):
    return [list(chunk.payload.operations) for chunk in chunks]


class TestSplitting(BaseCase):
    def test_a_large_operation_is_split_and_knows_its_places(self):
        chunks = chunks_of(create(25))
        self.assertEqual([len(chunk.payload) for chunk in chunks], [10, 10, 5])
        self.assertEqual([index for chunk in chunks for index in chunk.payload.indexes], list(range(25)))

    def test_nothing_makes_no_chunk(self):
        for keys in ({}, {"group_by": "parent_id"}, {"operation_type": "upsert", "key": ["name"], "group_by": "parent_id"}):
            self.assertEqual(chunks_of(create(0, **keys)), [])

    def test_small_neighbours_share_a_chunk(self):
        self.assertEqual(
            shape(chunks_of(*[create(1) for _n in range(25)])),
            [list(range(10)), list(range(10, 20)), list(range(20, 25))],
        )
        self.assertEqual(
            shape(chunks_of(create(4), create(4), create(4))),
            [[0] * 4 + [1] * 4, [2] * 4],
            "an operation is not torn to fill a chunk",
        )

    def test_what_differs_in_substance_does_not_share(self):
        for one, other in (
            ({}, {"model": "n"}),
            ({}, {"context": {"lang": "fr_FR"}}),
            ({}, {"priority": 1}),
            ({}, {"return_ids": False}),
        ):
            self.assertEqual(len(chunks_of(create(1, **one), create(1, **other))), 2, other)

    def test_creates_pass_over_others_between_them_unless_order_is_asked_for(self):
        raw = [create(1), {"operation_type": "update", "data": {"a": 1}, "record_ids": [1]}, create(1)]
        self.assertEqual(sorted(map(len, shape(chunks_of(*raw)))), [1, 2])
        self.assertEqual(shape(chunks_of(*raw, in_order=True)), [[0], [1], [2]])

    def test_updates_do_not_pass_over_each_other(self):
        raw = [
            {"operation_type": kind, "record_ids": [1], **({"data": {"a": n}} if kind == "update" else {})}
            for n, kind in enumerate(("update", "delete", "update"))
        ]
        self.assertEqual(shape(chunks_of(*raw)), [[0], [1], [2]])

    def test_priority_then_position_is_the_order(self):
        chunks = chunks_of(create(1), create(1, priority=5), create(1, priority=-5), create(1, priority=5))
        self.assertEqual(shape(chunks), [[1, 3], [0], [2]])
        self.assertEqual([chunk.sequence for chunk in chunks], sorted(chunk.sequence for chunk in chunks))

    def test_a_selection_and_a_model_level_call_stand_alone(self):
        chunks = chunks_of(
            {"operation_type": "update", "data": {"a": 1}, "domain": []},
            {"operation_type": "call", "method": "m"},
            {"operation_type": "call", "method": "m"},
        )
        self.assertEqual(
            [(chunk.kind, len(chunk.payload)) for chunk in chunks], [("resolve", 1), ("records", 1), ("records", 1)]
        )

    def test_what_waits_shares_no_chunk_with_what_it_waits_for(self):
        chunks = chunks_of(
            create(1, operation_id="a"),
            create(1, operation_id="b", depends_on=["a"]),
            create(1),
            create(1, depends_on=["a"]),
        )
        for chunk in chunks:
            self.assertFalse({"a"} & chunk.waits and 0 in chunk.payload.operations)
        self.assertEqual([sorted(chunk.waits) for chunk in chunks if chunk.waits], [["a"]])

    def test_an_adaptive_size_is_stored_in_blocks(self):
        self.assertEqual(
            [len(chunk.payload) for chunk in chunks_of(create(ADAPTIVE_BLOCK + 1), size=0)], [ADAPTIVE_BLOCK, 1]
        )


class TestGroups(BaseCase):
    """`group_by`: the chunks of one group bear its mark, and the queue runs no two of one mark at once."""

    def grouped(self, values, size=4, **keys):
        return chunks_of(
            {"operation_type": "create", "data": [{"parent": value} for value in values], "group_by": "parent", **keys},
            size=size,
        )

    def test_all_chunks_of_a_group_bear_its_mark_even_where_it_needs_several(self):
        chunks = self.grouped([1, 2] * 6 + [3])
        self.check(chunks, [1, 2] * 6 + [3])
        self.assertGreater(sum(1 for chunk in chunks if any(item["parent"] == 1 for item in chunk.payload.items)), 1)

    def test_operations_of_one_record_are_grouped_with_each_other(self):
        raw = [{"operation_type": "create", "data": [{"parent": n % 3}], "group_by": "parent"} for n in range(9)]
        chunks = chunks_of(*raw, size=3)
        self.assertEqual(
            [sorted({item["parent"] for item in chunk.payload.items}) for chunk in chunks], [[0], [1], [2]]
        )
        self.check(chunks, [n % 3 for n in range(9)])

    def test_records_without_the_value_are_a_group_as_well(self):
        chunks = chunks_of({"operation_type": "create", "data": [{}] * 6, "group_by": "parent"}, size=2)
        self.assertEqual(len({tuple(chunk.group_keys) for chunk in chunks}), 1)

    def check(self, chunks, values):
        marks = {}
        for chunk in chunks:
            for item in chunk.payload.items:
                marks.setdefault(item["parent"], []).append(set(chunk.group_keys))
        for value, found in marks.items():
            self.assertTrue(set.intersection(*found), f"chunks of {value} could run at once")
        self.assertEqual(sorted(item["parent"] for chunk in chunks for item in chunk.payload.items), sorted(values))

    @given(st.lists(st.integers(0, 5), min_size=1, max_size=40), st.integers(1, 9), max_examples=60, derandomize=True)
    def test_no_chunk_is_too_large_and_no_group_unmarked(self, values, size):
        chunks = self.grouped(values, size)
        self.assertLessEqual(max(len(chunk.payload) for chunk in chunks), size)
        self.check(chunks, values)


OPERATIONS = st.lists(
    st.tuples(st.sampled_from(["create", "delete", "update"]), st.integers(0, 12), st.integers(-1, 1)),
    min_size=1,
    max_size=12,
)


class TestWhole(BaseCase):
    @given(OPERATIONS, st.integers(1, 7), st.booleans(), derandomize=True)
    def test_every_record_is_planned_once_at_its_place(self, given_operations, size, in_order):
        raw = []
        for kind, count, priority in given_operations:
            ids = list(range(1, count + 1))
            data = {"create": [{"n": n} for n in ids], "delete": ids, "update": [{"id": n, "v": n} for n in ids]}[kind]
            raw.append({"operation_type": kind, "data": data, "priority": priority})
        chunks = chunks_of(*raw, size=size, in_order=in_order)
        places = [
            place for chunk in chunks for place in zip(chunk.payload.operations, chunk.payload.indexes, strict=True)
        ]
        expected = [
            (position, index) for position, (_kind, count, _p) in enumerate(given_operations) for index in range(count)
        ]
        self.assertEqual(sorted(places), expected)
        self.assertLessEqual(max((len(chunk.payload) for chunk in chunks), default=0), size)
        if in_order:
            order = sorted(range(len(raw)), key=lambda position: (-given_operations[position][2], position))
            self.assertEqual(places, [place for position in order for place in expected if place[0] == position])
