"""Races between lanes, and between lanes and people, over real connections: who wins, and that losing does no harm."""

import threading
from contextlib import contextmanager
from unittest.mock import patch

from odoo import api
from odoo.exceptions import UserError
from odoo.service.model import retrying
from odoo.tools import mute_logger

from odoo.addons.batch_executor.engine import verdict

from .case import PATIENCE_S
from .lane_case import LaneCase


class TestClaims(LaneCase):
    def test_two_lanes_claiming_at_once_get_different_chunks(self):
        self.submit(self.creates(40), max_chunk_size=2)
        barrier = threading.Barrier(2, timeout=PATIENCE_S)

        def claim_ten(name):
            with self.open_lane(name) as lane:
                barrier.wait()
                return [claim.chunk_id for claim in iter(lane.claim, None)]

        # nobody gives anything back: together they can take no more than the job lets run at once
        with self.in_threads(2) as pool:
            taken = [future.result(PATIENCE_S) for future in [pool.submit(claim_ten, "a"), pool.submit(claim_ten, "b")]]
        chunks = taken[0] + taken[1]
        self.assertEqual(len(chunks), len(set(chunks)))
        self.assertLessEqual(len(chunks), 5)
        self.assertTrue(chunks)

    def test_max_concurrency_one_never_has_two_chunks_in_flight(self):
        at_once, order = [], []
        lock = threading.Lock()

        def probe(partners):
            self.assertTrue(lock.acquire(blocking=False), "two chunks at once")
            order.extend(partners.ids)
            at_once.append(1)
            lock.release()

        self.set_probe(probe)
        ids = self.make_partners(40)
        job = self.submit(self.probe(ids), max_chunk_size=2, max_concurrency=1)
        self.work(lanes=3)
        self.assertEqual(self.check_counters(job)["processed_records"], 40)
        self.assertEqual(order, ids)

    def test_a_chunk_settled_after_its_claim_was_lost_takes_no_effect(self):
        job = self.submit(self.creates(10))
        with self.open_lane("loser") as loser:
            stale = loser.claim()
            self._abandon(job)
            with (
                self.open_lane("winner") as winner,
                mute_logger("odoo.addons.batch_executor.run.rescue"),
            ):
                winner.work_on(winner.claim())  # the first half
                loser.work_on(stale)
                self.assertEqual(len(self.partners()), 5)
                winner.work_on(winner.claim())
        self.work()
        self.assertEqual(self.check_counters(job)["processed_records"], 10)
        self.assertEqual(sorted(number for number, _id in self.partners()), list(range(10)))

    def test_a_lane_holding_its_chunk_is_never_taken_for_dead(self):
        entered, leave = threading.Event(), threading.Event()

        def probe(partners):
            entered.set()
            self.assertTrue(leave.wait(PATIENCE_S))

        self.set_probe(probe)
        job = self.submit(self.probe(self.make_partners(4)))
        with self.open_lane() as lane, self.in_threads() as pool:
            claim = lane.claim()
            self._abandon(job)
            run = pool.submit(lane.work_on, claim)
            try:
                self.assertTrue(entered.wait(PATIENCE_S))
                with self.open_lane("other") as other:
                    self.assertIsNone(other.claim())
            finally:
                leave.set()
            run.result(PATIENCE_S)
        self.work()
        self.assertEqual([chunk["claims"] for chunk in self.chunks(job)], [1])
        self.check_counters(job)

    def test_an_upsert_waiting_for_its_keys_is_never_taken_for_dead(self):
        entered, leave = threading.Event(), threading.Event()
        rows = self.creates(2)["data"]
        upsert = {"operation_type": "upsert", "model": "res.partner", "key": ["ref"], "data": rows}
        with self.committed() as env:
            create = type(env["res.partner"]).create

        def slow_create(model, values):
            if not entered.is_set():
                entered.set()
                self.assertTrue(leave.wait(PATIENCE_S))
            return create(model, values)

        with self.patched_create(slow_create), self.in_threads(2) as pool, self.open_lane() as lane:
            first = self.submit(upsert)
            runs = [pool.submit(self.work)]
            try:
                self.assertTrue(entered.wait(PATIENCE_S))
                second = self.submit(upsert)
                claim = lane.claim()
                self._abandon(second)
                runs.append(pool.submit(lane.work_on, claim))
                self.wait_until(self.blocked_backends, what="the second upsert waiting for the keys of the first")
                with self.open_lane("other") as other:
                    self.assertIsNone(other.claim())
            finally:
                leave.set()
            for run in runs:
                run.result(PATIENCE_S)
        self.work()
        for job in (first, second):
            self.assertEqual(self.check_counters(job)["processed_records"], 2)
            self.assertEqual([chunk["claims"] for chunk in self.chunks(job)], [1])
        self.assertEqual(len(self.partners()), 2)

    @contextmanager
    def patched_create(self, function):
        cls = self.registry["res.partner"]
        cls.create = function
        function._api_model = True
        try:
            yield
        finally:
            del cls.create

    def _abandon(self, job):
        """Make a claim old enough to be looked at as an orphan."""
        self.sql(
            "UPDATE batch_chunk SET claimed_at = claimed_at - interval '1 hour' WHERE job_id = %s AND state = 'running'",
            job,
        )


class TestSteering(LaneCase):
    def test_cancel_and_claim_at_once_leave_every_record_run_or_cancelled(self):
        for round_ in range(5):
            with self.subTest(round=round_):
                job = self.submit(self.creates(60), max_chunk_size=2)
                self._steer_while_working(job, "cancel")
                done = self.check_counters(job)
                self.assertIn(done["state"], ("cancelled", "completed"))
                self.assertEqual(len(self.partners()), done["processed_records"])
                self.delete_partners()

    def test_pause_and_claim_at_once_leave_nothing_running(self):
        job = self.submit(self.creates(80), max_chunk_size=2)
        self._steer_while_working(job, "pause")
        if self.job(job)["state"] == "paused":
            before = len(self.partners())
            self.assertEqual(before, self.job(job)["processed_records"])
            self.assertFalse([chunk for chunk in self.chunks(job) if chunk["state"] == "running"])
            self.call(job, "resume")
        self.work(lanes=2)
        self.assertEqual(self.check_counters(job)["processed_records"], 80)
        self.assertEqual(len(self.partners()), 80)

    def test_verbs_get_through_to_a_job_that_claims_all_the_time(self):
        self.set_probe(lambda partners: None)
        job = self.submit(self.probe(self.make_partners(1500)), max_chunk_size=1)
        with self.in_threads(2) as pool:
            runs = [pool.submit(self.lane(seconds=20).run) for _ in range(2)]
            self.wait_until(lambda: self.job(job)["state"] == "running")
            with self.assertNoLogs("odoo.sql_db", "ERROR"):
                for verb in ("pause", "resume", "pause", "resume", "cancel"):
                    self.call(job, verb)
            for run in runs:
                run.result(PATIENCE_S)
        self.assertGreater(self.check_counters(job)["cancelled_records"], 0)

    def test_a_call_that_is_repeated_after_a_conflict_logs_no_statement(self):
        job = self.submit(self.creates(6), max_chunk_size=2)

        def claim_elsewhere():
            self.sql("UPDATE batch_job SET queue_position = queue_position + 1 WHERE id = %s", job)

        for change in (lambda own: own.pause(), lambda own: own.write({"name": "Renamed"}), lambda own: own.resume()):
            self.assertEqual(self._change_beside(job, change, claim_elsewhere), 2)
        self.assertEqual((self.job(job)["name"], self.job(job)["state"]), ("Renamed", "pending"))
        with self.open_lane() as lane:
            # the only job in the queue: a claim leaves its row as it is, so only the chunk has changed
            lane.work_on(lane.claim())
            self.stop_clock(lane)
            self.assertEqual(self._change_beside(job, lambda own: own.cancel(), lane.claim), 1)
        self.sql("UPDATE batch_chunk SET claimed_at = claimed_at - interval '1 hour' WHERE job_id = %s AND state = 'running'", job)
        with self.assertLogs("odoo.addons.batch_executor.run.rescue", "WARNING"):
            self.work()
        self.assertEqual(self.check_counters(job)["cancelled_records"], 4)

    def _change_beside(self, job, change, beside):
        """Call `change(job)` as a remote call, after `beside()` in another transaction that the first attempt can't see.

        :returns: number of attempts; the test fails if one of them logs an error of SQL
        """
        attempts = []

        def call():
            env.cr.execute("SELECT 1")  # from now on this transaction sees what there is now
            attempts.append(1)
            if len(attempts) == 1:
                beside()
            change(env["batch.job"].browse(job))

        with self.registry.cursor() as cr, self.assertNoLogs("odoo.sql_db", "ERROR"):
            env = api.Environment(cr, self.user_id, {})
            retrying(call, env)
        return len(attempts)

    def _steer_while_working(self, job, verb):
        barrier = threading.Barrier(3, timeout=PATIENCE_S)

        def lane():
            barrier.wait()
            self.lane().run()

        with self.in_threads(2) as pool:
            runs = [pool.submit(lane) for _ in range(2)]
            barrier.wait()
            self.wait_until(lambda: self.partners(), what="the first chunk")
            try:
                self.call(job, verb)
            except UserError:  # it has just finished
                self.assertTrue(self.job(job)["finished_at"])
            for run in runs:
                run.result(PATIENCE_S)


class TestTwiceAtOnce(LaneCase):
    def test_of_two_retries_at_once_one_runs_and_the_other_is_refused(self):
        job = self.submit(self.creates(3, type="nonsense"))
        self.work()
        answers = self._both(lambda: self.call(job, "retry"))
        self.assertEqual(sorted(isinstance(answer, UserError) for answer in answers), [False, True])
        self.work()
        self.assertEqual(self.check_counters(job)["failed_records"], 3)
        [(history,)] = self.sql("SELECT count(*) FROM batch_failure WHERE job_id = %s AND retried_at IS NOT NULL", job)
        self.assertEqual(history, 3)

    def test_of_two_submissions_with_one_key_at_once_one_is_stored(self):
        def submit():
            with self.registry.cursor() as cr:
                env = api.Environment(cr, self.user_id, {})
                return retrying(lambda: env["batch.job"].submit([self.creates(2)], idempotency_key=self.mark), env)

        with mute_logger("odoo.sql_db"):
            answers = self._both(submit)
        self.assertEqual(len({answer["job_id"] for answer in answers}), 1)
        self.assertEqual(sorted(answer["duplicate"] for answer in answers), [False, True])
        self.work()
        self.assertEqual(len(self.partners()), 2)

    def test_two_cancels_at_once_end_the_job_once(self):
        job = self.submit(self.creates(30), max_chunk_size=3)
        answers = self._both(lambda: self.call(job, "cancel"))
        self.assertTrue(any(isinstance(answer, dict) and answer["state"] == "cancelled" for answer in answers))
        self.assertEqual(self.check_counters(job)["cancelled_records"], 30)

    def _both(self, function):
        """Call it in two threads at the same moment; returns what each gave or raised."""
        barrier = threading.Barrier(2, timeout=PATIENCE_S)

        def run():
            barrier.wait()
            try:
                return function()
            except UserError as error:
                return error

        with self.in_threads(2) as pool:
            return [future.result(PATIENCE_S) for future in [pool.submit(run) for _ in range(2)]]


class TestConflicts(LaneCase):
    def test_two_jobs_updating_the_same_thousand_partners_with_four_lanes_finish_with_every_value(self):
        ids = self.make_partners(1000)

        def updates(field):
            data = [{"id": id_, field: f"{self.mark}-{id_}"} for id_ in ids]
            return {"operation_type": "update", "model": "res.partner", "data": data}

        jobs = [self.submit(updates(field), max_chunk_size=50) for field in ("street", "city")]
        self.work(lanes=4)
        for job in jobs:
            self.assertEqual(self.check_counters(job)["processed_records"], 1000)
        wrong = self.sql(
            "SELECT id FROM res_partner WHERE id = ANY(%s) AND (street IS DISTINCT FROM %s || id OR city IS DISTINCT FROM %s || id)",
            ids, f"{self.mark}-", f"{self.mark}-",
        )  # fmt: skip
        self.assertEqual(wrong, [])

    def test_records_of_one_group_never_run_in_two_lanes_at_once(self):
        [parent_a, parent_b] = self.make_partners(2)
        busy = {parent_a: threading.Lock(), parent_b: threading.Lock()}
        with self.committed() as env:
            children = (
                env["res.partner"]
                .create(
                    [
                        {"name": "child", "ref": f"{self.mark}-{9 + n}", "parent_id": (parent_a, parent_b)[n % 2]}
                        for n in range(40)
                    ]
                )
                .ids
            )

        def probe(partners):
            for parent in partners.parent_id.ids:
                self.assertTrue(busy[parent].acquire(blocking=False), "two lanes at one group")
                partners.env.cr.execute("SELECT pg_sleep(0.01)")
                busy[parent].release()

        self.set_probe(probe)
        job = self.submit(self.probe(children, group_by="parent_id"), max_chunk_size=4)
        self.work(lanes=3)
        self.assertEqual(self.check_counters(job)["processed_records"], 40)

    def test_a_chunk_waiting_for_its_next_attempt_blocks_no_lane(self):
        calls = []

        def probe(partners, conflict=False):
            calls.append(conflict)
            if conflict and calls.count(True) < 3:
                partners.env.cr.execute("DO $$ BEGIN RAISE SQLSTATE '40P01'; END $$")

        self.set_probe(probe)
        ids = self.make_partners(11)
        with patch.object(verdict, "next_delay", return_value=10 * PATIENCE_S):
            job = self.submit(self.probe(ids[:1], True), self.probe(ids[1:]), max_chunk_size=1)
            with self.open_lane() as lane:
                for claim in iter(lane.claim, None):
                    lane.work_on(claim)
        self.assertEqual(calls, [True] + [False] * 10, "the others run meanwhile")
        self.sql("UPDATE batch_chunk SET run_at = now() AT TIME ZONE 'UTC' WHERE job_id = %s AND run_at IS NOT NULL", job)
        self.sql("UPDATE batch_job SET wake_at = now() AT TIME ZONE 'UTC' WHERE id = %s", job)
        self.work()
        self.assertEqual(calls[11:], [True, True])
        self.assertEqual(self.check_counters(job)["processed_records"], 11)
