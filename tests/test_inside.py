"""A job that is changed by what it runs itself: refused at once, whatever the job, and nobody waits for it."""

import time
from unittest.mock import patch

from odoo.exceptions import UserError

from ..run import control
from .case import PATIENCE_S
from .lane_case import LaneCase

VERBS = ("cancel", "pause", "resume", "run_now", "retry", "start", "action_cancel")
#: Seconds that a job of a few records may take; to wait for a row of its own takes a minute.
AT_ONCE_S = PATIENCE_S / 2


class TestInside(LaneCase):
    def run_inside(self, work, **options):
        """Run a job of two records whose code does something to its job; returns the job, and the texts of its failures."""
        job, ids = {}, self.make_partners(2)
        self.set_probe(lambda partners: work(partners.env["batch.job"].browse(job["id"])) and None)
        job["id"] = self.submit(self.probe(ids), draft=True, **options)
        self.call(job["id"], "start")
        started = time.monotonic()
        with patch.object(control, "CONTROL_TIMEOUT_S", PATIENCE_S):
            self.work()
        self.assertLess(time.monotonic() - started, AT_ONCE_S)
        return self.check_counters(job["id"]), [failure["error"] for failure in self.failures(job["id"])]

    def test_it_is_refused_at_once(self):
        for options in ({}, {"max_concurrency": 1}, {"rollback": "job"}, {"dry_run": True}):
            for verb in VERBS:
                with self.subTest(verb=verb, **options):
                    job, errors = self.run_inside(lambda job, verb=verb: getattr(job, verb)(), **options)
                    self.assertEqual((job["state"], job["failed_records"]), ("failed", 2))
                    for error in errors:
                        self.assertIn("from inside", error)

    def test_a_name_is_no_exception(self):
        for options in ({}, {"rollback": "job"}):
            for values in ({"name": "Renamed"}, {"priority": 5}):
                job, errors = self.run_inside(lambda job, values=values: job.write(values), **options)
                self.assertEqual(job["state"], "failed")
                self.assertIn("from inside", errors[0])

    def test_nor_are_the_values_of_its_failures(self):
        def work(job):
            failed = job.env["batch.failure"].search([("job_id", "=", job.id)])
            if not failed:
                raise UserError("the first one fails")
            failed.write({"values": "7"})

        job, errors = self.run_inside(work, max_chunk_size=1, max_concurrency=1)
        self.assertEqual((job["state"], job["failed_records"]), ("failed", 2))
        self.assertIn("from inside", errors[1])

    def test_what_only_reads_works(self):
        for options in ({}, {"rollback": "job"}):
            job, errors = self.run_inside(lambda job: (job.status(), job.result(), job.failures()), **options)
            self.assertEqual((job["state"], errors), ("completed", []))

    def test_other_jobs_may_be_steered(self):
        other = self.submit(self.creates(1), draft=True)
        job, errors = self.run_inside(lambda job: job.browse(other).cancel())
        self.assertEqual((job["state"], errors), ("completed", []))
        self.assertEqual(self.job(other)["state"], "cancelled")

    def test_a_job_may_be_steered_from_outside_afterwards(self):
        job, _errors = self.run_inside(lambda job: job.cancel())
        self.set_probe(lambda partners: None)
        self.call(job["id"], "retry")
        self.work()
        self.assertEqual(self.check_counters(job["id"])["state"], "completed")


class TestDriver(LaneCase):
    """A job in one transaction has one chunk that drives it, however it came to be."""

    def drivers(self, job):
        return self.sql("SELECT count(*) FROM batch_chunk WHERE job_id = %s AND kind = 'atomic'", job)

    def test_there_is_one_however_often_is_appended(self):
        for options in ({"rollback": "job"}, {"dry_run": True}):
            for bad in (False, True):
                with self.subTest(bad=bad, **options):
                    job = self.submit(draft=True, **options)
                    for _ in range(3):
                        self.call(job, "append", [])
                    second = self.creates(2)
                    for number, values in enumerate(second["data"], 10):
                        values["ref"] = f"{self.mark}-{number}"
                    if bad:
                        second["data"][0]["type"] = "nonsense"
                    self.call(job, "append", [self.creates(2)])
                    self.call(job, "append", [second])
                    self.assertEqual(self.drivers(job), [(1,)])
                    self.call(job, "start")
                    self.work()
                    done = self.check_counters(job)
                    self.assertEqual(self.drivers(job), [(1,)])
                    self.assertEqual((done["total_records"], done["completed_operations"]), (4, 2 if not bad else 1 if "dry_run" in options else 0))

    def test_there_is_one_however_many_append_at_once(self):
        job = self.submit(draft=True, rollback="job")
        with self.in_threads(4) as pool:
            runs = [pool.submit(self.call, job, "append", [self.creates(1)]) for _ in range(4)]
            for run in runs:
                run.result()
        self.assertEqual(self.drivers(job), [(1,)])
        self.call(job, "start")
        self.work()
        self.assertEqual(self.check_counters(job)["processed_records"], 4)

    def test_an_empty_draft_comes_to_its_end(self):
        job = self.submit(draft=True, rollback="job")
        self.call(job, "start")
        self.work()
        self.assertEqual(self.check_counters(job)["state"], "completed")

    def test_counters_are_those_of_the_chunks_whatever_the_end(self):
        def lose_connection(partners):
            partners.env.cr.execute("SELECT pg_terminate_backend(pg_backend_pid())")

        self.set_probe(lose_connection)
        for draft in (False, True):
            with self.subTest(draft=draft):
                operations = (self.creates(1), self.probe(self.make_partners(1)))
                job = self.submit(*operations, draft=draft, rollback="job", retry_attempts=0)
                if draft:
                    self.call(job, "append", [])
                    self.call(job, "start")
                self.lane().run()  # ends with its connection
                self.work()
                done = self.check_counters(job)
                self.assertEqual((done["state"], done["failed_records"], done["total_records"]), ("failed", 2, 2))
                for _ in range(2):
                    self.call(job, "retry")
                    self.lane().run()
                    self.work()
                    self.assertEqual(self.check_counters(job)["failed_records"], 2)
        self.set_probe(lambda partners: None)
        self.call(job, "retry")
        self.work()
        self.assertEqual(self.check_counters(job)["processed_records"], 2)
