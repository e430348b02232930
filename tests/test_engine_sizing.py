"""The size of chunks, learned: against models of how long records take."""

from odoo.tests.common import BaseCase

from ..engine import sizing


def simulate(seconds_per_record, chunks, **circumstances):
    """Run chunks of the sizes chosen, each taking what `seconds_per_record(size)` says; returns the sizes."""
    learned, sizes = {}, []
    for _number in range(chunks):
        size = sizing.choose(learned, **circumstances).size
        sizes.append(size)
        newest, size = seconds_per_record(size), sizing.bucket(size)
        old, samples = learned.get(size, (0.0, 0))
        learned[size] = (old + sizing.NEWEST * (newest - old) if samples else newest, samples + 1)
    return sizes


def most_used(sizes):
    return max(set(sizes), key=sizes.count)


class TestSizing(BaseCase):
    def test_it_goes_up_from_where_it_starts_while_larger_is_better(self):
        for seconds, first in ((0.0005, [100, 400, 1000]), (0.0025, [100, 200, 500, 1000])):
            sizes = simulate(lambda size, seconds=seconds: seconds + 0.02 / size, 40)
            self.assertEqual(sizes[: len(first)], first)
            self.assertEqual(most_used(sizes[8:]), sizing.SIZES[-1])

    def test_a_first_job_of_a_thousand_records_costs_little(self):
        """As with partners, against the same job once their times are known."""

        def seconds(sizes):
            return sum(size * (0.0012 + 0.032 / size) for size in sizes)

        left, sizes = 1000, []
        for size in simulate(lambda size: 0.0012 + 0.032 / size, 10):
            sizes.append(min(size, left))
            left -= sizes[-1]
        self.assertLess(seconds(filter(None, sizes)), 1.03 * seconds([100, 900]))

    def test_twice_as_many_are_tried_only_where_that_is_short_and_new(self):
        known = {100: (0.001, 1)}
        self.assertEqual(sizing.choose(known).size, 400)
        self.assertEqual(sizing.choose({**known, 200: (0.0011, 1)}).size, 200, "known a little")
        self.assertEqual(sizing.choose({100: (0.004, 1)}).size, 200)
        self.assertEqual(sizing.choose(known, target_s=1).size, 200)
        self.assertEqual(sizing.choose(known, most=200).size, 200)
        self.assertEqual(sizing.choose(known, bytes_per_record=30_000).size, 200)
        self.assertEqual(sizing.choose({500: (0.0001, 5), 1000: (0.001, 5)}).size, 200, "downwards each size by itself")

    def test_to_start_with_nothing_learned_costs_little(self):
        """Against the best size from the start, over a job of some seconds: partners here, and what has no cost of a chunk."""
        for cost in (lambda size: 0.0022 + 0.035 / size, lambda size: 0.002):
            sizes, left = [], 10_000
            for size in simulate(cost, 200):
                sizes.append(min(size, left))
                left -= sizes[-1]
            self.assertLess(sum(size * cost(size) for size in sizes if size), 1.02 * 10_000 * cost(1000))

    def test_a_slow_model_gets_small_chunks_after_its_first(self):
        sizes = simulate(lambda _size: 0.5, 10)
        self.assertEqual(sizes[:3], [100, 25, 25])
        self.assertEqual(sizing.choose({100: (0.04, 1)}).size, 50)
        self.assertEqual(sizing.choose({}, target_s=5).size, 100)
        self.assertEqual(sizing.choose({}, target_s=1).size, 25, "it is not known whether more records keep the timeout")

    def test_no_chunk_takes_longer_than_it_should(self):
        for seconds in (0.001, 0.01, 0.03):
            sizes = simulate(lambda _size, seconds=seconds: seconds, 60)
            self.assertLessEqual(max(size * seconds for size in sizes), max(sizing.TARGET_S, sizing.SIZES[0] * seconds))

    def test_a_model_that_slows_down_with_size_gets_the_size_that_suits_it(self):
        # 1 ms a record and 20 ms a chunk, but each record looks at all others of its chunk
        def cost(size):
            return 0.001 + 0.02 / size + 0.00002 * size

        sizes = simulate(cost, 60)
        best = min(sizing.SIZES, key=cost)
        self.assertLessEqual(cost(most_used(sizes[10:])), 1.05 * cost(best))
        self.assertLess(max(size * cost(size) for size in sizes), 5.0)

    def test_one_unlucky_chunk_rules_no_size_out_for_ever(self):
        unlucky = iter([0.003, 0.003])

        def cost(size):
            return next(unlucky, 0.001) if size == 100 else 0.002

        self.assertEqual(most_used(simulate(cost, 600)[400:]), 100)

    def test_to_look_again_at_sizes_that_are_worse_costs_little(self):
        def cost(size):
            return 0.0005 + 0.0025 / size + 0.00001 * size

        sizes = simulate(cost, 400)[10:]
        self.assertGreater(len(set(sizes)), 1)
        self.assertLess(sum(size * cost(size) for size in sizes), 1.03 * sum(sizes) * min(map(cost, sizing.SIZES)))

    def test_a_timeout_of_the_job_keeps_chunks_smaller(self):
        sizes = simulate(lambda _size: 0.01, 60, target_s=0.5)
        self.assertLessEqual(max(sizes), 50)

    def test_large_records_make_small_chunks(self):
        sizes = simulate(lambda _size: 0.0001, 60, bytes_per_record=100_000)
        self.assertLessEqual(max(sizes) * 100_000, sizing.TARGET_BYTES)

    def test_the_last_records_are_shared_between_the_lanes(self):
        learned = {size: (0.0025 + 0.05 / size, 5) for size in sizing.SIZES}
        choice = sizing.choose(learned)
        self.assertEqual(choice, sizing.Choice(1000, True))

        def shared(left, lanes):
            return sizing.share(choice, learned, left, lanes).size

        self.assertEqual(shared(100_000, 4), 1000)
        self.assertEqual(shared(700, 2), 350, "what takes less than a second is not cut any further")
        self.assertEqual(shared(2000, 2), 500, "what takes longer is cut: the lanes may differ by a part of it")
        self.assertEqual(shared(10, 4), sizing.SIZES[0])
        self.assertEqual(sizing.share(sizing.choose({}), {}, 1000, 2).size, 100)

    def test_a_small_job_that_nothing_is_known_of_is_shared_at_once(self):
        self.assertEqual(sizing.share(sizing.choose({}), {}, 190, 2), sizing.Choice(95, False))

    def test_a_chunk_of_any_size_teaches_the_next_lower_one(self):
        counts = (1, 24, 25, 31, 62, 95, 100, 125, 999, 1000, 1500)
        self.assertEqual([sizing.bucket(count) for count in counts], [None, None, 25, 25, 50, 50, 100, 100, 500, 1000, 1000])

    def test_times_are_learned_for_each_method_and_action(self):
        self.assertEqual(sizing.kind_of("create", {"values": {}}), "create")
        self.assertEqual(sizing.kind_of("call", {"method": "action_done", "args": []}), "call action_done")
        self.assertEqual(sizing.kind_of("action", {"action": 42}), "action 42")

    def test_slow_records_of_a_fast_kind_get_small_chunks_at_once(self):
        """A model of which a thousand records took a second; those of this job take 20 milliseconds each."""
        learned = {size: (0.001 + 0.01 / size, 5) for size in sizing.SIZES}
        self.assertEqual(sizing.first(sizing.choose(learned)), sizing.Choice(100, False))
        self.assertEqual(sizing.first(sizing.choose(learned), target_s=1.0), sizing.Choice(25, False))
        self.assertEqual(sizing.first(sizing.Choice(150, True)), sizing.Choice(150, True), "the rest would not pay")
        slower = sizing.at_pace(learned, 0.02)
        for failing in (0, 0.001):
            self.assertLessEqual(sizing.choose(slower, failing=failing).size * 0.02, sizing.TARGET_S)
        self.assertEqual(sizing.at_pace(learned, None), learned)

    def test_a_first_chunk_costs_a_job_of_some_size_little(self):
        """One more chunk: the pace that it shows lets the next one be as large as ever. As with partners."""

        def cost(size):
            return 0.0022 + 0.035 / size

        learned = {size: (cost(size), 5) for size in sizing.SIZES}
        for records, expected in ((500, [100, 400]), (2500, [100, 1000, 1000, 400])):
            sizes, left, pace = [], records, None
            while left:
                choice = sizing.choose(sizing.at_pace(learned, pace))
                sizes.append(min(left, (sizing.first(choice) if pace is None else choice).size))
                left -= sizes[-1]
                pace = cost(sizes[-1])
            self.assertEqual(sizes, expected)

    def test_bad_luck_that_made_a_size_too_slow_is_no_verdict_for_ever(self):
        learned = {100: (0.0026, 500), 200: (0.0024, 500), 500: (0.0023, 1039), 1000: (0.0034, 1)}
        self.assertEqual(sizing.choose(learned), sizing.Choice(1000, False))
        learned[1000] = (0.1, 1)
        self.assertNotEqual(sizing.choose(learned).size, 1000, "not what takes far too long")

    def test_where_a_chunk_has_a_time_limit_uncut_ones_are_smaller(self):
        self.assertEqual([sizing.uncut(timeout) for timeout in (None, 0, 1.5)], [200, 200, 100])

    def test_where_records_fail_chunks_are_smaller(self):
        learned = {size: (0.0022 + 0.035 / size, 5) for size in sizing.SIZES}
        sizes = [sizing.choose(learned, failing=share).size for share in (0, 0.0001, 0.001, 0.01)]
        self.assertEqual(sizes, sorted(sizes, reverse=True))
        self.assertEqual(sizes[0], 1000)
        self.assertLessEqual(sizes[2], 200)
        self.assertLessEqual(sizes[3], 50)
        self.assertLessEqual(sizing.choose({100: (0.003, 5)}, failing=0.05).size, 50, "smaller ones are not known, but better")
        self.assertLessEqual(sizing.choose({100: (2.0, 5)}, failing=0.05).size, 25)

    def test_no_more_than_the_most(self):
        learned = {size: (0.001 + 0.05 / size, 5) for size in sizing.SIZES}
        self.assertEqual(sizing.choose(learned, most=sizing.MOST_UNDONE).size, 100)
        self.assertEqual(sizing.choose({}, most=sizing.MOST_UNDONE).size, 100)

    def test_a_size_is_settled_once_its_neighbours_are_known(self):
        self.assertFalse(sizing.choose({}).is_settled)
        self.assertFalse(sizing.choose({25: (0.01, 2)}).is_settled)
        known = {25: (0.02, 3), 50: (0.01, 3), 100: (0.02, 3)}
        self.assertEqual(sizing.choose(known), sizing.Choice(50, True))
