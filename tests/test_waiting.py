"""Operations that wait for others, over many chunks and lanes: nothing runs too early, nothing is forgotten."""

import random

from .lane_case import LaneCase


class TestWaiting(LaneCase):
    def setUp(self):
        super().setUp()
        self.ran = []
        self.set_probe(lambda partners, name=None: self.ran.append(name))
        self.ids = self.make_partners(2)

    def step(self, name, *needs, ids=None, **extra):
        return self.probe(self.ids if ids is None else ids, name, operation_id=name, depends_on=list(needs), **extra)

    def test_whatever_waits_for_whom_each_runs_after_what_it_needs(self):
        chance = random.Random(7)
        needs = {}
        for number in range(60):
            earlier = [f"step {other}" for other in range(number)]
            needs[f"step {number}"] = chance.sample(earlier, min(number, chance.randint(0, 4)))
        names = list(needs)
        chance.shuffle(names)
        job = self.submit(*(self.step(name, *needs[name]) for name in names), max_chunk_size=1)
        self.work(lanes=3)
        self.assertEqual(self.check_counters(job)["state"], "completed")
        for name, wanted in needs.items():
            for needed in wanted:
                last = max(place for place, other in enumerate(self.ran) if other == needed)
                self.assertLess(last, self.ran.index(name), f"{name} ran before {needed}")
        self.assertEqual(len(self.ran), 2 * len(names))

    def test_many_that_share_chunks_wait_for_many_that_share_chunks(self):
        firsts = [{**self.creates(1), "operation_id": f"first {number}"} for number in range(50)]
        seconds = [
            self.probe([{"$ref": f"first {number}"}], number, operation_id=f"second {number}") for number in range(50)
        ]
        job = self.submit(*seconds, *firsts, max_chunk_size=7)
        self.work(lanes=2)
        self.assertEqual(self.check_counters(job)["processed_records"], 100)
        self.assertEqual(len(self.partners()), 52)

    def test_what_is_appended_waits_for_what_the_draft_holds(self):
        empty = {"operation_type": "create", "model": "res.partner", "data": [], "operation_id": "empty"}
        job = self.submit(self.step("first"), empty, draft=True)
        self.call(job, "append", [self.step("second", "first", "empty"), self.step("third", "empty")])
        self.call(job, "append", [self.step("fourth", "second")])
        self.call(job, "start")
        self.work()
        self.assertEqual(self.check_counters(job)["state"], "completed")
        self.assertEqual(sorted(self.ran), ["first", "fourth", "second", "third"])
        self.assertLess(self.ran.index("first"), self.ran.index("second"))
        self.assertLess(self.ran.index("second"), self.ran.index("fourth"))

    def test_what_waits_goes_on_though_nobody_was_told_that_it_may(self):
        """As after an upgrade from a version that did not tell."""
        job = self.submit(self.step("first"), self.step("second", "first"))
        with self.open_lane() as lane:
            lane.work_on(lane.claim())
        self.sql("UPDATE batch_operation SET state = 'completed' WHERE job_id = %s AND operation_id = 'first'", job)
        self.sql("UPDATE batch_chunk SET tallied = true WHERE job_id = %s AND state = 'done'", job)
        self.work()
        self.assertEqual(self.ran, ["first", "second"])
