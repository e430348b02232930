"""Steering a job: pause, resume, cancel, retry, and what becomes of its counters."""

import json

from odoo.exceptions import UserError

from odoo.addons.batch_executor.run.status import BUS_TYPE

from .lane_case import LaneCase


class TestPause(LaneCase):
    def test_a_paused_job_starts_nothing_and_goes_on_where_it_was(self):
        job = self.submit(self.creates(30), max_chunk_size=10)
        with self.open_lane() as lane:
            lane.work_on(lane.claim())
            self.assertEqual(self.call(job, "pause")["state"], "paused")
            self.assertIsNone(lane.claim())
            self.assertEqual(len(self.partners()), 10)
            self.assertIn(self.call(job, "resume")["state"], ("pending", "running"))
        self.work()
        self.assertEqual(self.check_counters(job)["state"], "completed")
        self.assertEqual(len(self.partners()), 30)

    def test_a_chunk_in_flight_finishes_while_its_job_is_paused(self):
        job = self.submit(self.creates(20), max_chunk_size=10)
        with self.open_lane() as lane:
            claim = lane.claim()
            self.call(job, "pause")
            lane.work_on(claim)
            self.assertIsNone(lane.claim())
            self.assertEqual(self.job(job)["processed_records"], 10)
            self.assertEqual(self.job(job)["state"], "paused")
        self.call(job, "resume")
        self.work()
        self.assertEqual(self.check_counters(job)["processed_records"], 20)

    def test_a_job_paused_during_its_last_chunk_finishes(self):
        job = self.submit(self.creates(5))
        with self.open_lane() as lane:
            claim = lane.claim()
            self.call(job, "pause")
            lane.work_on(claim)
        self.work()
        self.assertEqual(self.check_counters(job)["state"], "completed")
        with self.assertRaises(UserError):
            self.call(job, "resume")

    def test_pausing_and_resuming_twice_changes_nothing(self):
        job = self.submit(self.creates(5))
        for verb, state in (("pause", "paused"), ("pause", "paused"), ("resume", "pending"), ("resume", "pending")):
            self.assertEqual(self.call(job, verb)["state"], state)
        self.work()
        self.assertEqual(self.check_counters(job)["processed_records"], 5)


class TestCancel(LaneCase):
    def test_cancel_lets_the_chunk_in_flight_finish_and_starts_nothing_more(self):
        job = self.submit(self.creates(50), max_chunk_size=10)
        with self.open_lane() as lane:
            claim = lane.claim()
            self.assertEqual(self.call(job, "cancel")["stats"]["processed_records"], 0)
            lane.work_on(claim)
            self.assertIsNone(lane.claim())
        done = self.check_counters(job)
        self.assertEqual((done["state"], done["processed_records"], done["cancelled_records"]), ("cancelled", 10, 40))
        self.assertEqual(len(self.partners()), 10)

    def test_a_waiting_job_is_cancelled_at_once(self):
        job = self.submit(self.creates(5))
        self.assertEqual(self.call(job, "cancel")["state"], "cancelled")
        with self.assertRaises(UserError):
            self.call(job, "cancel")
        self.check_counters(job)

    def test_a_paused_job_can_be_cancelled(self):
        job = self.submit(self.creates(5))
        self.call(job, "pause")
        self.assertEqual(self.call(job, "cancel")["state"], "cancelled")

    def test_an_empty_draft_is_cancelled_not_completed(self):
        job = self.submit(draft=True)
        self.assertEqual(self.call(job, "cancel")["state"], "cancelled")

    def test_a_chunk_given_back_after_cancel_is_not_run_again(self):
        attempts = []

        def conflict(partners):
            attempts.append(len(partners))
            self.call(job, "cancel")
            partners.env.cr.execute("DO $$ BEGIN RAISE SQLSTATE '40001'; END $$")

        self.set_probe(conflict)
        job = self.submit(self.probe(self.make_partners(3)))
        self.work()
        done = self.check_counters(job)
        self.assertEqual((attempts, done["state"], done["cancelled_records"]), ([3], "cancelled", 3))

    def test_cancelling_a_job_in_one_transaction_undoes_it(self):
        for retry_attempts in (0, 3):
            with self.subTest(retry_attempts=retry_attempts):
                ids = self.make_partners(40)
                seen = []

                def probe(partners, seen=seen):
                    partners.write({"city": "undone"})
                    seen.extend(partners.ids)
                    if len(seen) == 20:
                        self.call(job, "cancel")  # noqa: B023  # run before the next round
                        self.sql("SELECT pg_sleep(0.6)")  # longer than the job takes to ask whether it is wanted

                self.set_probe(probe)
                job = self.submit(self.probe(ids), rollback="job", max_chunk_size=10, retry_attempts=retry_attempts)
                self.work()
                done = self.check_counters(job)
                self.assertEqual(
                    (done["state"], done["cancelled_records"], done["processed_records"]), ("cancelled", 40, 0)
                )
                self.assertFalse(self.sql("SELECT 1 FROM res_partner WHERE id = ANY(%s) AND city IS NOT NULL", ids))

    def test_what_depends_on_a_cancelled_operation_is_not_run(self):
        first = {**self.creates(20), "operation_id": "first"}
        second = {**self.probe([{"$ref": "first", "index": 0}]), "depends_on": ["first"]}
        self.set_probe(lambda partners: None)
        job = self.submit(first, second, max_chunk_size=10)
        with self.open_lane() as lane:
            lane.work_on(lane.claim())
        self.call(job, "cancel")
        self.work()
        done = self.check_counters(job)
        self.assertEqual((done["state"], done["processed_records"], done["cancelled_records"]), ("cancelled", 10, 11))


class TestMaxFailures(LaneCase):
    def test_nothing_more_starts_once_more_records_have_failed_than_allowed(self):
        data = [
            {"name": f"n{number}", "ref": f"{self.mark}-{number}", "type": "other" if number % 10 else "nonsense"}
            for number in range(100)
        ]
        job = self.submit(
            {"operation_type": "create", "model": "res.partner", "data": data}, max_chunk_size=10, max_failures=2
        )
        self.work()
        done = self.check_counters(job)
        self.assertEqual((done["state"], done["failed_records"], done["processed_records"]), ("partial", 3, 27))
        self.assertEqual(done["cancelled_records"], 70)
        self.assertIn("more than the 2 allowed", done["error"])

    def test_max_failures_zero_stops_at_the_first(self):
        data = [{"name": f"n{number}", "ref": f"{self.mark}-{number}", "type": "nonsense"} for number in range(5)]
        job = self.submit(
            {"operation_type": "create", "model": "res.partner", "data": data},
            max_chunk_size=1,
            max_concurrency=1,
            max_failures=0,
        )
        self.work()
        done = self.check_counters(job)
        self.assertEqual((done["state"], done["failed_records"], done["cancelled_records"]), ("failed", 1, 4))


class TestAllOrNothing(LaneCase):
    def test_one_failure_undoes_every_chunk_and_the_report_names_it(self):
        data = self.creates(60)["data"]
        data[45]["type"] = "nonsense"
        job = self.submit(
            {"operation_type": "create", "model": "res.partner", "data": data}, max_chunk_size=10, rollback="job"
        )
        self.work()
        done = self.check_counters(job)
        self.assertEqual((done["state"], done["processed_records"], done["failed_records"]), ("failed", 0, 60))
        self.assertIn("nonsense", done["error"])
        [failure] = self.failures(job)
        self.assertEqual((failure["index"], failure["error_type"]), (45, "ValueError"))
        self.assertEqual(self.partners(), [])

    def test_without_a_failure_everything_is_committed_at_once(self):
        seen = []
        self.set_probe(
            lambda partners: (
                seen.append(self.sql("SELECT count(*) FROM res_partner WHERE city = %s", self.mark)[0][0])
                or partners.write({"city": self.mark})
            )
        )
        job = self.submit(self.probe(self.make_partners(30)), max_chunk_size=10, rollback="job")
        self.work()
        self.assertEqual(self.check_counters(job)["state"], "completed")
        self.assertEqual(seen, [0, 0, 0])
        self.assertEqual(self.sql("SELECT count(*) FROM res_partner WHERE city = %s", self.mark)[0][0], 30)

    def test_a_conflict_runs_the_whole_job_again(self):
        calls = []

        def probe(partners):
            calls.extend(partners.ids)
            partners.write({"city": self.mark})
            if len(calls) == 20:
                partners.env.cr.execute("DO $$ BEGIN RAISE SQLSTATE '40001'; END $$")

        self.set_probe(probe)
        ids = self.make_partners(30)
        job = self.submit(self.probe(ids), max_chunk_size=10, rollback="job")
        self.work()
        self.assertEqual(self.check_counters(job)["processed_records"], 30)
        self.assertEqual(calls, ids[:20] + ids)

    def test_a_conflict_without_end_fails_the_job_and_says_so(self):
        self.set_probe(lambda partners: partners.env.cr.execute("DO $$ BEGIN RAISE SQLSTATE '40001'; END $$"))
        job = self.submit(self.probe(self.make_partners(4)), rollback="job", retry_attempts=1)
        self.work()
        done = self.check_counters(job)
        self.assertEqual((done["state"], done["failed_records"]), ("failed", 4))
        self.assertIn("conflict", done["error"])
        self.set_probe(lambda partners: None)
        self.call(job, "retry")
        self.work()
        self.assertEqual(self.check_counters(job)["state"], "completed")

    def test_progress_shows_while_it_runs(self):
        shown = []

        def probe(partners):
            shown.append(self.job(job)["processed_records"])
            self.sql("SELECT pg_sleep(0.3)")

        self.set_probe(probe)
        job = self.submit(self.probe(self.make_partners(8)), max_chunk_size=1, rollback="job")
        self.work()
        self.assertEqual(shown, sorted(shown))
        self.assertGreater(shown[-1], 2)
        self.assertEqual(self.check_counters(job)["processed_records"], 8)

    def test_what_depends_on_operations_of_the_same_transaction_runs_after_them(self):
        """Their chunks are settled, but nobody has counted them yet."""
        ids = self.make_partners(20)
        self.set_probe(lambda partners, *args: partners.write({"city": self.mark}))
        first = {**self.creates(20), "operation_id": "first"}
        found = {**self.probe(ids), "domain": [["id", "in", ids]], "operation_id": "found"}
        del found["record_ids"]
        second = {**self.probe({"$ref": "first"}), "operation_id": "second", "depends_on": ["found"]}
        third = {**self.probe(ids[:1]), "depends_on": ["second"]}
        for options in ({"rollback": "job"}, {"dry_run": True}):
            with self.subTest(**options):
                job = self.submit(third, second, found, first, max_chunk_size=5, **options)
                self.work()
                done = self.check_counters(job)
                self.assertEqual((done["state"], done["processed_records"], done["total_records"]), ("completed", 61, 61))

    def test_what_depends_on_a_failed_operation_of_the_same_transaction_does_not_run(self):
        first = {**self.creates(20), "operation_id": "first"}
        first["data"][7]["type"] = "nonsense"
        job = self.submit(first, {**self.creates(1), "depends_on": ["first"]}, max_chunk_size=5, dry_run=True)
        self.work()
        self.assertEqual(self.check_counters(job)["cancelled_records"], 1)

    def test_a_dry_run_reports_everything_and_leaves_nothing(self):
        data = self.creates(30)["data"]
        data[7]["type"] = "nonsense"
        job = self.submit(
            {"operation_type": "create", "model": "res.partner", "data": data}, max_chunk_size=10, dry_run=True
        )
        self.work()
        done = self.check_counters(job)
        self.assertEqual((done["state"], done["processed_records"], done["failed_records"]), ("partial", 29, 1))
        self.assertEqual([failure["index"] for failure in self.failures(job)], [7])
        self.assertEqual(self.partners(), [])

    def test_it_is_retried_as_a_whole_with_mended_values(self):
        data = self.creates(20)["data"]
        data[5]["type"] = "nonsense"
        job = self.submit(
            {"operation_type": "create", "model": "res.partner", "data": data}, max_chunk_size=10, rollback="job"
        )
        self.work()
        with self.committed(self.user_id) as env:
            [failure] = env["batch.failure"].search([("job_id", "=", job)])
            failure.values = json.dumps({**json.loads(failure.values), "type": "other"})
        self.call(job, "retry")
        self.work()
        self.assertEqual(self.check_counters(job)["state"], "completed")
        self.assertEqual(len(self.partners()), 20)

    def test_its_action_on_completion_leaves_the_counters_alone(self):
        with self.committed() as env:
            action = env["ir.actions.server"].create(
                {"name": "On completion", "model_id": env["ir.model"]._get_id("batch.job"), "state": "code",
                 "code": "record.message_post(body='called back')"}
            )  # fmt: skip
        job = self.submit(self.creates(4), rollback="job", on_complete=action.id)
        self.work()
        done = self.check_counters(job)
        self.assertEqual((done["state"], done["processed_records"]), ("completed", 4))
        self.assertTrue(done["called_back_at"])


class TestProgress(LaneCase):
    def test_browsers_are_sent_what_the_verb_says(self):
        self.use_new_user()
        self.sql("INSERT INTO mail_presence (user_id, status) VALUES (%s, 'online')", self.user_id)
        job = self.submit(self.creates(4), max_chunk_size=2)
        self.work()
        messages = self.sql("SELECT message FROM bus_bus WHERE message LIKE %s ORDER BY id", f"%{BUS_TYPE}%")
        sent = [json.loads(message)["payload"] for (message,) in messages]
        told = [status for status in sent if status["job_id"] == job]
        self.assertEqual(told[-1], self.call(job, "status"))

    def test_nothing_is_sent_where_nobody_looks(self):
        self.submit(self.creates(4), max_chunk_size=2)
        [(before,)] = self.sql("SELECT coalesce(max(id), 0) FROM bus_bus")
        self.work()
        self.assertFalse(self.sql("SELECT 1 FROM bus_bus WHERE id > %s AND message LIKE %s", before, f"%{BUS_TYPE}%"))
