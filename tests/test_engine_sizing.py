"""The size of chunks, learned: against models of how long records take."""

from odoo.tests.common import BaseCase

from ..engine import sizing


def simulate(seconds_per_record, chunks, **circumstances):
    """Run chunks of the sizes chosen, each taking what `seconds_per_record(size)` says; returns the sizes."""
    learned, sizes = {}, []
    for _number in range(chunks):
        size = sizing.choose(learned, **circumstances).size
        sizes.append(size)
        old, samples = learned.get(size, (0.0, 0))
        newest = seconds_per_record(size)
        learned[size] = (old + sizing.NEWEST * (newest - old) if samples else newest, samples + 1)
    return sizes


def most_used(sizes):
    return max(set(sizes), key=sizes.count)


class TestSizing(BaseCase):
    def test_it_goes_up_from_where_it_starts_while_larger_is_better(self):
        sizes = simulate(lambda size: 0.0005 + 0.02 / size, 40)
        self.assertEqual(sizes[:4], [100, 200, 500, 1000])
        self.assertEqual(most_used(sizes[8:]), sizing.SIZES[-1])

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
