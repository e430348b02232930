"""The history of a job's pace."""

from itertools import pairwise

from odoo.tests.common import BaseCase

from ..engine.pace import LEAST_STEP_S, MOST_POINTS, with_point


class TestPaceHistory(BaseCase):
    def history(self, every_s, until_s):
        points, writes = [], 0
        for number in range(1, int(until_s / every_s) + 1):
            new = with_point(points, number * every_s, number * 10)
            if new is not None:
                points, writes = new, writes + 1
        return points, writes

    def test_it_stays_small_however_long_a_job_runs(self):
        for every_s in (0.3, 1.0, 7.0, 500.0):
            for until_s in (5, 59, 61, 1000, 100_000):
                with self.subTest(every_s=every_s, until_s=until_s):
                    points, writes = self.history(every_s, until_s)
                    self.assertLessEqual(len(points), MOST_POINTS)
                    self.assertLess(writes, 1000)
                    self.assertEqual(points, sorted(points))
                    for (s, records), (next_s, next_records) in pairwise(points):
                        self.assertGreaterEqual(next_s - s, LEAST_STEP_S)
                        self.assertGreater(next_records, records)

    def test_it_spans_the_whole_job(self):
        points, _writes = self.history(1.0, 10_000)
        self.assertGreater(len(points), MOST_POINTS / 3)
        self.assertLess(points[0][0], 10_000 / 10)
        self.assertGreater(points[-1][0], 10_000 * 0.95)

    def test_too_early_for_a_point(self):
        self.assertIsNone(with_point([], 0.5, 3))
        self.assertIsNone(with_point([[5.0, 10]], 5.9, 12))
        self.assertEqual(with_point([[5.0, 10]], 6.0, 12), [[5.0, 10], [6.0, 12]])

    def test_a_clock_set_back_does_no_harm(self):
        self.assertIsNone(with_point([[500.0, 10]], 20.0, 12))
