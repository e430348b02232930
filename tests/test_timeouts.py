"""An attempt ends when its time is up, whatever it is doing."""

import threading
import time

from odoo.tools import SQL, mute_logger

from .case import PATIENCE_S
from .lane_case import LaneCase


class TestTimeout(LaneCase):
    def run_probe(self, probe, count=1, *args, **options):
        """Run a job of calls of `probe`; returns the job, and the seconds it took."""
        self.set_probe(probe)
        options = {"timeout": 0.3, "retry_attempts": 0, **options}
        job = self.submit(self.probe(self.make_partners(count), *args), **options)
        started = time.monotonic()
        self.work()
        return self.check_counters(job), time.monotonic() - started

    def assert_timed_out(self, job, count=1):
        self.assertEqual((job["state"], job["failed_records"]), ("failed", count))
        failures = self.failures(job["id"])
        self.assertEqual({failure["error_type"] for failure in failures}, {"TimeoutError"})
        self.assertIn("0.3 seconds", failures[0]["error"])

    def test_a_long_statement_is_cancelled(self):
        job, seconds = self.run_probe(lambda partners: partners.env.cr.execute("SELECT pg_sleep(30)"))
        self.assert_timed_out(job)
        self.assertLess(seconds, 5)

    def test_a_chain_of_short_statements_is_stopped(self):
        def probe(partners):
            for _ in range(1000):
                partners.env.cr.execute("SELECT pg_sleep(0.02)")

        job, seconds = self.run_probe(probe)
        self.assert_timed_out(job)
        self.assertLess(seconds, 5)

    def test_code_between_statements_is_stopped_at_its_next_statement(self):
        reached = []

        def probe(partners):
            time.sleep(0.5)
            partners.env.cr.execute("SELECT 1")
            reached.append(True)

        job, _seconds = self.run_probe(probe)
        self.assert_timed_out(job)
        self.assertEqual(reached, [])

    def test_code_that_took_too_long_without_another_statement_has_failed_as_well(self):
        job, _seconds = self.run_probe(lambda partners: time.sleep(0.5))
        self.assert_timed_out(job)

    def test_code_that_catches_what_stops_it_does_not_get_away_with_it(self):
        def probe(partners):
            partners.write({"city": "kept"})
            partners.env.flush_all()
            for _ in range(100):
                try:
                    with partners.env.cr.savepoint():
                        partners.env.cr.execute("SELECT pg_sleep(0.1)")
                except Exception:  # noqa: BLE001
                    partners.env.cr.dbname  # noqa: B018

        job, seconds = self.run_probe(probe)
        self.assert_timed_out(job)
        self.assertLess(seconds, 5)
        self.assertFalse(self.sql("SELECT 1 FROM res_partner WHERE city = 'kept' AND ref LIKE %s", f"{self.mark}%"))

    def test_waiting_for_a_lock_is_stopped(self):
        ids = self.make_partners(1)
        locked, leave = threading.Event(), threading.Event()

        def hold():
            with self.registry.cursor() as cr:
                cr.execute("SELECT id FROM res_partner WHERE id = ANY(%s) FOR UPDATE", [ids])
                locked.set()
                self.assertTrue(leave.wait(PATIENCE_S))

        with self.in_threads() as pool:
            holder = pool.submit(hold)
            self.assertTrue(locked.wait(PATIENCE_S))
            try:
                operation = {
                    "operation_type": "update",
                    "model": "res.partner",
                    "record_ids": ids,
                    "data": {"city": "x"},
                }
                job = self.submit(operation, timeout=0.3, retry_attempts=1)
                started = time.monotonic()
                self.work()
                self.assertLess(time.monotonic() - started, PATIENCE_S / 2)  # the lock is held for longer
            finally:
                leave.set()
            holder.result(PATIENCE_S)
        self.assert_timed_out(self.check_counters(job))
        self.assertEqual(self.failures(job)[0]["attempts"], 2)

    def test_a_slow_import_times_out_though_the_import_hides_it(self):
        self.set_slow_trigger(1.0)
        rows = [[f"Partner {number}", f"{self.mark}-{number}"] for number in range(2)]
        job = self.submit(
            {"operation_type": "load", "model": "res.partner", "fields": ["name", "ref"], "data": rows},
            timeout=0.3, retry_attempts=0,
        )  # fmt: skip
        self.work()
        self.assert_timed_out(self.check_counters(job), 2)

    def test_a_chunk_is_halved_until_what_fits_gets_through(self):
        self.set_slow_trigger(0.1)
        job = self.submit(self.creates(16), timeout=0.6, max_chunk_size=16)
        self.work()
        self.assertEqual(self.check_counters(job)["state"], "completed")
        self.assertEqual(len(self.partners()), 16)
        self.assertGreater(len(self.chunks(job)), 2)

    def test_a_single_record_that_does_not_fit_fails_alone_after_its_retries(self):
        data = self.creates(8)["data"]
        data[5]["ref"] = f"{self.mark}-slow"
        self.set_slow_trigger(2.0, "slow")
        job = self.submit(
            {"operation_type": "create", "model": "res.partner", "data": data}, timeout=0.4, retry_attempts=2
        )
        self.work()
        done = self.check_counters(job)
        self.assertEqual((done["state"], done["processed_records"], done["failed_records"]), ("partial", 7, 1))
        [failure] = self.failures(job)
        self.assertEqual((failure["index"], failure["error_type"], failure["attempts"]), (5, "TimeoutError", 3))

    def test_a_timeout_in_one_transaction_fails_just_that_record(self):
        data = self.creates(6)["data"]
        data[2]["ref"] = f"{self.mark}-slow"
        self.set_slow_trigger(2.0, "slow")
        job = self.submit({"operation_type": "create", "model": "res.partner", "data": data}, timeout=0.4, dry_run=True)
        self.work()
        done = self.check_counters(job)
        self.assertEqual((done["processed_records"], done["failed_records"]), (5, 1))
        self.assertEqual(
            [(failure["index"], failure["error_type"]) for failure in self.failures(job)], [(2, "TimeoutError")]
        )

    def test_nothing_is_cancelled_after_the_attempt(self):
        # attempts that end just about when their time is up: a late cancel would hit the engine's own statements
        def probe(partners, seconds):
            partners.env.cr.execute("SELECT pg_sleep(%s)", [seconds])

        self.set_probe(probe)
        [partner] = self.make_partners(1)
        jobs = [
            self.submit(self.probe([partner], 0.19 + step / 1000), timeout=0.2, retry_attempts=0) for step in range(21)
        ]
        with self.assertNoLogs("odoo.addons.batch_executor.run", "ERROR"):
            self.work()
        for job in jobs:
            done = self.check_counters(job)
            self.assertIn(done["state"], ("completed", "failed"))
            self.assertEqual([f["error_type"] for f in self.failures(job)], ["TimeoutError"] * done["failed_records"])

    def set_slow_trigger(self, seconds, suffix=""):
        """Let PostgreSQL take its time over each new partner of this test (whose `ref` ends so)."""
        name = f"slow_{self.mark}"
        with self.registry.cursor() as cr:
            cr.execute(
                SQL(
                    "CREATE FUNCTION %s() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM pg_sleep(TG_ARGV[0]::float); RETURN NEW; END$$",
                    SQL.identifier(name),
                )
            )
            cr.execute(
                SQL(
                    "CREATE TRIGGER %(name)s BEFORE INSERT ON res_partner FOR EACH ROW WHEN (NEW.ref LIKE %(like)s) EXECUTE FUNCTION %(name)s(%(seconds)s)",
                    name=SQL.identifier(name), like=f"{self.mark}%{suffix}", seconds=str(seconds),
                )
            )  # fmt: skip
        self.addCleanup(self.sql, f"DROP FUNCTION {name}() CASCADE")


class TestLockTimeout(LaneCase):
    def test_without_a_timeout_of_its_own_a_conflict_over_a_lock_is_a_conflict(self):
        self.set_probe(lambda partners: partners.env.cr.execute("DO $$ BEGIN RAISE SQLSTATE '55P03'; END $$"))
        job = self.submit(self.probe(self.make_partners(2)), retry_attempts=1)
        with mute_logger("odoo.sql_db"):
            self.work()
        done = self.check_counters(job)
        self.assertEqual({(f["error_type"], f["attempts"]) for f in self.failures(job)}, {("ConcurrencyError", 2)})
        self.assertEqual(done["failed_records"], 2)
