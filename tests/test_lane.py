"""What a lane owes to others: the rights of the moment, its place among the crons, and no wait without end."""

import time
import weakref
from contextlib import closing
from select import select
from threading import Event, Timer
from types import SimpleNamespace
from unittest.mock import patch

import psycopg2

from odoo import SUPERUSER_ID, api
from odoo.exceptions import AccessError
from odoo.modules.registry import Registry
from odoo.tests.common import get_db_name
from odoo.tools import mute_logger

from odoo.addons.batch_executor.run import control as control_module
from odoo.addons.batch_executor.run import lane as lane_module
from odoo.addons.batch_executor.run import lanes, wake
from odoo.addons.batch_executor.run.lane import Lane

from .case import PATIENCE_S
from .lane_case import LaneCase


class TestWaking(LaneCase):
    """Odoo's cron workers, told by PostgreSQL that there is something to do."""

    def notified(self, connection, within_s):
        """Whether word of this database has come: PostgreSQL delivers it a moment after the commit."""
        deadline = time.monotonic() + within_s
        while (left := deadline - time.monotonic()) > 0:
            select([connection], [], [], left)
            connection.poll()
            databases = {notice.payload for notice in connection.notifies}
            connection.notifies.clear()
            if self.registry.db_name in databases:
                return True
        return False

    def test_workers_get_ready_while_a_large_submission_is_stored_and_are_told_again_once_it_is(self):
        with closing(psycopg2.connect(dbname="postgres")) as connection:
            connection.autocommit = True
            connection.cursor().execute("LISTEN cron_trigger")
            large = wake.EARLY_FROM
            for operations, early in (
                ([self.creates(large)], True),
                ([self.creates(large // 2)] * 2, True),
                ([self.creates(1)] * large, True),
                ([self.creates(1)], False),
            ):
                with self.subTest(operations=len(operations), early=early):
                    with self.committed(self.user_id) as env:
                        env["batch.job"].submit(operations)
                        self.assertEqual(self.notified(connection, 5 if early else 0.3), early)
                    self.assertTrue(self.notified(connection, 5))
            with self.committed(self.user_id) as env:
                env["batch.job"].submit([self.creates(wake.EARLY_FROM)], draft=True)
            self.assertFalse(self.notified(connection, 0.3))
            with self.committed(self.user_id) as env, patch.object(self.registry, "ready", False):
                env["batch.job"].submit([self.creates(large)])
                self.assertFalse(self.notified(connection, 0.3), "modules are being loaded")

    def test_a_transaction_that_has_deleted_a_lane_does_not_wait_for_itself(self):
        rescued = []

        def rescue():
            rescued.extend(
                self.sql(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
                )
            )

        watchdog = Timer(10, rescue)
        with self.registry.cursor() as cr, mute_logger("odoo.sql_db"):
            env = api.Environment(cr, SUPERUSER_ID, {})
            env["ir.cron"]._batch_lanes()[0].unlink()
            watchdog.start()
            try:
                job = env["batch.job"].with_user(self.user_id).submit([self.creates(wake.EARLY_FROM)])
            finally:
                watchdog.cancel()
            self.assertEqual(job["state"], "pending")
            cr.rollback()
        self.assertFalse(rescued, "it waited until it was freed")


class TestLingering(LaneCase):
    """What is sent next is found by a lane that is still there, sooner than any worker is woken."""

    def test_a_lane_without_work_is_told_of_the_next_job(self):
        over = Event()
        lane = Lane(self.registry, "lingering", lambda: 0 if over.is_set() else PATIENCE_S, linger_s=PATIENCE_S)
        with patch.object(lane_module, "IDLE_S", PATIENCE_S), self.in_threads() as pool:
            running = pool.submit(lane.run)
            for _ in range(3):
                job = self.submit(self.creates(3))
                self.wait_until(lambda job=job: self.job(job)["finished_at"], "the end of the job", PATIENCE_S / 2)
            over.set()
            self.submit(self.creates(1))
            running.result(PATIENCE_S / 2)
        self.assertEqual(lane.control.done, 3)

    def test_what_comes_together_with_the_answer_to_a_commit_is_heard(self):
        with self.open_lane() as lane:
            lane.claim()
            cr = lane.control.cr
            cr.execute("SELECT 1")
            self.submit(self.creates(1))
            select([cr.connection], [], [], 0.5)  # PostgreSQL keeps the notification until the transaction is over
            cr.commit()
            begun = time.monotonic()
            lane.control.sleep(PATIENCE_S)
            self.assertLess(time.monotonic() - begun, PATIENCE_S / 2)

    def test_it_leaves_when_nothing_comes(self):
        self.submit(self.creates(3))
        lane = Lane(self.registry, "lingering", lambda: PATIENCE_S, linger_s=0.3)
        self.assertFalse(lane.run())
        self.assertGreaterEqual(time.monotonic() - lane.busy_at, 0.3)
        self.assertEqual(lane.control.done, 1)

    def test_it_is_no_burden_on_the_worker_where_several_follow_each_other(self):
        lingering = []

        class Recorded(Lane):
            def run(self):
                lingering.append(self.linger_s)
                return super().run()

        with patch.object(lanes, "Lane", Recorded), self.in_threads() as pool:
            for _ in range(2):
                pool.submit(self.trigger_lane).result(PATIENCE_S)
        self.assertEqual(lingering[0], lanes.LINGER_S)
        self.assertLess(lingering[1], lanes.LINGER_S)

    def trigger_lane(self):
        with self.registry.cursor() as cr:
            api.Environment(cr, SUPERUSER_ID, {})["ir.cron"]._batch_lanes()[0].method_direct_trigger()

    def test_connections_return_to_the_pool_deaf(self):
        with self.open_lane() as lane:
            control = lane.control.cr.connection
        with closing(psycopg2.connect(dbname=get_db_name())) as connection, connection.cursor() as cr:
            cr.execute("SELECT pg_notify(%s, '')", [wake.WAKE_UP])
            connection.commit()
            sender = connection.info.backend_pid
        control.poll()
        self.assertNotIn(sender, [notice.pid for notice in control.notifies])


class TestRights(LaneCase):
    def setUp(self):
        super().setUp()
        self.use_new_user()

    def run_half(self, **extra):
        job = self.submit(self.creates(20), max_chunk_size=10, **extra)
        with self.open_lane() as lane:
            lane.work_on(lane.claim())
        return job

    def assert_refused(self, job):
        self.work()
        done = self.check_counters(job)
        self.assertEqual((done["processed_records"], done["failed_records"]), (10, 10))
        [(kinds,)] = self.sql("SELECT array_agg(DISTINCT error_type) FROM batch_failure WHERE job_id = %s", job)
        self.assertEqual(kinds, [AccessError.__name__])
        self.assertEqual(len(self.partners()), 10)

    def change_user(self, **values):
        with self.committed() as env:
            env["res.users"].browse(self.user_id).write(values)

    def test_what_is_left_fails_once_the_user_is_archived(self):
        job = self.run_half()
        self.change_user(active=False)
        self.assert_refused(job)

    def test_what_is_left_fails_once_the_user_may_create_no_more(self):
        job = self.run_half()
        with self.committed() as env:
            group = env.ref("base.group_partner_manager").id
        self.change_user(group_ids=[(3, group)])
        self.assert_refused(job)

    def test_a_right_taken_in_another_process_is_gone_for_a_lane_that_is_running(self):
        job = self.submit(self.creates(20), max_chunk_size=10)
        with self.open_lane() as lane:
            lane.work_on(lane.claim())
            with self.committed() as env:
                group = env.ref("base.group_partner_manager").id
            # as another process would: this one only hears of it
            self.sql("DELETE FROM res_groups_users_rel WHERE uid = %s AND gid = %s", self.user_id, group)
            for cache in lane.registry.cache_sequences:
                self.sql(f"INSERT INTO orm_signaling_{cache} DEFAULT VALUES")
            lane.work_on(lane.claim())
        self.assert_refused(job)

    def test_a_lane_is_over_once_another_process_has_changed_the_models(self):
        job = self.submit(self.creates(20), max_chunk_size=10)
        with self.open_lane() as lane:
            lane.work_on(lane.claim())
            [(sequence,)] = self.sql("INSERT INTO orm_signaling_registry DEFAULT VALUES RETURNING id")
            # to load them would take those of this test away
            with patch.object(Registry, "new", return_value=SimpleNamespace()):
                self.assertIsNone(lane.claim())
            self.assertTrue(lane.control.is_over)
            lane.registry.registry_sequence = sequence
        self.work()
        self.assertEqual(self.job(job)["state"], "completed")

    def test_what_is_left_fails_once_a_company_was_taken_from_the_user(self):
        with self.committed() as env:
            company = env["res.company"].create({"name": f"Company {self.mark}"})
            env["res.users"].browse(self.user_id).company_ids = [(4, company.id)]
            own = env["res.users"].browse(self.user_id).company_id.id
        with self.committed(self.user_id, allowed_company_ids=[company.id, own]) as env:
            job = env["batch.job"].submit([self.creates(20)], max_chunk_size=10)["job_id"]
        with self.open_lane() as lane:
            lane.work_on(lane.claim())
        self.change_user(company_ids=[(3, company.id)])
        self.assert_refused(job)


class TestCron(LaneCase):
    def test_a_lane_counts_its_progress_before_it_runs_anything(self):
        """Odoo takes a scheduled action for broken that is killed again and again without any."""
        seen = []
        self.set_probe(
            lambda partners: seen.append(self.sql("SELECT done FROM ir_cron_progress ORDER BY id DESC LIMIT 1"))
        )
        job = self.submit(self.probe(self.make_partners(1)))
        with self.registry.cursor() as cr:
            cron = api.Environment(cr, SUPERUSER_ID, {})["ir.cron"]._batch_lanes()[0]
            cron.method_direct_trigger()
        self.assertEqual(seen, [[(1,)]])
        self.check_counters(job)

    def test_a_stalled_job_wakes_the_lanes_when_somebody_asks_for_its_status(self):
        job = self.submit(self.creates(1))
        self.sql("DELETE FROM ir_cron_trigger")
        self.sql("UPDATE batch_job SET create_date = create_date - interval '1 minute' WHERE id = %s", job)
        self.call(job, "status")
        [(woken,)] = self.sql("SELECT count(*) FROM ir_cron_trigger")
        self.assertGreater(woken, 0)
        self.call(job, "status")
        self.assertEqual(self.sql("SELECT count(*) FROM ir_cron_trigger"), [(woken,)])

    def test_a_job_that_gets_on_wakes_nobody(self):
        job = self.submit(self.creates(1))
        self.sql("DELETE FROM ir_cron_trigger")
        self.call(job, "status")
        self.assertEqual(self.sql("SELECT count(*) FROM ir_cron_trigger"), [(0,)])


class TestCounting(LaneCase):
    def progress_at(self, job):
        return self.job(job)["progress_at"]

    def test_a_job_is_counted_once_a_second_whether_something_is_settled_or_not(self):
        job = self.submit(self.creates(4), max_chunk_size=1)
        with self.open_lane() as lane:
            lane.claim()
            self.assertFalse(self.progress_at(job), "it has only just started")
            self.sql("UPDATE batch_job SET started_at = started_at - interval '1 minute' WHERE id = %s", job)
            lane.claim()
            counted = self.progress_at(job)
            self.assertTrue(counted, "for a minute nobody had counted")
            lane.claim()
            self.assertEqual(self.progress_at(job), counted, "it was done just now")


class TestEnvironments(LaneCase):
    def look(self, partners, count):
        """Ask for environments of so many contexts in turns, without keeping any: how many live on, how often one is gone."""
        references = [
            weakref.ref(partner.with_context(batch_number=number % count).env)
            for number in range(100)
            for partner in partners
        ]
        found = [reference() for reference in references]
        self.living = len({id(env) for env in found if env})
        self.forgotten = found.count(None)

    def run_probe(self, count):
        self.set_probe(self.look)
        job = self.submit(self.probe(self.make_partners(3), count))
        self.work()
        self.assertEqual(self.check_counters(job)["processed_records"], 3, self.failures(job))

    def test_what_changes_the_context_for_each_record_is_given_the_same_environment(self):
        self.run_probe(1)
        self.assertEqual(self.living, 1)
        self.assertEqual(self.forgotten, 0)

    def test_environments_are_not_kept_without_limit(self):
        self.run_probe(100)
        self.assertLess(self.living, 50)


class TestControlWaits(LaneCase):
    def test_a_lane_waits_for_nobody_who_steers_a_job_for_long(self):
        job = self.submit(self.creates(10), max_chunk_size=5)
        with patch.object(control_module, "CONTROL_TIMEOUT_S", 1), self.open_lane() as lane:
            claim = lane.claim()
            with self.registry.cursor() as cr:
                cr.execute("SELECT id FROM batch_job WHERE id = %s FOR NO KEY UPDATE", [job])
                started = time.monotonic()
                lane.work_on(claim)  # needs nothing of the job's row
                with self.assertRaises(psycopg2.errors.LockNotAvailable):
                    lane.claim()
                self.assertLess(time.monotonic() - started, 10)
        self.work()
        self.assertEqual(self.check_counters(job)["processed_records"], 10)
