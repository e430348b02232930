"""Finding the records of an operation: in its time, under guard, and whatever the models' code does while it searches."""

import time
from unittest.mock import patch

from odoo import api
from odoo.tools import mute_logger

from .case import PATIENCE_S
from .lane_case import LaneCase

#: Key of the context under which searching partners runs the test's own code first.
PROBED = "batch_search_probe"


class SelectionCase(LaneCase):
    def setUp(self):
        super().setUp()
        self.ids = self.make_partners(6)

    def set_search(self, function):
        """Let `function(partners)` run whenever partners are searched in an operation made by `found`."""
        model = self.registry["res.partner"]
        original = model._search

        def search(partners, *args, **kwargs):
            if partners.env.context.get(PROBED):
                function(partners)
            return original(partners, *args, **kwargs)

        self.startPatcher(patch.object(model, "_search", search))

    def found(self, **extra):
        """An update of this test's partners, found by a domain."""
        return {
            "operation_type": "update",
            "model": "res.partner",
            "domain": [["ref", "=like", f"{self.mark}%"]],
            "data": {"city": self.mark},
            "context": {PROBED: True},
            **extra,
        }

    def run_found(self, search, **options):
        """Run a job of two operations, of which one searches so; returns the job, and the seconds it took."""
        self.set_search(search)
        plain = {"operation_type": "update", "model": "res.partner", "record_ids": self.ids[:2], "data": {"color": 3}}
        job = self.submit({**self.found(), "operation_id": "found"}, {**plain, "operation_id": "plain"}, **options)
        started = time.monotonic()
        self.work()
        return self.check_counters(job), time.monotonic() - started

    def assert_only_the_search_failed(self, job, error_type):
        found, plain = self.call(job["id"], "result")["results"]
        self.assertEqual((found["state"], plain["state"]), ("failed", "completed"))
        [failure] = found["failures"]
        self.assertEqual(failure["error_type"], error_type)
        self.assertFalse(self.sql("SELECT 1 FROM res_partner WHERE city = %s", self.mark))
        return failure["error"]


class TestSelection(SelectionCase):
    def test_a_search_that_takes_too_long_is_cancelled_and_fails_as_its_operation(self):
        job, seconds = self.run_found(
            lambda partners: partners.env.cr.execute("SELECT pg_sleep(30)"), timeout=0.5, retry_attempts=1
        )
        self.assertIn("0.5 seconds", self.assert_only_the_search_failed(job, "TimeoutError"))
        self.assertLess(seconds, 15)

    def test_a_search_whose_code_takes_too_long_between_statements_fails_as_well(self):
        job, _seconds = self.run_found(lambda partners: time.sleep(0.6), timeout=0.3, retry_attempts=0)
        self.assert_only_the_search_failed(job, "TimeoutError")

    def test_a_search_that_the_database_refuses_fails_with_its_own_error(self):
        def swallowed(partners):
            try:
                partners.env.cr.execute("SELECT 1/0")
            except Exception:  # noqa: BLE001
                partners.env.cr.dbname  # noqa: B018

        for search in (lambda partners: partners.env.cr.execute("SELECT 1/0"), swallowed):
            with self.subTest(search=search):
                job, _seconds = self.run_found(search)
                self.assertIn("division by zero", self.assert_only_the_search_failed(job, "ValueError"))

    def test_a_search_can_neither_commit_nor_leave_anything_behind_when_it_fails(self):
        def commit(partners):
            partners.browse(self.ids).with_context({}).sudo().write({"city": self.mark})
            partners.env.flush_all()
            partners.env.cr.commit()

        job, _seconds = self.run_found(commit)
        self.assertIn("commit", self.assert_only_the_search_failed(job, "TransactionControlError"))

    def test_an_exit_while_searching_is_the_operations_failure(self):
        def leave(partners):
            raise SystemExit(3)

        job, _seconds = self.run_found(leave)
        self.assert_only_the_search_failed(job, "SystemExit")

    def test_a_conflict_while_searching_is_tried_again(self):
        calls = []

        def search(partners):
            calls.append(1)
            if len(calls) < 3:
                partners.env.cr.execute("DO $$ BEGIN RAISE SQLSTATE '40001'; END $$")

        job, _seconds = self.run_found(search)
        self.assertEqual(job["state"], "completed")
        self.assertGreaterEqual(len(calls), 3)

    def test_inline_all_this_holds_as_well(self):
        def leave(partners):
            raise SystemExit(3)

        for search, error_type, options in (
            (lambda partners: partners.env.cr.execute("SELECT pg_sleep(30)"), "TimeoutError", {"timeout": 0.5}),
            (lambda partners: partners.env.cr.execute("SELECT 1/0"), "ValueError", {}),
            (lambda partners: partners.env.cr.commit(), "TransactionControlError", {}),
            (leave, "SystemExit", {}),
        ):
            with self.subTest(error_type=error_type), self.registry.cursor() as cr:
                self.set_search(search)
                plain = {"operation_type": "update", "model": "res.partner", "record_ids": self.ids, "data": {"color": 3}}
                env = api.Environment(cr, self.user_id, {})
                found, other = env["batch.job"].execute([self.found(), plain], **options)["results"]
                self.assertEqual((found["state"], other["state"]), ("failed", "completed"))
                self.assertEqual(found["failures"][0]["error_type"], error_type)

    def test_the_records_that_an_operation_names_are_looked_up_under_guard_as_well(self):
        model = self.registry["res.partner"]

        def exists(partners):
            if partners.env.context.get(PROBED):
                partners.env.cr.execute("SELECT pg_sleep(30)")
            return type(partners).__mro__[1].exists(partners)

        self.startPatcher(patch.object(model, "exists", exists))
        operation = {"operation_type": "update", "model": "res.partner", "record_ids": self.ids, "data": {"color": 3}}
        started = time.monotonic()
        slow = self.submit({**operation, "context": {PROBED: True}}, timeout=0.3, retry_attempts=0)
        job = self.submit(operation)
        self.work()
        self.assertLess(time.monotonic() - started, 20)
        self.assertEqual({failure["error_type"] for failure in self.failures(slow)}, {"TimeoutError"})
        self.assertEqual(self.check_counters(job)["state"], "completed")


class TestCancel(SelectionCase):
    def test_cancelling_a_job_ends_its_search_soon(self):
        for options in ({}, {"rollback": "job"}):
            with self.subTest(**options):
                self.set_search(lambda partners: partners.env.cr.execute("SELECT pg_sleep(120)"))
                job = self.submit(self.found(), self.creates(2), max_concurrency=1, **options)
                with self.in_threads() as pool:
                    lane = pool.submit(self.work)
                    self.wait_until(self.is_searching, what="the search")
                    self.call(job, "cancel")
                    cancelled_at = time.monotonic()
                    lane.result(PATIENCE_S)
                self.assertLess(time.monotonic() - cancelled_at, PATIENCE_S / 2)  # the search takes two minutes
                done = self.job(job)
                self.assertEqual((done["state"], done["failed_records"]), ("cancelled", 0))
                self.assertFalse(self.sql("SELECT 1 FROM res_partner WHERE city = %s", self.mark))

    def test_a_search_that_swallows_its_end_is_cancelled_all_the_same(self):
        def search(partners):
            for _ in range(200):
                try:
                    with partners.env.cr.savepoint(flush=False):
                        partners.env.cr.execute("SELECT pg_sleep(1)")
                except Exception:  # noqa: BLE001
                    partners.env.cr.dbname  # noqa: B018

        self.set_search(search)
        job = self.submit(self.found())
        with self.in_threads() as pool:
            lane = pool.submit(self.work)
            self.wait_until(self.is_searching, what="the search")
            self.call(job, "cancel")
            lane.result(PATIENCE_S)
        self.assertEqual(self.job(job)["state"], "cancelled")

    def test_a_search_that_nobody_cancels_takes_its_time(self):
        job, _seconds = self.run_found(lambda partners: partners.env.cr.execute("SELECT pg_sleep(1.6)"))
        self.assertEqual(job["state"], "completed")

    def test_a_search_that_has_locked_the_job_is_not_waited_for(self):
        def search(partners):
            with mute_logger("odoo.sql_db"):
                partners.env.cr.execute("LOCK TABLE batch_job IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(1.6)")

        job, seconds = self.run_found(search)
        self.assertEqual(job["state"], "completed")
        self.assertLess(seconds, 20)

    def is_searching(self):
        return self.sql(
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND state = 'active'"
            " AND query LIKE '%%pg_sleep%%' AND pid <> pg_backend_pid()"
        )
