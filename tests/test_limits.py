"""Named limits: how many chunks of all jobs that name one run at once, and how many of their records in a second."""

import json
import threading
import time
from functools import partial
from unittest.mock import patch

import psycopg2

from odoo.exceptions import AccessError, ValidationError
from odoo.service.model import retrying
from odoo.tools import mute_logger

from odoo.addons.batch_executor.exceptions import BatchValidationError
from odoo.addons.batch_executor.run.rescue import rescue_orphans
from odoo.addons.batch_executor.run.status import BUS_TYPE, running, send_progress

from .case import SUBMITTER
from .lane_case import LaneCase, committed


class LimitCase(LaneCase):
    def limit(self, **values):
        """A new limit; returns its id."""
        self.name = f"limit-{self.mark}"
        with committed() as env:
            return env["batch.limit"].create({"name": self.name, **values}).id

    def submit_limited(self, count=4, **options):
        options.setdefault("max_chunk_size", 1)
        return self.submit(self.creates(count), **{"limit": self.name, **options})

    def waiting(self):
        """Jobs that wait for their limit."""
        return {id_ for (id_,) in self.sql("SELECT id FROM batch_job WHERE waits_for_limit AND NOT ready")}

    def watch_partners(self):
        """Let PostgreSQL itself note when each partner of this test is made."""
        self.sql(
            f"""
            CREATE TABLE seen_{self.mark} (at timestamp);
            CREATE FUNCTION see_{self.mark}() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                INSERT INTO seen_{self.mark} VALUES (clock_timestamp());
                RETURN NEW;
            END$$;
            CREATE TRIGGER see_{self.mark} AFTER INSERT ON res_partner FOR EACH ROW
                WHEN (NEW.ref LIKE '{self.mark}-%%') EXECUTE FUNCTION see_{self.mark}();
            SELECT 1
            """
        )
        self.addCleanup(self.sql, f"DROP FUNCTION see_{self.mark} CASCADE; DROP TABLE seen_{self.mark}; SELECT 1")

    def most_seen(self, window_s=1.0):
        """Most partners made in any `window_s`, and how many in all."""
        query = f"""
            SELECT max((SELECT count(*) FROM seen_{self.mark} AS other WHERE other.at >= one.at AND other.at < one.at + %s * interval '1 s')),
                   count(*)
              FROM seen_{self.mark} AS one
        """
        return self.sql(query, window_s)[0]


class TestSubmission(LimitCase):
    def test_its_name_is_known_or_a_problem(self):
        self.limit(max_in_flight=1)
        job = self.submit_limited()
        self.assertEqual(self.sql("SELECT name FROM batch_limit WHERE id = %s", self.job(job)["limit_id"]), [(self.name,)])
        for name in ("no such limit", self.name.upper()):
            with self.assertRaisesRegex(BatchValidationError, f"no limit '{name}', or it is archived"):
                self.submit(self.creates(1), limit=name)
        with committed() as env:
            env["batch.limit"].search([("name", "=", self.name)]).active = False
        with self.assertRaisesRegex(BatchValidationError, "no limit"):
            self.submit(self.creates(1), limit=self.name)
        self.work()
        self.assertEqual(self.check_counters(job)["processed_records"], 4, "jobs that have it keep it, also when it is archived")

    def test_a_call_that_runs_at_once_has_none(self):
        self.limit(max_in_flight=1)
        with committed(self.user_id) as env, self.assertRaisesRegex(BatchValidationError, "use submit"):
            env["batch.job"].execute([self.creates(1)], limit=self.name)

    def test_a_set_of_records_can_not_be_slowed_down(self):
        self.limit(max_records_per_second=10)
        self.set_probe(lambda partners: None)
        ids = self.make_partners(2)
        with self.assertRaisesRegex(BatchValidationError, "all records at once"):
            self.submit(self.probe(ids, set=True), limit=self.name)
        draft = self.submit(limit=self.name, draft=True)
        with self.assertRaisesRegex(BatchValidationError, "all records at once"):
            self.call(draft, "append", [self.probe(ids, set=True)])
        self.submit(self.probe(ids, set=True), limit=None)
        self.work()

    def test_who_may_make_one(self):
        with committed() as env:
            manager = self.new_user(env, f"manager-{self.mark}", *SUBMITTER, "batch_executor.group_batch_manager").id
            limit = env["batch.limit"].with_user(manager).create({"name": self.mark, "max_in_flight": 3})
            self.assertTrue(limit.with_user(self.user_id).has_access("read"))
            for operation in ("write", "create", "unlink"):
                self.assertFalse(limit.with_user(self.user_id).has_access(operation))
            limit.unlink()

    def test_only_the_engine_writes_when_something_starts(self):
        limit = self.limit(max_in_flight=1)
        with committed() as env:
            manager = self.new_user(env, f"manager-{self.mark}", *SUBMITTER, "batch_executor.group_batch_manager").id
        for field in ("next_at", "wake_at"):
            with self.subTest(field), committed(manager) as env:
                limits = env["batch.limit"]
                with self.assertRaisesRegex(AccessError, field):
                    limits.browse(limit).write({"description": "x", field: "2090-01-01 00:00:00"})
                with self.assertRaisesRegex(AccessError, field):
                    limits.create({"name": f"a-{self.mark}", field: "2090-01-01 00:00:00"})
                env.cr.rollback()
                with self.assertRaisesRegex(AccessError, field):
                    limits.with_context({f"default_{field}": "2090-01-01 00:00:00"}).create({"name": f"b-{self.mark}"})
                env.cr.rollback()
                limits.browse(limit).write({"description": "x"})

    def test_it_is_an_option_of_server_actions_and_dialogs_too(self):
        limit = self.limit(max_in_flight=1)
        ids = self.make_partners(2)
        with committed() as env:
            values = {"name": "Archive", "model_id": env["ir.model"]._get_id("res.partner"), "state": "batch", "batch_type": "call"}
            action = env["ir.actions.server"].create({**values, "batch_method": "action_archive", "batch_limit_id": limit}).id
        with committed(self.user_id) as env:
            opened = env["ir.actions.server"].browse(action).with_context(active_model="res.partner", active_ids=ids).run()
            wizard = env["batch.wizard"].create(
                {"model_name": "res.partner", "source": "selected", "record_ids": ids, "values": '{"city": "Ghent"}', "limit_id": limit}
            )
            jobs = [opened["res_id"], wizard.action_run()["res_id"]]
        self.assertEqual([self.job(job)["limit_id"] for job in jobs], [limit, limit])
        self.work()

    def test_one_that_jobs_name_stays(self):
        limit = self.limit(max_in_flight=1)
        self.submit_limited()
        with mute_logger("odoo.sql_db"), self.assertRaises(psycopg2.IntegrityError), committed() as env:
            env["batch.limit"].browse(limit).unlink()
        self.work()


class TestChunksAtOnce(LimitCase):
    def test_jobs_wait_for_it_and_others_pass_them(self):
        self.limit(max_in_flight=1)
        first, second = self.submit_limited(), self.submit_limited()
        free = self.submit(self.creates(1), max_chunk_size=1)
        with self.open_lane("one") as one, self.open_lane("two") as two:
            claim = one.claim()
            self.assertEqual((claim.job_id, claim.share), (first, 0))
            other = two.claim()
            self.assertEqual(other.job_id, free)
            self.assertEqual(self.waiting(), {second})
            two.work_on(other)
            self.assertIsNone(two.claim())
            self.assertEqual(self.waiting(), {first, second})
            with committed(self.user_id) as env:
                text = env["batch.job"].browse(second).waiting_text
                self.assertRegex(text, f"the limit {self.name} is used up \\(1 of 1 chunks are in flight\\)")
                self.assertFalse(env["batch.job"].browse(free).waiting_text)
                # the same for machines, where an end is waited for: alone, and among all of this user that run
                self.assertEqual(env["batch.job"].browse(second).status()["waiting"], text)
                self.assertIs(env["batch.job"].browse(free).status()["waiting"], False)
                told = {status["job_id"]: status["waiting"] for status in running(env, 20)}
                self.assertEqual(told, {first: text, second: text})
                self.assertEqual(env["batch.job"].browse(second).result()["waiting"], text)
            one.work_on(claim)
            turn = one.claim()
            self.assertEqual(turn.job_id, second, "the other job has its turn")
            one.work_on(turn)
            turn = one.claim()
            self.assertEqual(turn.job_id, first)
            one.work_on(turn)
        self.work(lanes=3)
        for job in (first, second, free):
            self.check_counters(job)
        self.assertEqual(self.waiting(), set())

    def test_browsers_are_told_why_it_waits(self):
        self.use_new_user()
        self.sql("INSERT INTO mail_presence (user_id, status) VALUES (%s, 'online')", self.user_id)
        self.limit(max_in_flight=1)
        job = self.submit_limited(2)
        with self.open_lane("one") as one, self.open_lane("two") as two:
            claim = one.claim()
            self.assertIsNone(two.claim())
            with committed() as env:
                send_progress(env, job)
            shown = self.call(job, "status")
            one.work_on(claim)
        self.assertIn(self.name, shown["waiting"])
        self.work()
        self.assertIs(self.call(job, "status")["waiting"], False)
        told = [json.loads(text)["payload"] for (text,) in self.sql("SELECT message FROM bus_bus WHERE message LIKE %s ORDER BY id", f"%{BUS_TYPE}%")]
        waiting = [status["waiting"] for status in told if status["job_id"] == job]
        self.assertIn(shown["waiting"], waiting)
        self.assertIs(waiting[-1], False)

    def test_many_lanes_never_run_more(self):
        self.limit(max_in_flight=2)
        self.set_probe(self._in_flight)
        self.most = []
        ids = self.make_partners(1)
        jobs = [self.submit(*(self.probe(ids, number) for number in range(5)), max_chunk_size=1, limit=self.name) for _number in range(4)]
        self.work(lanes=5)
        for job in jobs:
            self.assertEqual(self.check_counters(job)["processed_records"], 5)
        self.assertEqual(max(self.most), 2, "as many as it allows, and no more")

    def _in_flight(self, partners, *_args):
        for _number in range(3):
            partners.env.cr.execute("SELECT pg_sleep(0.01)")
            self.most.append(self.sql("SELECT count(*) FROM batch_chunk WHERE state = 'running' AND limit_id IS NOT NULL")[0][0])

    def test_a_chunk_of_a_dead_worker_counts_until_it_is_rescued(self):
        self.limit(max_in_flight=1)
        first, second = self.submit_limited(1), self.submit_limited(1)
        with self.open_lane("one") as one, self.open_lane("two") as two:
            lost = one.claim()
            self.assertEqual(lost.job_id, first)
            for _number in range(3):
                self.assertIsNone(two.claim())
            self.sql("UPDATE batch_chunk SET claimed_at = claimed_at - interval '1 hour' WHERE id = %s RETURNING id", lost.chunk_id)
            with two.control.transaction() as env:
                self.assertEqual(rescue_orphans(env), 1)
            two.control.looked_around_at = 0.0
            claim = two.claim()
            self.assertIn(claim.job_id, (first, second))
            self.assertIsNone(one.claim())
            two.work_on(claim)
        self.work()
        for job in (first, second):
            self.assertEqual(self.check_counters(job)["processed_records"], 1)

    def test_more_room_lets_waiting_jobs_start(self):
        limit = self.limit(max_in_flight=1)
        first, second = self.submit_limited(), self.submit_limited()
        with self.open_lane("one") as one, self.open_lane("two") as two:
            claim = one.claim()
            self.assertIsNone(two.claim())
            with committed() as env:
                env["batch.limit"].browse(limit).max_in_flight = 2
            two.control.looked_around_at = 0.0
            other = two.claim()
            self.assertEqual({claim.job_id, other.job_id}, {first, second})
            one.work_on(claim)
            two.work_on(other)
        self.work(lanes=2)

    def test_a_manager_changes_it_while_lanes_are_at_it(self):
        limit = self.limit(max_in_flight=3)
        self.set_probe(self._in_flight)
        self.most = []
        ids = self.make_partners(1)
        jobs = [self.submit(*(self.probe(ids, number) for number in range(40)), max_chunk_size=1, limit=self.name) for _number in range(3)]
        lanes = threading.Thread(target=self.work, kwargs={"lanes": 5})
        lanes.start()
        saved, periods = 0, []
        while lanes.is_alive():
            begun = self._now()
            with committed() as env:
                # as Odoo calls methods for a request: again, some times, where others have written the same row
                retrying(partial(self._save, env, limit, {"max_in_flight": 2 + saved % 2, "description": f"{saved}"}), env)
            if periods:
                periods[-1].append(begun)
            periods.append([2 + saved % 2, self._now()])
            saved += 1
            time.sleep(0.1)
        lanes.join()
        self.assertGreater(saved, 2)
        with committed() as env:
            self.assertEqual(env["batch.limit"].browse(limit).description, f"{saved - 1}")
        for job in jobs:
            self.assertEqual(self.check_counters(job)["processed_records"], 40)
        self.assertLessEqual(max(self.most), 3)
        chunks = self.sql("SELECT claimed_at, finished_at FROM batch_chunk WHERE job_id = ANY(%s)", jobs)
        others = {2: [], 3: []}  # chunks in flight when one was claimed, while so many were allowed
        for allowed, since, until in periods[:-1]:
            for claimed, _finished in chunks:
                if since < claimed < until:
                    others[allowed].append(sum(begun < claimed < ended for begun, ended in chunks))
        for allowed, found in others.items():
            self.assertLessEqual(max(found), allowed - 1, "a change holds for all that is claimed after it, and lanes go on")

    def _now(self):
        return self.sql("SELECT clock_timestamp() AT TIME ZONE 'UTC'")[0][0]

    def _save(self, env, limit, values):
        env["res.users"].browse(env.uid).name  # noqa: B018 - a request asks much before it writes, and its snapshot is as old
        env.cr.execute("SELECT pg_sleep(0.02)")
        env["batch.limit"].browse(limit).write(values)
        env.flush_all()

    def test_a_job_that_waits_can_be_paused_and_cancelled(self):
        self.limit(max_in_flight=1)
        first, second = self.submit_limited(), self.submit_limited()
        with self.open_lane("one") as one, self.open_lane("two") as two:
            claim = one.claim()
            self.assertIsNone(two.claim())
            self.assertTrue(self.call(second, "status")["waiting"])
            self.assertIs(self.call(second, "pause")["waiting"], False)
            self.assertIsNone(two.claim())
            self.assertEqual(self.waiting(), {first})
            self.call(second, "resume")
            self.assertIsNone(two.claim())
            self.call(second, "cancel")
            self.assertIsNone(two.claim())
            self.assertEqual(self.job(second)["state"], "cancelled")
            one.work_on(claim)
        self.work()
        self.assertEqual(self.check_counters(first)["processed_records"], 4)

    def test_somebody_who_holds_it_stops_nobody_else(self):
        limit = self.limit(max_in_flight=1)
        job, free = self.submit_limited(1), self.submit(self.creates(1), priority=-1)
        with self.open_lane() as lane, self.registry.cursor() as cr:
            cr.execute("SELECT id FROM batch_limit WHERE id = %s FOR UPDATE", [limit])
            claim = lane.claim()
            self.assertEqual(claim.job_id, free)
            lane.work_on(claim)
            cr.rollback()
            lane.work_on(lane.claim())
        self.work()
        self.assertEqual(self.check_counters(job)["processed_records"], 1)

    def test_no_job_of_many_is_left_behind(self):
        self.limit(max_in_flight=1)
        jobs = [self.submit_limited(2) for _number in range(12)]
        with self.open_lane("one") as one, self.open_lane("two") as two:
            claim, order = one.claim(), []
            self.assertIsNone(two.claim())
            self.assertEqual(self.waiting(), set(jobs))
            while claim:
                order.append(claim.job_id)
                one.work_on(claim)
                claim = one.claim()
        self.assertEqual([order.count(job) for job in jobs], [2] * len(jobs))
        self.assertEqual(len(set(order[: len(jobs) + 1])), len(jobs), f"each has its turn before another has its second: {order}")
        self.work()


class TestNumbers(LimitCase):
    def write(self, limit, **values):
        with committed() as env:
            env["batch.limit"].browse(limit).write(values)

    def interrupt(self, job):
        """Let a lane take a chunk of the job, and be lost with it."""
        with self.open_lane() as lane:
            lost = lane.claim()
            self.assertEqual(lost.job_id, job)
            self.sql("UPDATE batch_chunk SET claimed_at = claimed_at - interval '1 hour' WHERE id = %s RETURNING id", lost.chunk_id)
            with lane.control.transaction() as env:
                self.assertEqual(rescue_orphans(env), 1)
            lane.control.looked_around_at = 0.0
            self.assertIsNone(lane.claim())
        self.assertEqual(self.waiting(), {job})

    def pause_s(self, limit):
        """Seconds for which nothing starts under the limit."""
        return self.sql("SELECT extract(epoch FROM next_at - clock_timestamp() AT TIME ZONE 'UTC')::float FROM batch_limit WHERE id = %s", limit)[0][0]

    def test_what_is_out_of_bounds_is_refused(self):
        limit = self.limit(max_records_per_second=5, max_in_flight=2)
        for name, value in (
            ("max_records_per_second", 1e10), ("max_records_per_second", 1e300), ("max_records_per_second", 0.0004),
            ("max_records_per_second", -0.0001), ("max_records_per_second", float("nan")), ("max_in_flight", 1_000_001), ("max_in_flight", -1),
        ):  # fmt: skip
            with self.subTest(name=name, value=value):
                with self.assertRaisesRegex(ValidationError, "must be from"):
                    self.write(limit, **{name: value})
                with self.assertRaises((ValidationError, psycopg2.IntegrityError)), mute_logger("odoo.sql_db"), committed() as env:
                    env["batch.limit"].create({"name": f"{name} {value}", name: value})
        self.assertEqual(self.sql("SELECT max_records_per_second::float, max_in_flight FROM batch_limit WHERE id = %s", limit), [(5, 2)])

    def test_small_ones_are_kept_in_full(self):
        limit = self.limit(max_records_per_second=0.0025)
        self.assertEqual(self.sql("SELECT max_records_per_second::float FROM batch_limit WHERE id = %s", limit), [(0.0025,)])

    def test_a_large_one_that_is_stored_already_stops_no_job(self):
        limit = self.limit(max_records_per_second=1)
        self.sql("UPDATE batch_limit SET max_records_per_second = 1e300 WHERE id = %s RETURNING id", limit)
        jobs = [self.submit_limited(3, rollback="job"), self.submit_limited(3, dry_run=True), self.submit_limited(3, max_chunk_size=2)]
        self.work()
        for job in jobs:
            self.assertEqual(self.check_counters(job)["state"], "completed")

    def test_a_change_holds_also_after_an_attempt_that_was_interrupted(self):
        limit = self.limit(max_records_per_second=0.01)
        job = self.submit_limited(1)
        self.interrupt(job)
        self.assertGreater(self.pause_s(limit), 90)
        text = self.call(job, "status")["waiting"]
        self.assertRegex(text, rf"{self.name} is used up \(nothing starts for (9[0-9]|100) s, as what was interrupted or deleted still counts\)")
        self.write(limit, max_records_per_second=0.5)
        self.assertLessEqual(self.pause_s(limit), 2)
        self.write(limit, max_records_per_second=0.25)
        self.assertLessEqual(self.pause_s(limit), 2, "a change makes no pause longer")
        self.write(limit, max_records_per_second=100)
        self.work()
        self.assertEqual(self.check_counters(job)["processed_records"], 1)

    def test_without_a_limit_of_records_nothing_pauses(self):
        limit = self.limit(max_records_per_second=0.01)
        job = self.submit_limited(1)
        self.interrupt(job)
        self.write(limit, max_records_per_second=0)
        self.assertIsNone(self.pause_s(limit))
        text = self.call(job, "status")["waiting"]
        self.assertIn("has room again", text)
        self.assertNotIn("records per second", text)
        self.work()
        self.assertEqual(self.check_counters(job)["processed_records"], 1)


class TestRecordsPerSecond(LimitCase):
    def run_and_see(self, rate, count, **options):
        """Run a job on three lanes; returns `(most records in any second, records, seconds)`."""
        self.limit(max_records_per_second=rate)
        self.watch_partners()
        jobs = [self.submit_limited(count // 2, **options) for _number in range(2)]
        started = time.monotonic()
        self.work(lanes=3)
        took_s = time.monotonic() - started
        for job in jobs:
            self.assertEqual(self.check_counters(job)["total_records"], count // 2)
        return (*self.most_seen(), took_s)

    def test_no_second_sees_more(self):
        most, seen, took_s = self.run_and_see(40, 120, max_chunk_size=50)
        self.assertEqual(seen, 120)
        self.assertLessEqual(most, 40)
        self.assertGreater(took_s, 2)

    def test_also_with_adaptive_chunks_and_single_ones(self):
        for size in (0, 1):
            with self.subTest(size):
                most, seen, _took_s = self.run_and_see(30, 60, max_chunk_size=size)
                self.assertEqual(seen, 60)
                self.assertLessEqual(most, 30)
                self.tearDownSeen()

    def tearDownSeen(self):
        self.doCleanups()
        self.setUp()

    def test_also_where_records_fail_and_the_others_run_again(self):
        self.limit(max_records_per_second=20)
        self.watch_partners()
        operation = self.creates(15)
        operation["data"][4] = {"ref": f"{self.mark}-bad", "name": False, "type": "contact"}
        job = self.submit(operation, limit=self.name, max_chunk_size=15)
        calls = []
        self.startPatcher(patch("odoo.addons.batch_executor.run.share.time.sleep", lambda s: (calls.append(s), SLEEP(s))))
        self.work()
        self.assertEqual(self.check_counters(job)["failed_records"], 1)
        self.assertTrue(calls, "a part that ran again has waited for its second")

    def test_what_has_just_run_counts_also_where_its_job_is_deleted(self):
        limit_id = self.limit(max_records_per_second=0.01)
        job, other = self.submit_limited(1), self.submit_limited(1)
        with self.open_lane() as lane:
            lane.work_on(lane.claim())
            self.assertIsNone(lane.claim())
            self.assertTrue(self.job(job)["finished_at"])
            with committed() as env:
                env["batch.job"].browse(job).unlink()
            self.look_now(lane, limit_id)
            self.assertIsNone(lane.claim())
            self.sql("UPDATE batch_limit SET next_at = next_at - interval '100 seconds' WHERE id = %s", limit_id)
            self.look_now(lane, limit_id)
            self.assertEqual(lane.claim().job_id, other)

    def test_what_has_just_run_counts_also_where_its_transaction_is_made_anew(self):
        limit_id = self.limit(max_records_per_second=0.01)
        bad = {"operation_type": "create", "model": "res.partner", "data": [{"ref": f"{self.mark}-0"}]}
        job = self.submit(bad, limit=self.name, rollback="job")
        self.work_until_it_waits(job)
        self.call(job, "retry")
        with self.open_lane() as lane:
            self.assertIsNone(lane.claim())
            self.look_now(lane, limit_id)
            self.assertIsNone(lane.claim())
        self.assertEqual(self.job(job)["finished_at"], None)

    def test_a_set_that_is_older_than_the_number_holds_a_share_of_all_of_it(self):
        limit_id = self.limit(max_in_flight=5)
        self.set_probe(lambda partners: None)
        self.submit(self.probe(self.make_partners(6), set=True), limit=self.name)
        other = self.submit_limited(1)
        with committed() as env:
            env["batch.limit"].browse(limit_id).max_records_per_second = 4
        with self.open_lane() as lane:
            claim = lane.claim()
            self.assertEqual((claim.size, claim.share), (6, 6))
            self.assertIsNone(lane.claim(), "nothing else runs beside it")
            lane.work_on(claim)
        self.work()
        self.assertEqual(self.job(other)["state"], "completed")

    def look_now(self, lane, limit_id):
        """Time has passed: the lane looks at the jobs that wait."""
        self.sql("UPDATE batch_limit SET wake_at = now() AT TIME ZONE 'UTC' WHERE id = %s", limit_id)
        lane.control.looked_around_at = 0.0

    def work_until_it_waits(self, job):
        with self.open_lane() as lane:
            while claim := lane.claim():
                lane.work_on(claim)
        self.assertTrue(self.job(job)["finished_at"])

    def test_a_job_in_one_transaction_keeps_to_it(self):
        most, seen, _took_s = self.run_and_see(40, 80, rollback="job")
        self.assertEqual(seen, 80)
        self.assertLessEqual(most, 40)


SLEEP = time.sleep
