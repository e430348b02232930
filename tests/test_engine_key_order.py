"""Operations about one key follow each other, in whatever order lanes take what they may; and none waits for ever."""

import random

from odoo.tests.common import BaseCase

from odoo.addons.batch_executor.engine.graph import check_graph
from odoo.addons.batch_executor.engine.key_order import last_of_keys, order_keys
from odoo.addons.batch_executor.engine.planner import plan
from odoo.addons.batch_executor.engine.problems import Problems
from odoo.addons.batch_executor.engine.rounds import runs
from odoo.addons.batch_executor.engine.spec import parse_operations

from .properties import given, st


def upsert(*keys, **more):
    data = [{"k": key, "g": more.get("group")} for key in keys]
    more.pop("group", None)
    return {"operation_type": "upsert", "model": "m", "key": ["k"], "data": data, **more}


class Appends:
    """A job's operations and chunks, as one submission and appends to it have planned them."""

    def __init__(self, size):
        self.size = size
        self.operations, self.chunks, self.last = [], [], {}

    def append(self, *raw):
        problems = Problems()
        operations = parse_operations(list(raw), problems, len(self.operations))
        known = {operation.operation_id: operation.position for operation in self.operations}
        check_graph(operations, problems, known, len(self.operations))
        assert not problems, problems.lines()
        for operation in operations:
            operation.keys = [(item["k"],) for item in operation.items]
        order_keys(operations, self.last)
        self.last.update(last_of_keys(operations))
        self.operations += operations
        self.chunks += plan(operations, self.size)
        return self

    def run(self, choose):
        """Run chunks one after the other, each any that may run; returns per key the operations that had it."""
        left = list(self.chunks)
        names = {operation.position: operation.operation_id for operation in self.operations}
        open_chunks = dict.fromkeys(names.values(), 0)
        for chunk in left:
            for name in {names[position] for position in chunk.payload.operations}:
                open_chunks[name] += 1
        seen = {}
        while left:
            free = [chunk for chunk in left if not any(open_chunks[name] for name in chunk.waits)]
            assert free, "chunks wait for each other"
            chunk = choose(free)
            left.remove(chunk)
            for position, item in zip(chunk.payload.operations, chunk.payload.items, strict=True):
                seen.setdefault(item["k"], []).append(position)
            for name in {names[position] for position in chunk.payload.operations}:
                open_chunks[name] -= 1
        return seen


OPERATION = st.tuples(
    st.lists(st.integers(0, 5), min_size=1, max_size=4, unique=True),
    st.integers(-1, 1),  # priority
    st.sampled_from([None, None, 1, 2]),  # value to group by
    st.integers(0, 9),  # depends on an operation some places after or before
)


class TestOrder(BaseCase):
    def test_rounds_hold_each_thing_once_and_in_order(self):
        self.assertEqual(runs(["a1", "b1", "a2", "c1", "a3"], lambda member: member[0]), [["a1", "b1"], ["a2", "c1"], ["a3"]])

    def test_what_has_no_key_in_common_waits_for_nothing_and_shares_chunks(self):
        job = Appends(10).append(*[upsert(n) for n in range(10)])
        self.assertEqual([(len(chunk.payload), chunk.waits) for chunk in job.chunks], [(10, set())])

    def test_second_times_share_chunks_as_well(self):
        job = Appends(10).append(*[upsert(n % 5) for n in range(10)])
        self.assertEqual([list(chunk.payload.operations) for chunk in job.chunks], [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]])
        self.assertEqual(job.chunks[1].waits, {f"op-{n}" for n in range(1, 6)})

    def test_only_the_chunk_with_the_key_waits_for_a_large_operation(self):
        job = Appends(10).append(upsert(*range(30)), upsert(29), upsert(30))
        self.assertEqual([sorted(chunk.waits) for chunk in job.chunks], [[], [], [], ["op-1"], []])

    def test_other_models_and_other_keys_do_not_wait(self):
        other = {"operation_type": "upsert", "model": "m", "key": ["g"], "data": [{"k": 1, "g": 1}]}
        job = Appends(10).append(upsert(1), upsert(1, model="n"), other)
        self.assertFalse(any(chunk.waits for chunk in job.chunks))

    @given(
        st.lists(st.lists(OPERATION, min_size=1, max_size=8), min_size=1, max_size=3), st.integers(1, 5), st.integers(),
        max_examples=300, derandomize=True,
    )  # fmt: skip
    def test_in_any_order_of_lanes_each_key_sees_its_operations_one_after_the_other(self, appends, size, seed):
        job, expected, number = Appends(size), {}, 0
        for append in appends:
            raw, names = [], [f"op-{number + place + 1}" for place in range(len(append))]
            for place, (keys, priority, group, distance) in enumerate(append):
                more = {"group": group, "group_by": "g"} if group else {}
                # to and fro, but in no circle: from even places to odd ones
                if place % 2 == 0 and len(names) > 1 and distance < 4:
                    more["depends_on"] = [names[1::2][distance % len(names[1::2])]]
                raw.append(upsert(*keys, priority=priority, **more))
            job.append(*raw)
            new = job.operations[number:]
            for operation in sorted(new, key=lambda one: (one.level, -one.priority, one.position)):
                for item in operation.items:
                    expected.setdefault(item["k"], []).append(operation.position)
            number += len(append)
        self.assertEqual(job.run(random.Random(seed).choice), expected)
