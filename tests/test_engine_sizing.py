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
    def test_it_starts_small_and_goes_up_while_larger_is_better(self):
        sizes = simulate(lambda size: 0.0005 + 0.02 / size, 40)
        self.assertEqual(sizes[0], sizing.SIZES[0])
        self.assertEqual(sizes[:6], list(sizing.SIZES))
        self.assertEqual(most_used(sizes[12:]), sizing.SIZES[-1])

    def test_no_chunk_takes_longer_than_it_should(self):
        for seconds in (0.001, 0.01, 0.05, 0.1):
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

        sizes = simulate(cost, 400)
        self.assertGreater(len(set(sizes)), 1)
        self.assertLess(sum(size * cost(size) for size in sizes), 1.03 * sum(sizes) * min(map(cost, sizing.SIZES)))

    def test_a_timeout_of_the_job_keeps_chunks_smaller(self):
        sizes = simulate(lambda _size: 0.01, 60, target_s=0.5)
        self.assertLessEqual(max(sizes), 50)

    def test_large_records_make_small_chunks(self):
        sizes = simulate(lambda _size: 0.0001, 60, bytes_per_record=100_000)
        self.assertLessEqual(max(sizes) * 100_000, sizing.TARGET_BYTES)

    def test_the_last_records_are_shared_between_the_lanes(self):
        learned = {size: (0.001 + 0.05 / size, 5) for size in sizing.SIZES}
        self.assertEqual(sizing.choose(learned).size, 1000)
        self.assertEqual(sizing.choose(learned, remaining=100_000, lanes=4).size, 1000)
        self.assertEqual(sizing.choose(learned, remaining=2000, lanes=2).size, 500)
        self.assertEqual(sizing.choose(learned, remaining=10, lanes=4).size, sizing.SIZES[0])
        self.assertEqual(sizing.choose(learned, remaining=1000, is_alone=True).size, 1000, "nobody to share with")

    def test_a_size_is_settled_once_its_neighbours_are_known(self):
        self.assertFalse(sizing.choose({}).is_settled)
        self.assertFalse(sizing.choose({25: (0.01, 2)}).is_settled)
        known = {25: (0.02, 3), 50: (0.01, 3), 100: (0.02, 3)}
        self.assertEqual(sizing.choose(known), sizing.Choice(50, True))
