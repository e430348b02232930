"""A lane outlives what is wrong around it: conflicts, clocks, disks, connections."""

import logging
import threading
from functools import partial

from odoo.service.model import retrying
from odoo.tools import mute_logger

from odoo.addons.batch_executor.run.control import stop_listening
from odoo.addons.batch_executor.run.lanes import retire_lanes, set_lane_count
from odoo.addons.batch_executor.run.settings import get_setting

from .outlives_case import OutlivesCase


class TestLimits(OutlivesCase):
    def test_failures_of_the_last_run_do_not_stop_a_retry(self):
        data = [{"ref": f"{self.mark}-{number}"} for number in range(5)]
        bad = {"operation_type": "create", "model": "res.partner", "data": data}
        job_id = self.submit(bad, max_failures=0)
        self.work()
        with self.committed(self.user_id) as env:
            failure = env["batch.failure"].search([("job_id", "=", job_id)])[2]
            failure.values = failure.values.replace('"ref"', '"name":"mended","ref"')
            failure.action_retry()
        self.work()
        job = self.check_counters(job_id)
        self.assertEqual((job["processed_records"], job["failed_records"], job["cancelled_records"]), (1, 4, 0))


class TestClock(OutlivesCase):
    def test_a_clock_that_was_set_back_leaves_no_chunk_behind(self):
        job_id = self.submit(self.creates(2))
        with self.open_lane() as lane:
            lane.claim()  # and dies
        self.sql("UPDATE batch_chunk SET claimed_at = claimed_at + interval '1 hour' WHERE job_id = %s", job_id)
        self.work()
        self.assertEqual(self.check_counters(job_id)["state"], "completed")


class TestDisk(OutlivesCase):
    def test_the_end_of_a_job_waits_for_the_disk(self):
        self.sql(f"CREATE TABLE test_seen_{self.mark} (setting text)")
        self.addCleanup(self.sql, f"DROP TABLE test_seen_{self.mark}")
        self.set_trigger(
            "batch_job",
            f"""
            IF NEW.finished_at IS NOT NULL AND OLD.finished_at IS NULL THEN
                INSERT INTO test_seen_{self.mark} VALUES (current_setting('synchronous_commit'));
            END IF;
            """,
        )
        first, second = self.submit(self.creates(5), max_chunk_size=1), self.submit(self.creates(5), max_chunk_size=1)
        self.work()
        self.assertEqual([self.job(job_id)["state"] for job_id in (first, second)], ["completed"] * 2)
        self.assertEqual(self.sql(f"SELECT setting FROM test_seen_{self.mark}"), [("on",), ("on",)])


class TestListening(OutlivesCase):
    def test_a_connection_that_listens_never_goes_back_to_the_pool(self):
        with self.registry.cursor() as cr:
            cr.execute("LISTEN batch_executor")
            cr.commit()
            cr.execute("SAVEPOINT open_one")
            stop_listening(cr)
            cr.execute("SELECT count(*) FROM pg_listening_channels()")
            self.assertEqual(cr.fetchone(), (0,))

    def test_nor_does_one_after_an_error(self):
        lane = self.lane()
        connection = None
        try:
            with lane.connected():
                connection = lane.control.cr.connection
                lane.control.cr.execute("SELECT 1 / 0", log_exceptions=False)
        except Exception:  # noqa: BLE001  # what a lane may end with
            logging.getLogger(__name__).debug("as it should")
        self.assertTrue(connection.closed or not self._listens(connection))

    def _listens(self, connection):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_listening_channels()")
            return cursor.fetchone()[0]


class TestAlone(OutlivesCase):
    def test_chunks_of_one_job_do_not_fail_each_other(self):
        [shared] = self.make_partners(1)
        ids = self.make_partners(12, city="other")
        everybody = threading.Barrier(3)

        def probe(partners):
            # each reads before any writes, as long as there are three of them: all but one lose
            partners.browse(shared).read(["comment"])
            try:
                everybody.wait(0.5)
            except threading.BrokenBarrierError:
                everybody.reset()
            partners.browse(shared).comment = str(partners.ids)
            partners.city = "done"

        self.set_probe(probe)
        job_id = self.submit(self.probe(ids), max_chunk_size=3, retry_attempts=0)
        self.work(3)
        job = self.check_counters(job_id)
        self.assertEqual((job["state"], job["processed_records"]), ("completed", 12), self.failures(job_id)[:1])
        self.assertTrue(any(chunk["runs_alone"] for chunk in self.chunks(job_id)))

    def test_nothing_starts_beside_a_chunk_that_must_run_alone(self):
        job_id = self.submit(self.creates(6), max_chunk_size=2)
        with self.open_lane("a") as one, self.open_lane("b") as other:
            first = one.claim()
            self.sql(
                "UPDATE batch_chunk SET runs_alone = true WHERE id = (SELECT max(id) FROM batch_chunk WHERE job_id = %s)",
                job_id,
            )
            self.assertIsNone(other.control.claim_with_housekeeping(), "one is in flight, and another one must run alone")
            one.work_on(first)
            lonely = one.claim()
            self.assertTrue(lonely.runs_alone)
            self.assertIsNone(other.control.claim_with_housekeeping())
            one.work_on(lonely)
        self.work()
        self.assertEqual(self.check_counters(job_id)["state"], "completed")

    def test_one_that_loses_to_others_than_its_siblings_is_given_up_at_last(self):
        [id_] = self.make_partners(1)

        def probe(partners):
            partners.read(["city"])
            self.sql("UPDATE res_partner SET city = 'theirs' WHERE id = %s", id_)
            partners.city = "ours"

        self.set_probe(probe)
        job_id = self.submit(self.probe([id_]), self.creates(1), retry_attempts=1, max_chunk_size=1)
        self.work()
        [failure] = self.failures(job_id)
        self.assertEqual((failure["error_type"], failure["attempts"]), ("ConcurrencyError", 3))


class TestLaneCount(OutlivesCase):
    def test_a_lane_that_was_running_is_put_to_sleep_later(self):
        with self.committed() as env:
            lanes = env["ir.cron"]._batch_lanes()
            count = len(lanes)
            last = lanes[-1].id
        self.addCleanup(self._set_lanes, count)
        with self.registry.cursor() as running:
            running.execute("SELECT id FROM ir_cron WHERE id = %s FOR NO KEY UPDATE", [last])
            self._set_lanes(count - 1)
            self.assertIn(last, self._active())
        with self.committed() as env:
            stay = retire_lanes(env, count - 1)
            self.assertNotIn(last, stay.ids)
        self.assertNotIn(last, self._active())

    def test_two_who_save_the_settings_at_once_both_succeed(self):
        with self.committed() as env:
            count = len(env["ir.cron"]._batch_lanes())
        self.addCleanup(self._set_lanes, count)
        self._save_settings()  # all parameters are there
        with self.settings(keep_days=30, lanes=count):
            self._save_beside_another(batch_keep_days=32, batch_lanes=count - 1)
        self.assertEqual(len(self._active()), count - 1)
        with self.settings(keep_days=30, lanes=count - 1):
            self.sql("UPDATE ir_cron SET interval_number = 60 WHERE is_batch_lane RETURNING id")
            self._save_beside_another(batch_keep_days=32, batch_lanes=count - 1)
        self.assertEqual(self.sql("SELECT count(*) FROM ir_cron WHERE is_batch_lane AND active AND interval_number = 1"), [(1,)])

    def _save_beside_another(self, **values):
        """Save settings while another one, who has begun later, has saved them already."""
        saves = []

        def save(env):
            env.cr.execute("SELECT 1")  # its snapshot is older than what the other one saves
            saves.append(env)
            if len(saves) == 1:
                self._save_settings(batch_keep_days=31)
            env["batch.settings"].create(values).action_save()

        with self.committed() as env, mute_logger("odoo.sql_db", "odoo.service.model"):
            retrying(partial(save, env), env)
        self.assertEqual(len(saves), 2, "Odoo has called again")
        with self.committed() as env:
            self.assertEqual(get_setting(env, "keep_days"), values["batch_keep_days"])

    def _save_settings(self, **values):
        with self.committed() as env:
            env["batch.settings"].create(values).action_save()

    def _set_lanes(self, count):
        with self.committed() as env:
            set_lane_count(env, count)

    def _active(self):
        with self.committed() as env:
            return env["ir.cron"]._batch_lanes().ids
