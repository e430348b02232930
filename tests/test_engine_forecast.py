"""When a job will be over, against jobs whose course is known."""

from odoo.tests.common import BaseCase

from ..engine.forecast import remaining_s
from ..engine.sizing import expected_s


def remaining(total, settled=0, **known):
    return remaining_s(total, settled, **{"elapsed_s": 0.0, "expected_s": 0.0, "lanes": 0, "lane_s": 0.0, **known})


class TestForecast(BaseCase):
    def test_nothing_is_said_of_what_nothing_is_known_of(self):
        self.assertIsNone(remaining(1000, elapsed_s=3, lanes=2, lane_s=6))
        self.assertIsNone(remaining(0, elapsed_s=3, expected_s=10))  # a domain, not looked up yet

    def test_before_anything_is_settled_other_jobs_tell(self):
        self.assertAlmostEqual(remaining(1000, expected_s=10, lanes=1), 10)
        self.assertAlmostEqual(remaining(1000, elapsed_s=1, expected_s=10, lanes=2, lane_s=2), 4)

    def test_then_its_own_pace_tells_whatever_was_expected(self):
        # four lanes, chunks of 100 that take a second; after ten and a half seconds
        self.assertAlmostEqual(remaining(8000, 4000, elapsed_s=10.5, expected_s=1, lanes=4, lane_s=2), 9.5)

    def test_the_last_chunk_is_not_taken_for_a_beginning(self):
        """One of two chunks has just been settled, the other one has been running just as long."""
        self.assertLess(remaining(1000, 500, elapsed_s=0.65, expected_s=1.3, lanes=1, lane_s=0.63), 0.05)

    def test_it_never_lies_in_the_past(self):
        self.assertEqual(remaining(1000, elapsed_s=30, expected_s=10, lanes=2, lane_s=60), 0)
        self.assertEqual(remaining(1000, 900, elapsed_s=1, lanes=3, lane_s=30), 0)

    def test_work_that_nobody_does_takes_as_long_as_one_lane_needs(self):
        self.assertAlmostEqual(remaining(1000, 500, elapsed_s=5), 5)


class TestExpected(BaseCase):
    def test_the_nearest_size_tells(self):
        learned = {25: (0.004, 3), 100: (0.002, 3), 500: (0.001, 3)}
        self.assertAlmostEqual(expected_s(learned, 20), 0.08)
        self.assertAlmostEqual(expected_s(learned, 120), 0.24)
        self.assertAlmostEqual(expected_s(learned, 9000), 9)

    def test_nothing_learned_nothing_expected(self):
        self.assertEqual(expected_s({}, 100), 0)
