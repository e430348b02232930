"""What is done to many chunks is done in steps: the outcome is that of doing it at once, whatever happens in between."""

from itertools import pairwise
from unittest.mock import patch

from odoo.exceptions import UserError

from odoo.addons.batch_executor.run import reopen
from odoo.addons.batch_executor.store import finish, release
from odoo.addons.batch_executor.store.job import read_job

from . import test_control, test_failures, test_order, test_waiting
from .lane_case import LaneCase


class SmallSteps(LaneCase):
    allow_inherited_tests_method = True  # for Odoo's runner

    def setUp(self):
        super().setUp()
        self.startPatcher(patch.object(finish, "CANCELLED_AT_ONCE", 2))
        self.startPatcher(patch.object(release, "RELEASED_AT_ONCE", 2))
        self.startPatcher(patch.object(reopen, "LOOKED_AT_ONCE", 2))
        self.startPatcher(patch.object(reopen, "REOPENED_AT_ONCE", 1))


class TestFailuresInSteps(SmallSteps, test_failures.TestFailures):
    """All that is said of a retry."""


class TestAllOrNothingInSteps(SmallSteps, test_control.TestAllOrNothing):
    """All that is said of jobs in one transaction."""


class TestCancelInSteps(SmallSteps, test_control.TestCancel):
    """All that is said of a cancel."""


class TestWaitingInSteps(SmallSteps, test_waiting.TestWaiting):
    """All that is said of operations that wait for others."""


class TestOrderInSteps(SmallSteps, test_order.TestOrder):
    """All that is said of records that wait for their turn."""


class TestSteps(SmallSteps):
    def failed(self, chunks=7, **options):
        """A job of which every chunk has a record that fails until `self.bad` is emptied; returns its id."""
        self.bad, self.ran = set(range(0, 2 * chunks, 2)), []

        def probe(partners):
            numbers = [int(ref.rpartition("-")[2]) for ref in partners.mapped("ref")]
            if self.bad.intersection(numbers):
                raise UserError("bad")
            self.ran += numbers

        self.set_probe(probe)
        job = self.submit(self.probe(self.make_partners(2 * chunks)), max_chunk_size=2, **options)
        self.work()
        self.check_counters(job)
        self.bad.clear()
        return job

    def standing(self, job):
        return self.sql("SELECT count(*) FROM batch_failure WHERE job_id = %s AND retried_at IS NULL", job)[0][0]

    def test_nothing_runs_before_all_of_a_retry_is_put_back(self):
        """In strict order: what is put back last may come first."""
        job = self.failed(max_concurrency=1)
        self.ran.clear()
        self.call(job, "retry")
        with self.open_lane() as lane:
            left = [self.standing(job)]
            while self.job(job)["reopening"]:
                self.assertIsNone(lane.claim())
                left.append(self.standing(job))
                self.assertFalse(self.ran)
        self.assertEqual(left, sorted(left, reverse=True))
        self.assertGreater(len(left), 4)
        self.assertEqual(left[-1], 0)
        self.work()
        self.assertEqual(self.ran, list(range(0, 14, 2)))
        self.assertEqual(self.check_counters(job)["state"], "completed")

    def test_a_retry_whose_lane_is_gone_half_way_is_taken_up_by_the_next(self):
        for options in ({}, {"rollback": "job"}):
            with self.subTest(**options):
                job = self.failed(**options)
                self.call(job, "retry")
                with self.open_lane() as lane:
                    lane.claim()
                    # the next step is lost with its transaction
                    with self.assertRaises(ZeroDivisionError), lane.control.transaction() as env:
                        reopen.step(env, job)
                        raise ZeroDivisionError
                self.assertTrue(self.job(job)["reopening"])
                self.work(lanes=2)
                self.assertEqual(self.check_counters(job)["processed_records"], 14)
                self.assertEqual(sorted(set(self.ran)), list(range(14)))

    def test_a_job_cancelled_while_it_is_put_back_is_all_put_back_and_cancelled(self):
        for options in ({}, {"rollback": "job"}):
            with self.subTest(**options):
                job = self.failed(**options)
                self.call(job, "retry")
                self.assertEqual(self.call(job, "cancel")["state"], "pending")
                with self.assertRaises(UserError):
                    self.call(job, "retry")
                self.work()
                done = self.check_counters(job)
                self.assertEqual(done["state"], "cancelled")
                self.assertEqual(done["cancelled_records"], 14 if options else 7)
                self.call(job, "retry")
                self.work()
                self.assertEqual(self.check_counters(job)["state"], "completed")

    def test_a_job_paused_while_it_is_put_back_waits_then(self):
        job = self.failed()
        self.call(job, "retry")
        self.call(job, "pause")
        self.work()
        paused = self.job(job)
        self.assertEqual((paused["state"], paused["reopening"], self.standing(job)), ("paused", False, 0))
        self.call(job, "resume")
        self.work()
        self.assertEqual(self.check_counters(job)["state"], "completed")

    def test_a_lane_lost_half_way_through_a_cancel_loses_nothing(self):
        job = self.submit(self.creates(14), max_chunk_size=2)
        answer = self.call(job, "cancel")
        self.assertEqual((answer["completed"], answer["finished_at"]), (4, False))
        with self.open_lane() as lane:
            self.assertIsNone(lane.claim())
        self.work(lanes=2)
        done = self.check_counters(job)
        self.assertEqual((done["state"], done["cancelled_records"]), ("cancelled", 14))
        self.call(job, "retry")
        self.work()
        self.assertEqual(self.check_counters(job)["state"], "completed")
        self.assertEqual(len(self.partners()), 14)

    def test_a_draft_that_is_being_cancelled_takes_nothing_more(self):
        job = self.submit(self.creates(14), max_chunk_size=2, draft=True)
        self.assertFalse(self.call(job, "cancel")["finished_at"])
        for verb, *arguments in (("append", [self.creates(1)]), ("start",)):
            with self.assertRaises(UserError):
                self.call(job, verb, *arguments)
        self.work()
        self.assertEqual(self.check_counters(job)["state"], "cancelled")

    def test_records_of_one_chunk_stay_together(self):
        """They share its parameters, and a chunk undone as a whole runs as a whole."""
        data = self.creates(10)["data"]
        data[3]["type"] = "nonsense"
        job = self.submit(
            {"operation_type": "create", "model": "res.partner", "data": data}, max_chunk_size=5, rollback="chunk"
        )
        self.work()
        self.call(job, "retry")
        sizes = self.sql("SELECT record_count FROM batch_chunk WHERE job_id = %s AND state = 'pending'", job)
        self.assertEqual(sizes, [(5,)])

    def waiting(self, count=7, **options):
        """A job of so many chunks that all wait for one operation, and of one that waits for them; its id, and the lane that has run that."""
        self.ran = []
        self.set_probe(lambda partners, name: self.ran.append(name))
        ids = self.make_partners(count)
        return self.submit(
            self.probe(ids[:1], "first", operation_id="first"),
            self.probe(ids, "waits", operation_id="waits", depends_on=["first"]),
            self.probe(ids[:1], "last", depends_on=["waits"]),
            max_chunk_size=1,
            **options,
        )

    def blocked(self, job):
        return self.sql("SELECT count(*) FROM batch_chunk WHERE job_id = %s AND state = 'blocked'", job)[0][0]

    def test_what_waits_for_one_operation_is_let_go_on_in_steps(self):
        """Each is committed by itself, and nothing is claimed before the last one: what it lets go on may come first."""
        for options in ({}, {"max_concurrency": 1}):
            with self.subTest(**options):
                job = self.waiting(**options)
                with self.open_lane() as lane:
                    lane.work_on(lane.claim())
                    left = [self.blocked(job)]
                    while (claim := lane.control.claim_with_housekeeping()) is None:
                        left.append(self.blocked(job))
                        self.assertEqual((self.ran, self.job(job)["ready"]), (["first"], True))
                    self.assertEqual((left[0], self.blocked(job)), (8, 1))
                    self.assertLessEqual(max(before - after for before, after in pairwise(left)), 4)
                    self.assertGreater(len(left), 2)
                    lane.work_on(claim)
                self.work(lanes=2)
                self.assertEqual(self.check_counters(job)["state"], "completed")
                self.assertEqual(self.ran, ["first", *["waits"] * 7, "last"])
                self.delete_partners()

    def test_a_lane_lost_while_it_lets_chunks_go_on_is_followed_by_the_next(self):
        job = self.waiting()
        with self.open_lane() as lane:
            lane.work_on(lane.claim())
            self.assertIsNone(lane.control.claim_with_housekeeping())
            self.assertTrue(self.job(job)["releasing"])
            before = self.blocked(job)
            with self.assertRaises(ZeroDivisionError), lane.control.transaction() as env:
                release.release_step(env.cr, read_job(env.cr, job))
                raise ZeroDivisionError
        self.assertEqual(self.blocked(job), before)
        self.work(lanes=2)
        self.assertEqual(self.check_counters(job)["state"], "completed")
        self.assertEqual(self.ran, ["first", *["waits"] * 7, "last"])

    def test_a_job_paused_or_cancelled_while_chunks_are_let_go_on(self):
        for verb, state in (("pause", "paused"), ("cancel", "cancelled")):
            with self.subTest(verb):
                job = self.waiting()
                with self.open_lane() as lane:
                    lane.work_on(lane.claim())
                    self.assertIsNone(lane.control.claim_with_housekeeping())
                self.call(job, verb)
                self.work()
                self.assertEqual((self.job(job)["state"], self.job(job)["releasing"]), (state, False))
                self.call(job, "resume" if verb == "pause" else "retry")
                self.work()
                self.assertEqual(self.check_counters(job)["state"], "completed")
                self.assertEqual(self.ran, ["first", *["waits"] * 7, "last"])
                self.delete_partners()
