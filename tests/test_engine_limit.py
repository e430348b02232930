"""What a named limit lets start: checked with generated examples where `hypothesis` is there, and with chosen ones."""

import random
from unittest import TestCase

from odoo.addons.batch_executor.engine.limit import (
    Limit,
    Spending,
    Usage,
    is_allowed_rate,
    room,
    share_of_chunk,
    share_of_whole_job,
)


def limit(in_flight=0, rate=0):
    return Limit(1, "shop-A", in_flight, rate)


def usage(in_flight=0, records=0, frees_s=None, pause_s=0.0):
    return Usage(in_flight, records, frees_s, pause_s)


class TestRoom(TestCase):
    def test_chunks_at_once(self):
        self.assertTrue(room(limit(2), usage(1)).is_open)
        full = room(limit(2), usage(2))
        self.assertEqual((full.is_open, full.wait_s), (False, None), "only the end of a chunk makes room")
        self.assertFalse(room(limit(2), usage(5)).is_open, "it was lowered")
        self.assertFalse(room(limit(1), usage()).after(0).is_open)

    def test_records_in_a_second(self):
        self.assertEqual(room(limit(rate=10), usage(3, 4)).records, 6)
        full = room(limit(rate=10), usage(2, 10, 0.4))
        self.assertEqual((full.is_open, full.wait_s), (False, 0.4))
        self.assertEqual(limit(rate=0.1).window_s, 10)
        self.assertEqual(limit(rate=0.1).budget, 1)
        self.assertEqual(limit(rate=2.9).budget, 2, "in no second more than it says")

    def test_neither_is_no_limit(self):
        self.assertTrue(room(limit(), usage(10_000, 10**9)).is_open)

    def test_after_a_rollback_nothing_starts_for_a_while(self):
        found = room(limit(rate=10), usage(pause_s=0.7))
        self.assertEqual((found.is_open, found.wait_s), (False, 0.7))
        self.assertTrue(room(limit(2), usage(pause_s=0.7)).is_open, "records are not limited any more")

    def test_numbers_out_of_bounds_do_no_harm(self):
        for rate, most in ((1e10, 500_000), (1e300, 500_000), (float("inf"), 500_000), (1e-300, 1)):
            self.assertEqual(share_of_whole_job(room(limit(rate=rate), usage())), most, rate)
        self.assertEqual(limit(rate=1e-300).window_s, 1000)
        for rate in (0, 0.001, 0.5, 1_000_000):
            self.assertTrue(is_allowed_rate(rate), rate)
        for rate in (-0.0001, 0.0004, 1_000_001, 1e300, float("inf"), float("nan")):
            self.assertFalse(is_allowed_rate(rate), rate)

    def test_several_chunks_share_a_second(self):
        free = room(limit(rate=100), usage())
        self.assertEqual(share_of_chunk(free), 25)
        self.assertEqual(share_of_chunk(free, pace=0.02), 5, "slow records hold their share for long: fewer at once")
        self.assertEqual(share_of_chunk(room(limit(rate=100), usage(records=98))), 2, "what is left")
        self.assertEqual(share_of_chunk(room(limit(rate=1), usage()), pace=60.0), 1)
        self.assertEqual(share_of_whole_job(free), 50)


class TestSpending(TestCase):
    def test_no_second_sees_more_than_the_share(self):
        for seed in range(200):
            chance = random.Random(seed)
            share, window_s = chance.randint(1, 20), chance.choice((1.0, 5.0))
            spending, now, runs = Spending(share, window_s), 0.0, []
            for _number in range(40):
                count = chance.randint(1, share)
                now += spending.wait_s(now, count)
                self.assertEqual(spending.wait_s(now, count), 0.0)
                took_s = chance.choice((0.0, 0.01, 0.5, 3.0))
                runs.append((now, now + took_s, count))
                now += took_s
                spending.add(now, count)
            for start, _end, _count in runs:  # whichever moment within its time a record runs at
                in_window = sum(count for begin, end, count in runs if begin < start + window_s and end > start - 1e-9 and end <= start)
                self.assertLessEqual(in_window, share)
            for _start, end, _count in runs:
                seen = sum(count for begin, other_end, count in runs if other_end >= end and begin < end + window_s - 1e-6)
                self.assertLessEqual(seen, share, (seed, share))

    def test_more_than_the_share_may_run_once_nothing_else_has(self):
        spending = Spending(5, 1.0)
        self.assertEqual(spending.wait_s(0.0, 9), 0.0)
        spending.add(0.5, 5)
        self.assertEqual(spending.wait_s(0.5, 9), 1.0)
