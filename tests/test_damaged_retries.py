"""A retry of a job of which some is damaged: what can be read is retried, what can't is told."""

from unittest.mock import patch

from odoo.exceptions import UserError

from odoo.addons.batch_executor.run import reopen

from .outlives_case import OutlivesCase


class TestBrokenRetries(OutlivesCase):
    logger = "odoo.addons.batch_executor.run.reopen"

    def retry(self, job_id, logged):
        """Retry a job and let it run to its end; returns its columns.

        :param int logged: how many chunks are told of as damaged
        """
        with self.assertLogs(self.logger, "ERROR") if logged else self.assertNoLogs(self.logger, "ERROR") as logs:
            self.call(job_id, "retry")
            self.work()
        if logged:
            self.assertEqual(len(logs.records), logged)
        return self.check_counters(job_id)

    def spoil_first(self, job_id, payload="{"):
        self.sql(
            "UPDATE batch_chunk SET payload = %s WHERE id = (SELECT min(id) FROM batch_chunk WHERE job_id = %s AND kind = 'records')",
            payload,
            job_id,
        )

    def test_a_cancelled_chunk_that_can_not_be_read_keeps_no_other_from_a_retry(self):
        for payload in ("{", '{"items": [1, 2], "operations": ["x", {}], "indexes": 0, "params": {}, "context": {}}'):
            with self.subTest(payload):
                operations = self.creates(4)["data"]
                job_id = self.submit(
                    *[{"operation_type": "create", "model": "res.partner", "data": [values]} for values in operations],
                    max_chunk_size=2,
                )
                self.call(job_id, "cancel")
                self.spoil_first(job_id, payload)
                for logged in (1, 0):
                    job = self.retry(job_id, logged)
                    self.assertEqual((job["state"], job["processed_records"], job["cancelled_records"]), ("partial", 2, 2))
                self.assertTrue(self.chunks(job_id)[0]["error"])
                self.delete_partners()

    def test_nor_does_one_that_has_failed(self):
        for options in ({}, {"rollback": "chunk"}):
            with self.subTest(**options):
                self.bad = True

                def probe(partners):
                    if self.bad:
                        raise UserError("bad")

                self.set_probe(probe)
                job_id = self.submit(self.probe(self.make_partners(4)), max_chunk_size=2, **options)
                self.work()
                self.spoil_first(job_id)
                self.bad = False
                for _ in range(2):
                    job = self.retry(job_id, 1)
                    self.assertEqual((job["state"], job["processed_records"], job["failed_records"]), ("partial", 2, 2))
                    self.assertEqual([failure["index"] for failure in self.failures(job_id)], [0, 1])
                with self.committed(self.user_id) as env, self.assertRaises(UserError):
                    env["batch.failure"].search([("job_id", "=", job_id)], limit=1).values = "1"
                self.delete_partners()

    def test_a_job_in_one_transaction_fails_as_a_whole_again(self):
        data = self.creates(4)["data"]
        data[0]["type"] = "nonsense"
        job_id = self.submit(
            {"operation_type": "create", "model": "res.partner", "data": data}, max_chunk_size=2, rollback="job"
        )
        self.work()
        self.spoil_first(job_id)
        for _ in range(2):
            job = self.retry(job_id, 0)
            self.assertTrue(job["error"])
            self.assertEqual(self.partners(), [])

    def spoil_a_failure(self, values, **options):
        """A job of three chunks whose retry takes three steps, and in the second one meets a failure with such values."""
        self.startPatcher(patch.object(reopen, "REOPENED_AT_ONCE", 1))
        self.bad = True

        def probe(partners):
            if self.bad and f"{self.mark}-2" in partners.mapped("ref"):
                raise UserError("bad")
            if self.bad and not options:
                raise UserError("bad")

        self.set_probe(probe)
        job_id = self.submit(self.probe(self.make_partners(6)), max_chunk_size=2, **options)
        self.work()
        self.sql('UPDATE batch_failure SET "values" = %s WHERE job_id = %s AND index = 2', values, job_id)
        self.bad = False
        return job_id

    def test_a_failure_that_can_not_be_read_keeps_no_other_from_a_retry(self):
        for values in (None, "{", "[" * 100_000):
            with self.subTest(values=values and values[:9]):
                job_id = self.spoil_a_failure(values)
                for _ in range(2):
                    job = self.retry(job_id, 1)
                    self.assertEqual((job["state"], job["processed_records"], job["failed_records"]), ("partial", 4, 2))
                    self.assertEqual([failure["index"] for failure in self.failures(job_id)], [2, 3])
                self.delete_partners()

    def test_in_a_job_in_one_transaction_its_record_runs_as_it_was_sent(self):
        for values in (None, "{", "[" * 100_000):
            with self.subTest(values=values and values[:9]):
                job_id = self.spoil_a_failure(values, rollback="job")
                job = self.retry(job_id, 0)
                self.assertEqual((job["state"], job["processed_records"]), ("completed", 6))
                self.delete_partners()
