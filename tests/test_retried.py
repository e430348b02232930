"""What a failure says of its record once that was run again: whether it worked, and which record it became."""

import json

from .lane_case import LaneCase


class TestRetried(LaneCase):
    def bad(self, *types):
        """A create operation with these types of contacts; `contact` is one that there is."""
        data = [{"name": f"Partner {n}", "ref": f"{self.mark}-{n}", "type": kind} for n, kind in enumerate(types)]
        return {"operation_type": "create", "model": "res.partner", "data": data}

    def mend(self, job, *indexes):
        with self.committed(self.user_id) as env:
            for failure in env["batch.failure"].search([("job_id", "=", job), ("retried_at", "=", False)]):
                if failure.index in indexes:
                    failure.values = json.dumps({**json.loads(failure.values), "type": "contact"})

    def retry(self, job):
        self.call(job, "retry")
        self.work()

    def told(self, job):
        """`(index, outcome, id)` of the history of a job, the oldest first."""
        return self.sql(
            """
            SELECT index, retry_outcome, retry_record_id
              FROM batch_failure
             WHERE job_id = %s AND retried_at IS NOT NULL
             ORDER BY id
            """,
            job,
        )

    def test_nothing_reads_values_for_a_retry_while_they_are_mended(self):
        job = self.submit(self.bad("nonsense"))
        self.work()
        free = "SELECT id FROM batch_job WHERE id = %s FOR NO KEY UPDATE SKIP LOCKED"
        self.assertEqual(self.sql(free, job), [(job,)])
        with self.committed(self.user_id) as env:
            failure = env["batch.failure"].search([("job_id", "=", job)])
            failure.values = json.dumps({**json.loads(failure.values), "type": "contact"})
            self.assertEqual(self.sql(free, job), [])
        self.retry(job)
        self.assertEqual(len(self.partners()), 1)

    def test_it_says_whether_the_retry_worked_and_names_the_record(self):
        alone, beside = self.bad("nonsense", "contact", "nonsense"), self.creates(1)
        for operations in ([alone], [alone, beside]):  # in a chunk of its own, and in one with another operation
            with self.subTest(operations=len(operations)):
                self.delete_partners()
                job = self.submit(*operations)
                self.work()
                self.assertEqual(self.told(job), [])
                self.mend(job, 2)
                self.retry(job)
                made = dict(self.partners())[2]
                self.assertEqual(self.told(job), [(0, "failed", None), (2, "succeeded", made)])
                self.mend(job, 0)
                self.retry(job)
                again = dict(self.partners())[0]
                self.assertEqual(self.told(job)[-1], (0, "succeeded", again))
                self.assertEqual(len(self.told(job)), 3, "what was told stays")
                self.check_counters(job)

    def test_an_update_names_the_record_it_was_about(self):
        [partner] = self.make_partners(1)
        fails = [True]

        def probe(partners):
            if fails:
                raise ValueError("not yet")

        self.set_probe(probe)
        job = self.submit(self.probe([partner]))
        self.work()
        fails.clear()
        self.retry(job)
        self.assertEqual(self.told(job), [(0, "succeeded", partner)])

    def test_it_says_nothing_before_the_retry_has_run_and_after_one_that_was_cancelled(self):
        job = self.submit(self.bad("nonsense"))
        self.work()
        self.call(job, "retry")
        self.assertEqual(self.told(job), [(0, None, None)])
        self.call(job, "cancel")
        self.work()
        self.assertEqual(self.told(job), [(0, None, None)])
        self.retry(job)
        self.assertEqual(self.told(job), [(0, "failed", None)])

    def test_older_failures_of_which_nothing_was_told_stay_as_they_are(self):
        for options in ({}, {"rollback": "job"}):
            with self.subTest(**options):
                job = self.submit(self.bad("nonsense"), **options)
                self.work()
                self.retry(job)
                self.sql("UPDATE batch_failure SET retry_outcome = NULL WHERE job_id = %s AND retried_at IS NOT NULL", job)
                self.mend(job, 0)
                self.retry(job)
                [made] = self.partners()
                self.assertEqual(self.told(job), [(0, None, None), (0, "succeeded", made[1])])
                self.delete_partners()

    def test_a_chunk_that_is_cut_in_two_tells_all_of_them(self):
        job = self.submit(self.bad(*["nonsense"] * 4))
        self.work()
        self.mend(job, 0, 1, 2)
        self.call(job, "retry")
        with self.open_lane() as lane:
            lane.claim()
        # its worker is gone at the last attempt: the chunk is halved
        self.sql("UPDATE batch_chunk SET attempt = 9, claimed_at = claimed_at - interval '1 hour' WHERE state = 'running'")
        with self.assertLogs("odoo.addons.batch_executor.run.rescue", "WARNING"):
            self.work()
        made = dict(self.partners())
        self.assertEqual(
            self.told(job), [*((index, "succeeded", made[index]) for index in range(3)), (3, "failed", None)]
        )

    def test_what_was_skipped_is_told_too(self):
        first = {**self.bad("nonsense"), "operation_id": "first"}
        job = self.submit(first, {**self.creates(1), "depends_on": ["first"]})
        self.work()
        self.retry(job)
        self.assertEqual([outcome for _index, outcome, _id in self.told(job)], ["failed", "skipped"])
        self.mend(job, 0)
        self.delete_partners()
        self.retry(job)
        self.assertEqual([outcome for _index, outcome, _id in self.told(job)][2:], ["succeeded", "succeeded"])

    def test_a_job_in_one_transaction_tells_of_all(self):
        operations = [self.bad("nonsense", "contact", "nonsense")]
        for options, mended in (({"rollback": "job"}, "undone"), ({"dry_run": True}, "succeeded")):
            with self.subTest(**options):
                job = self.submit(*operations, **options)
                self.work()
                self.mend(job, 0)
                self.retry(job)
                self.assertEqual(self.told(job), [(0, mended, None), (2, "failed", None)])
        self.assertEqual(self.partners(), [])
        job = self.submit(*operations, rollback="job")
        self.work()
        self.mend(job, 0, 2)
        self.retry(job)
        made = dict(self.partners())
        self.assertEqual(self.told(job), [(0, "succeeded", made[0]), (2, "succeeded", made[2])])

    def test_a_selection_in_one_transaction_tells_of_those_it_finds(self):
        ids = self.make_partners(3)
        fails = {ids[0], ids[2]}

        def probe(partners):
            if fails.intersection(partners.ids):
                raise ValueError("not yet")

        self.set_probe(probe)
        operation = {**self.probe(ids), "domain": [("id", "in", ids)]}
        del operation["record_ids"]
        job = self.submit(operation, rollback="job")
        self.work()
        fails.discard(ids[0])
        self.retry(job)
        self.assertEqual(self.told(job), [(0, "undone", None), (2, "failed", None)])
        fails.clear()
        self.retry(job)
        self.assertEqual(self.told(job)[2:], [(2, "succeeded", ids[2])])
