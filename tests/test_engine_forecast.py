"""When a job will be over, against jobs whose course is known."""

from odoo.tests.common import BaseCase

from ..engine.forecast import FORESEEABLE_S, PACE_S, newer_origin, remaining_s
from ..engine.sizing import expected_s


def remaining(total, settled=0, *, elapsed_s=0.0, late=None, expected_s=0.0, lanes=0, lane_s=0.0):
    return remaining_s(
        total - settled,
        paces=[late or (settled, elapsed_s), (settled, elapsed_s)],
        expected_record_s=expected_s / total if total else 0.0,
        lanes=lanes,
        lane_s=lane_s,
    )


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

    def test_it_goes_by_the_pace_of_late(self):
        """A thousand records in a second, then ten a second for a minute."""
        self.assertAlmostEqual(remaining(2600, 1600, elapsed_s=61, late=(300, 30), lanes=1), 100)

    def test_of_late_is_no_pace_where_it_is_mostly_what_is_still_in_flight(self):
        self.assertAlmostEqual(remaining(2000, 1000, elapsed_s=100, late=(10, 30), lanes=1, lane_s=20), 60)
        self.assertAlmostEqual(remaining(2000, 1000, elapsed_s=100, late=(0, 30), lanes=1), 100)

    def test_what_lies_beyond_reason_is_no_estimate(self):
        self.assertIsNone(remaining(500_000, 1, elapsed_s=8 * 86400, lanes=1))
        self.assertIsNone(remaining(10**12, 1, elapsed_s=1e300, lanes=1))
        self.assertLess(remaining(1000, 1, elapsed_s=86400, lanes=1), FORESEEABLE_S)

    def test_work_that_nobody_does_takes_as_long_as_one_lane_needs(self):
        self.assertAlmostEqual(remaining(1000, 500, elapsed_s=5), 5)


class TestPace(BaseCase):
    def test_what_comes_counts_for_more_than_what_was_and_no_chunk_for_all(self):
        self.assertIsNone(newer_origin((0, 0.0), 100, 2 * PACE_S - 1, 0.1))
        self.assertEqual(newer_origin((0, 0.0), 100, 40.0, 1.0), (50, 20.0))
        self.assertIsNone(newer_origin((0, 0.0), 100, 40.0, 10.0), "these are but four chunks")

    def test_a_job_that_slows_down_is_soon_told_so(self):
        """A thousand records a second for a minute, then ten."""
        origin, run, second = (0, 0.0), 0, 0
        for second in range(1, 181):
            run += 1000 if second <= 60 else 10
            origin = newer_origin(origin, run, float(second), 0.1) or origin
        late = (run - origin[0]) / (second - origin[1])
        self.assertLess(late, 40)
        self.assertGreater(run / second, 300)


class TestExpected(BaseCase):
    def test_the_nearest_size_tells(self):
        learned = {25: (0.004, 3), 100: (0.002, 3), 500: (0.001, 3)}
        self.assertAlmostEqual(expected_s(learned, 20), 0.08)
        self.assertAlmostEqual(expected_s(learned, 120), 0.24)
        self.assertAlmostEqual(expected_s(learned, 9000), 9)

    def test_nothing_learned_nothing_expected(self):
        self.assertEqual(expected_s({}, 100), 0)
