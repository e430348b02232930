"""With `max_concurrency=1` everything runs in order: also what is found, cut, halved, left over and retried."""

from unittest.mock import patch

from odoo.exceptions import UserError
from odoo.tests.common import BaseCase, tagged

from ..engine import place, sizing
from ..engine.verdict import TIMEOUT
from ..run import selection
from ..run.interruption import Interruption
from .lane_case import LaneCase


class TestPlace(BaseCase):
    def test_a_part_stands_between_its_chunk_and_whatever_follows(self):
        for number in (0, 1, 1_000_000):
            chunk, following = place.planned(number), place.planned(number + 1)
            parts = [place.behind(chunk, count) for count in range(1, 10_001)]
            self.assertEqual(len({chunk, *parts, following}), 10_002)
            self.assertEqual([chunk, *parts, following], sorted([chunk, *parts, following]))

    def test_what_a_selection_finds_stands_between_it_and_whatever_follows(self):
        most = 2**31 - 1
        for number in (0, 1, 1_000_000):
            selected, following = place.planned(number), place.planned(number + 1)
            found = [place.found(selected, before) for before in (0, 1, 5000, most)]
            self.assertEqual(len({selected, *found, following}), 6)
            self.assertEqual([selected, *found, following], sorted([selected, *found, following]))


@tagged("post_install", "-at_install")
class TestStrictOrder(LaneCase):
    def setUp(self):
        super().setUp()
        self.ids = self.make_partners(24)
        self.seen = []
        self.bad = set()
        self.set_probe(self.look)

    def look(self, partners):
        if self.bad.intersection(partners._ids):
            raise UserError("bad")
        self.seen += partners._ids

    def found(self):
        """A call on this test's partners, found by a domain."""
        call = self.probe([], domain=[["ref", "=like", f"{self.mark}%"]])
        del call["record_ids"]
        return call

    def halve_the_next(self, lane, times=1):
        for _ in range(times):
            claim = lane.claim()
            lane.control.release(claim, Interruption(TIMEOUT, "too slow"))

    def finish(self, job_id):
        self.work()
        return self.check_counters(job_id)

    def test_what_is_cut_off_a_found_block_comes_before_the_next_block(self):
        self.startPatcher(patch.object(selection, "ADAPTIVE_BLOCK", 8))
        self.startPatcher(patch.object(sizing, "SIZES", (3, 1000)))
        self.finish(self.submit(self.found(), max_chunk_size=0, max_concurrency=1))
        self.assertEqual(self.seen, self.ids)

    def test_what_is_halved_comes_before_the_next_one_found(self):
        self.startPatcher(patch.object(selection, "PAGE", 10))
        job_id = self.submit(self.found(), max_chunk_size=6, max_concurrency=1)
        with self.open_lane() as lane:
            for _ in range(3):
                lane.work_on(lane.claim())  # the pages
            self.halve_the_next(lane, times=2)
        self.finish(job_id)
        self.assertEqual(self.seen, self.ids)

    def test_what_an_isolation_leaves_comes_before_the_next_one_found(self):
        self.bad = set(self.ids[1:10:2])
        with patch("odoo.addons.batch_executor.run.chunk.SAVEPOINT_BUDGET", 2):
            job = self.finish(self.submit(self.found(), max_chunk_size=12, max_concurrency=1))
        self.assertEqual(self.seen, [id_ for id_ in self.ids if id_ not in self.bad])
        self.assertEqual(job["failed_records"], 5)

    def test_a_planned_chunk_that_is_halved_again_and_again_stays_in_order(self):
        others = [self.probe(self.ids[12:]), self.probe(self.ids[:2])]
        job_id = self.submit(self.probe(self.ids[:12]), *others, max_chunk_size=12, max_concurrency=1)
        with self.open_lane() as lane:
            self.halve_the_next(lane, times=3)
            lane.work_on(lane.claim())
            self.halve_the_next(lane)
        self.finish(job_id)
        self.assertEqual(self.seen, [*self.ids, *self.ids[:2]])

    def test_a_retry_keeps_the_order_as_well(self):
        self.bad = set(self.ids)
        job_id = self.submit(self.found(), self.probe(self.ids[:2]), max_chunk_size=12, max_concurrency=1)
        with self.open_lane() as lane:
            lane.work_on(lane.claim())
            self.halve_the_next(lane, times=2)
        self.assertEqual(self.finish(job_id)["failed_records"], 26)
        self.bad = set()
        self.call(job_id, "retry")
        with self.open_lane() as lane:
            self.halve_the_next(lane)
        self.finish(job_id)
        self.assertEqual(self.seen, [*self.ids, *self.ids[:2]])

    def test_what_has_waited_for_an_earlier_one_comes_before_what_follows(self):
        operations = [
            self.probe(self.ids[:2], operation_id="first"),
            self.probe(self.ids[2:4], depends_on=["first"], operation_id="second"),
            self.probe(self.ids[4:6], depends_on=["second"]),
            self.probe(self.ids[6:8]),
        ]
        self.finish(self.submit(*operations, max_concurrency=1))
        self.assertEqual(self.seen, self.ids[:8])
