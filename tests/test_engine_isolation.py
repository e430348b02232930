"""Isolation finds exactly the failing records, in few calls, whatever they are."""

from math import ceil, log2

from odoo.tests.common import BaseCase

from odoo.addons.batch_executor.engine.isolation import Culprit, InParts, Suspects, isolate

from .properties import given, st

MOST = 300


@st.composite
def chunks(draw, most=MOST):
    """A number of records, and which of them are bad."""
    size = draw(st.integers(1, most))
    share = draw(st.sampled_from([0.0, 0.02, 0.1, 0.5, 0.9, 1.0]))
    bad = draw(st.sets(st.integers(0, size - 1), max_size=ceil(size * share)))
    return size, bad


class Records:
    """Stands for a handler: knows the bad ones, and keeps what it was called with."""

    def __init__(self, bad):
        self.bad = bad
        self.calls = []
        self.done = []

    def run(self, positions):
        self.calls.append(list(positions))
        guilty = self.bad.intersection(positions)
        if guilty:
            return f"failed: {min(guilty)}"
        self.done.extend(positions)
        return None


class TestIsolation(BaseCase):
    @given(chunks())
    def test_exactly_the_bad_records_fail_and_every_good_one_is_run_once(self, chunk):
        size, bad = chunk
        records = Records(bad)
        found = isolate(list(range(size)), records.run)
        self.assertEqual(set(found.failures), bad)
        self.assertEqual(sorted(records.done), sorted(set(range(size)) - bad))
        self.assertEqual(found.failures, {position: f"failed: {position}" for position in bad})
        self.assertEqual(found.rest, [])

    @given(chunks())
    def test_the_calls_stay_within_f_times_log_n_and_within_twice_one_by_one(self, chunk):
        size, bad = chunk
        records = Records(bad)
        found = isolate(list(range(size)), records.run)
        self.assertEqual(found.calls, len(records.calls))
        depth = ceil(log2(size)) if size > 1 else 0
        # two calls a level: the half that fails, and the other one, which is the work itself
        self.assertLessEqual(found.calls, 1 + 2 * len(bad) * depth)
        self.assertLessEqual(found.calls, 2 * size + 1)

    def test_a_chunk_of_good_records_takes_one_call_and_one_bad_record_few_more(self):
        for size, bad, most in ((100, set(), 1), (100, {0}, 15), (100, {99}, 9), (1000, {512}, 21), (1, {0}, 1)):
            with self.subTest(size=size, bad=bad):
                self.assertLessEqual(isolate(list(range(size)), Records(bad).run).calls, most)

    def test_where_all_fail_it_goes_one_by_one_soon(self):
        self.assertLessEqual(isolate(list(range(1000)), Records(set(range(1000))).run).calls, 1000 + 20)

    def test_nothing_to_run_calls_nothing(self):
        records = Records(set())
        self.assertEqual(isolate([], records.run).calls, 0)
        self.assertEqual(records.calls, [])

    @given(chunks(most=80))
    def test_good_records_keep_their_order(self, chunk):
        size, bad = chunk
        records = Records(bad)
        isolate(list(range(size)), records.run)
        self.assertEqual(records.done, sorted(records.done))


class TestSuspects(BaseCase):
    @given(chunks(most=100), st.data())
    def test_suspects_are_run_alone_and_only_the_bad_ones_fail(self, chunk, data):
        size, bad = chunk
        accused = data.draw(st.sets(st.integers(0, size - 1)))
        records = Records(bad)

        def run(positions):
            error = records.run(positions)
            return Suspects(accused) if error and len(positions) > 1 else error

        found = isolate(list(range(size)), run)
        self.assertEqual(set(found.failures), bad)
        self.assertEqual(sorted(records.done), sorted(set(range(size)) - bad))

    def test_well_known_culprits_cost_one_call_each(self):
        records = Records({3, 70})

        def run(positions):
            return Suspects({3, 70}) if records.run(positions) and len(positions) > 1 else records.run(positions)

        self.assertEqual(isolate(list(range(100)), run).calls, 4)

    def test_suspects_of_somebody_else_are_no_help_and_no_harm(self):
        records = Records({1})

        def run(positions):
            error = records.run(positions)
            return Suspects({500}) if error and len(positions) > 1 else error

        self.assertEqual(set(isolate(list(range(10)), run).failures), {1})


class TestInParts(BaseCase):
    @given(chunks(most=100), st.data())
    def test_parts_run_in_their_order_and_only_the_bad_ones_fail(self, chunk, data):
        size, bad = chunk
        ends = data.draw(st.sets(st.integers(0, size + 1)))
        records = Records(bad)

        def run(positions):
            return InParts(list(ends)) if ends.intersection(positions[:-1]) else records.run(positions)

        found = isolate(list(range(size)), run)
        self.assertEqual((set(found.failures), found.rest), (bad, []))
        self.assertEqual(records.done, sorted(set(range(size)) - bad))
        if not bad:
            self.assertEqual(found.calls, len(records.calls) + (len(records.calls) > 1))

    def test_ends_that_cut_nothing_are_no_harm(self):
        found = isolate(list(range(3)), lambda positions: InParts([2, 7]) if len(positions) > 1 else None)
        self.assertEqual((found.failures, found.good), ({}, 3))


class Operations:
    """Stands for a handler that goes through groups of records one by one, and stops at the first that fails."""

    def __init__(self, groups, bad):
        self.groups = groups
        self.bad = bad
        self.calls = []  # the records of each call that went well, and was kept

    def run(self, positions):
        members = {}
        for position in positions:
            members.setdefault(self.groups[position], []).append(position)
        for own in members.values():
            if self.bad.intersection(own):
                error = f"failed: {own}"
                return error if len(members) == 1 else Culprit(own, error)
        self.calls += members.values()
        return None


class TestGroups(BaseCase):
    @given(chunks(most=60), st.integers(1, 5))
    def test_a_group_is_cut_only_where_it_fails_itself(self, chunk, length):
        size, bad = chunk
        groups = [position // length for position in range(size)]
        operations = Operations(groups, bad)
        found = isolate(list(range(size)), operations.run, groups=groups)
        self.assertEqual(set(found.failures), bad)
        whole = [call for call in operations.calls if not bad.intersection(range(size)[call[0] // length * length :][:length])]
        self.assertTrue(all(len(call) == min(length, size - call[0]) for call in whole))
        done = [position for call in operations.calls for position in call]
        self.assertEqual(done, sorted(set(range(size)) - bad))

    @given(chunks(most=60), st.integers(1, 5))
    def test_what_is_whole_fails_as_a_whole(self, chunk, length):
        size, bad = chunk
        groups = [position // length for position in range(size)]
        operations = Operations(groups, bad)
        found = isolate(list(range(size)), operations.run, groups=groups, whole=True)
        failing = {groups[position] for position in bad}
        self.assertEqual({groups[position] for position in found.failures}, failing)
        self.assertEqual(len(found.failures), sum(group in failing for group in groups))
        # what stood before a culprit is run again, once: no more than two calls and one more for each that fails
        self.assertLessEqual(found.calls, 2 * len(failing) + 1)

    def test_an_error_that_names_no_group_is_looked_for_between_groups(self):
        groups = [0, 0, 0, 1, 1, 1, 2, 2]
        seen = []

        def run(positions):
            seen.append({groups[position] for position in positions})
            return "late" if 4 in positions else None

        found = isolate(list(range(8)), run, groups=groups, whole=True)
        self.assertEqual(set(found.failures), {3, 4, 5})


class TestRest(BaseCase):
    @given(chunks(), st.integers(1, 40))
    def test_what_is_left_when_told_to_stop_is_neither_run_nor_lost(self, chunk, budget):
        size, bad = chunk
        records = Records(bad)
        found = isolate(list(range(size)), records.run, lambda: len(records.calls) >= budget)
        self.assertLessEqual(found.calls, budget)
        self.assertEqual(sorted([*records.done, *found.failures, *found.rest]), list(range(size)))

    @given(chunks(), st.integers(1, 40))
    def test_running_the_rest_again_and_again_comes_to_the_same_end(self, chunk, budget):
        size, bad = chunk
        rest, done, failed, rounds = list(range(size)), [], set(), 0
        while rest:
            rounds += 1
            self.assertLessEqual(rounds, 2 * size + 2)
            records = Records(bad)
            # as the runner does: it stops for what it has kept, so that every round gets something done
            found = isolate(rest, records.run, lambda records=records: len(records.done) >= budget)
            done += records.done
            failed |= set(found.failures)
            rest = found.rest
        self.assertEqual(failed, bad)
        self.assertEqual(sorted(done), sorted(set(range(size)) - bad))
