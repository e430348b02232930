"""The usual claim is one message to PostgreSQL; whatever asks for more is seen to by a claim with housekeeping."""

from unittest.mock import patch

from .lane_case import LaneCase


class TestFastClaim(LaneCase):
    def setUp(self):
        super().setUp()
        self.set_probe(lambda partners, *args: None)
        self.ids = self.make_partners(1)

    def submit_chunks(self, count, **options):
        return self.submit(*(self.probe(self.ids, number) for number in range(count)), max_chunk_size=1, **options)

    def started(self, lane, count=2):
        """Run the first chunks; what comes then could be claimed fast."""
        for _number in range(count):
            lane.work_on(lane.claim())
        self.stop_clock(lane)

    def claimed_fast(self, lane):
        """What the lane would claim in a single message now; it is held by nobody afterwards."""
        claim = lane.control.claim_fast()
        if claim:
            self.sql("UPDATE batch_chunk SET state = 'pending' WHERE id = %s RETURNING id", claim.chunk_id)
        return claim

    def messages(self, cr):
        """Collect what is sent on a cursor from now on."""
        sent = []
        execute = cr.execute
        cr.execute = lambda query, *args, **kwargs: (sent.append(str(query)), execute(query, *args, **kwargs))[1]
        return sent

    def test_a_claim_is_one_message(self):
        self.submit_chunks(5)
        with self.open_lane() as lane:
            self.started(lane, 3)
            sent = self.messages(lane.control.cr)
            claim = lane.claim()
            self.assertEqual(len(sent), 1, sent)
            self.assertEqual(
                self.sql("SELECT state, claims, worker FROM batch_chunk WHERE id = %s", claim.chunk_id),
                [("running", claim.number, lane.worker)],
                "it is committed",
            )
            lane.work_on(claim)
            del lane.control.cr.execute
        self.work()

    def test_what_asks_for_more_is_left_to_a_claim_with_housekeeping(self):
        job = self.submit_chunks(4)
        with self.open_lane() as lane:
            self.started(lane)
            self.assertTrue(self.claimed_fast(lane))
            for reason, change, back in (
                ("paused", "state = 'paused'", "state = 'running'"),
                ("stopping", "cancel_requested_at = now()", "cancel_requested_at = NULL"),
                ("to be counted", "progress_at = now() - interval '1 minute'", "progress_at = now() + interval '1 day'"),
                ("failures are limited", "max_failures = 3", "max_failures = -1"),
                ("being steered", "steered_until = now() + interval '1 day'", "steered_until = NULL"),
                ("parked", "ready = false", "ready = true"),
            ):  # fmt: skip
                with self.subTest(reason):
                    self.sql(f"UPDATE batch_job SET {change} WHERE id = %s RETURNING id", job)
                    self.assertIsNone(self.claimed_fast(lane))
                    self.sql(f"UPDATE batch_job SET {back} WHERE id = %s RETURNING id", job)
                    self.assertTrue(self.claimed_fast(lane), "nothing else was in the way")
            self.registry.registry_sequence -= 1  # as if told by another process
            self.assertIsNone(self.claimed_fast(lane), "there are changes to be applied")
            self.registry.registry_sequence += 1
            self.assertTrue(self.claimed_fast(lane))
        self.work()
        self.assertEqual(self.check_counters(job)["processed_records"], 4)

    def test_only_what_may_have_to_be_cut_to_a_size_needs_housekeeping(self):
        job = self.submit(*(self.probe(self.ids, number) for number in range(3)), self.creates(60), max_chunk_size=0)
        with self.open_lane() as lane:
            self.started(lane)
            self.assertTrue(self.claimed_fast(lane))
            self.started(lane, 1)
            self.assertIsNone(self.claimed_fast(lane))
        self.work()
        self.assertEqual(self.check_counters(job)["processed_records"], 63)

    def test_no_more_are_in_flight_than_may_be(self):
        job = self.submit_chunks(8, max_concurrency=2)
        with self.open_lane("one") as one, self.open_lane("two") as two:
            self.started(one)
            self.started(two)
            claims = [one.control.claim_fast(), two.control.claim_fast()]
            self.assertTrue(all(claims), claims)
            self.assertIsNone(self.claimed_fast(one))
            one.work_on(claims[0])
            self.assertTrue(self.claimed_fast(two))
            two.work_on(claims[1])
        self.work()
        self.assertEqual(self.check_counters(job)["processed_records"], 8)

    def test_a_job_that_somebody_has_locked_is_passed(self):
        job = self.submit_chunks(4)
        with self.open_lane() as lane, self.registry.cursor() as cr:
            self.started(lane)
            cr.execute("SELECT id FROM batch_job WHERE id = %s FOR UPDATE", [job])
            self.assertIsNone(self.claimed_fast(lane))
            cr.rollback()
            self.assertTrue(self.claimed_fast(lane))
        self.work()

    def test_lanes_go_through_a_job_with_hardly_any_claim_with_housekeeping(self):
        job = self.submit_chunks(60)
        full = []
        lane = self.lane()
        claim = lane.control.claim_with_housekeeping
        with patch.object(lane.control, "claim_with_housekeeping", lambda: (full.append(1), claim())[1]):
            lane.run()
        self.assertEqual(self.check_counters(job)["processed_records"], 60)
        self.assertLess(len(full), 30)


class TestTurns(LaneCase):
    def version(self, job):
        """Which version of its row a job has, and its place in the queue."""
        [version] = self.sql("SELECT xmin::text, queue_position FROM batch_job WHERE id = %s", job)
        return version

    def test_the_row_of_a_job_that_is_alone_is_not_written_by_claims(self):
        job = self.submit(self.creates(5), max_chunk_size=1)
        with self.open_lane() as lane:
            for _number in range(2):
                lane.work_on(lane.claim())
            self.stop_clock(lane)
            before = self.version(job)
            lane.work_on(lane.control.claim_fast())
            lane.work_on(lane.control.claim_fast())
            self.assertEqual(self.version(job), before)
        self.work()

    def test_one_that_comes_later_is_given_its_turns(self):
        first = self.submit(self.creates(40), max_chunk_size=1)
        with self.open_lane() as lane:
            for _number in range(20):
                lane.work_on(lane.claim())
            second = self.submit(self.creates(10), max_chunk_size=1)
            taken = []
            for _number in range(10):
                claim = lane.claim()
                taken.append(claim.job_id)
                lane.work_on(claim)
        self.assertEqual(taken.count(first), 5, taken)
        self.assertEqual(taken.count(second), 5, taken)
        self.work()
