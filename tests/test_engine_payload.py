"""Cutting payloads, and references between operations."""

import json

from odoo.tests.common import BaseCase

from odoo.addons.batch_executor.engine.graph import levels
from odoo.addons.batch_executor.engine.payload import Payload
from odoo.addons.batch_executor.engine.references import MissingReference, find_refs, resolve_refs, wanted_ids

from .properties import given, st


@st.composite
def payloads(draw):
    """Operations one after the other, each with some items; places are sometimes scattered."""
    lengths = draw(st.lists(st.integers(1, 6), min_size=1, max_size=12))
    operations = [operation for operation, length in enumerate(lengths) for _ in range(length)]
    indexes = [index for length in lengths for index in range(length)]
    if draw(st.booleans()):
        indexes = [index * 2 + 1 for index in indexes]
    items = [draw(st.one_of(st.integers(), st.text(max_size=4), st.none())) for _ in operations]
    return Payload(items, operations, indexes, {"a": 1}, {"lang": "en_US"})


def triples(*parts):
    return [triple for part in parts if part for triple in zip(part.items, part.operations, part.indexes, strict=True)]


class TestCutting(BaseCase):
    @given(payloads())
    def test_halves_are_the_whole_and_tear_no_operation_from_others(self, payload):
        if len(payload) < 2:
            return
        first, second = payload.halves()
        self.assertEqual(triples(first, second), triples(payload))
        self.assertTrue(len(first) and len(second))
        if payload.is_shared:
            self.assertFalse(set(first.operations) & set(second.operations))

    @given(payloads(), st.integers(1, 40))
    def test_a_cut_loses_nothing_and_tears_no_operation_from_others(self, payload, size):
        first, rest = payload.cut(size)
        self.assertEqual(triples(first, rest), triples(payload))
        if rest is not None and payload.is_shared:
            self.assertFalse(set(first.operations) & set(rest.operations))

    @given(payloads())
    def test_halving_again_and_again_ends_with_single_records(self, payload):
        waiting, rounds = [payload], 0
        while waiting:
            part = waiting.pop()
            if len(part) > 1:
                rounds += 1
                waiting.extend(part.halves())
        self.assertEqual(rounds, len(payload) - 1)

    @given(payloads())
    def test_what_is_stored_reads_back_the_same(self, payload):
        self.assertEqual(Payload.decode(payload.encode()), payload)


class TestReferences(BaseCase):
    IDS = {"a": [11, False, 13], "none": []}

    def ids_of(self, name, index=None):
        ids = self.IDS[name]
        return ids if index is None else dict(enumerate(ids)).get(index)

    def test_what_is_wanted_is_what_is_named(self):
        one, other, whole = {"$ref": "a", "index": 1}, {"$ref": "a", "index": 7}, {"$ref": "a"}
        self.assertEqual(wanted_ids([{"x": [[6, 0, [one]]]}, {"y": other}, 3]), {"a": {1, 7}})
        self.assertEqual(wanted_ids([one, whole, other, {"$ref": "b"}]), {"a": None, "b": None})
        self.assertEqual(wanted_ids({"x": "$ref"}), {})

    def test_references_become_ids_wherever_they_stand(self):
        table = [
            ({"$ref": "a", "index": 0}, 11),
            ({"$ref": "a"}, [11, False, 13]),
            ({"partner_id": {"$ref": "a", "index": 2}}, {"partner_id": 13}),
            ([1, {"$ref": "a"}, 2], [1, 11, False, 13, 2]),
            ({"child_ids": [[6, 0, [{"$ref": "a", "index": 2}]]]}, {"child_ids": [[6, 0, [13]]]}),
            ({"$ref": "a", "other": 1}, {"$ref": "a", "other": 1}),
            ("plain", "plain"),
        ]
        for value, resolved in table:
            with self.subTest(value=value):
                self.assertEqual(resolve_refs(value, self.ids_of), resolved)

    def test_an_id_that_was_not_produced_is_named(self):
        for name, index in (("a", 1), ("a", 3), ("none", 0)):
            with self.subTest(name=name, index=index), self.assertRaises(MissingReference) as caught:
                resolve_refs([{"x": {"$ref": name, "index": index}}], self.ids_of)
            self.assertEqual(caught.exception.args, (name, index))

    @given(
        st.recursive(
            st.integers(),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        )
    )
    def test_a_value_without_references_stays_as_it_is(self, value):
        self.assertEqual(resolve_refs(value, self.ids_of), json.loads(json.dumps(value)))
        self.assertEqual(list(find_refs(value)), [])

    def reached(self, needs, node):
        """All that a node needs, directly or through others."""
        found, new = set(), {node}
        while new:
            new = {need for node in new for need in needs.get(node, ())} - found
            found |= new
        return found

    @given(st.dictionaries(st.integers(0, 15), st.sets(st.integers(0, 15), max_size=4), max_size=16))
    def test_levels_put_everything_after_what_it_needs_and_cycles_aside(self, needs):
        depth, cyclic = levels(needs)
        reached = {node: self.reached(needs, node) for node in needs}
        self.assertEqual(cyclic, {node for node in needs if node in reached[node]})
        self.assertEqual(set(depth), {node for node in needs if not (reached[node] | {node}) & cyclic})
        for node, level in depth.items():
            for need in needs[node] & needs.keys():
                self.assertLess(depth[need], level)
