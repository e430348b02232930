"""What is done to all chunks of a job is done in steps, each of which costs the same."""

from functools import partial
from unittest.mock import patch

from odoo.tests import tagged

from ..run import advance, forget, reopen
from ..run.causes import cause_domain
from ..store import finish, release
from ..store.job import read_job
from ..store.planning import by_index
from ..store.release import release_step
from .backlog import TABLES, Backlog
from .plan_case import PlanCase

#: What is done in steps of many: how many at once, and how many there are.
STEPS = (
    (finish, "CANCELLED_AT_ONCE"),
    (release, "RELEASED_AT_ONCE"),
    (reopen, "LOOKED_AT_ONCE"),
    (reopen, "REOPENED_AT_ONCE"),
    (forget, "LOOKED_AT_ONCE"),
    (forget, "FORGOTTEN_AT_ONCE"),
)
STEP, TENFOLD = 1_000, 10_000


@tagged("post_install", "-at_install")
class TestPlansOfSteps(PlanCase):
    """What is done to all chunks of a job; apart from the others, as what it leaves behind is in their way."""

    large = ("batch_chunk", "batch_failure")

    def setUp(self):
        """Steps are a fifth of what they are, and so is all there is: what is in proportion stays so."""
        super().setUp()
        for module, name in STEPS:
            self.startPatcher(patch.object(module, name, getattr(module, name) // 5))

    def backlog(self):
        """A backlog that is empty yet, whose rows PostgreSQL has not counted."""
        self.sql(f"TRUNCATE {', '.join(TABLES)} CASCADE")
        return Backlog(self.cr, self.user.id, self.env.company.id, many=TENFOLD)

    def test_waiting_chunks_are_cancelled_in_steps(self):
        backlog = self.backlog()
        job = backlog._job("waiting", total_operations=1, total_records=TENFOLD + 2)
        backlog._operations(f"job.id = {job}", 1, "running", record_count=TENFOLD + 2, data_length=0)
        backlog._chunks(job, 2, "running")
        backlog._chunks(job, TENFOLD, first=2)
        self.sql("ANALYZE batch_job, batch_operation, batch_chunk")
        job = self.env["batch.job"].browse(job)
        status, plans = self.cheap(job.cancel, rows=3 * STEP, pages=60 * STEP)
        self.assertEqual((status["state"], status["completed"]), ("running", STEP))
        self.assertUses(plans, "batch_chunk_pending_idx")
        self.sql("UPDATE batch_chunk SET state = 'done', finished_at = now() WHERE job_id = %s AND state = 'running'", job.id)
        may_claim, _plans = self.cheap(
            advance.advance, self.system, job.id, rows=3 * STEP, pages=60 * STEP
        )
        self.assertFalse(may_claim)
        [(left, ready)] = self.sql(
            "SELECT count(*), job.ready FROM batch_chunk JOIN batch_job AS job ON job.id = job_id"
            " WHERE job_id = %s AND batch_chunk.state = 'pending' GROUP BY job.ready",
            job.id,
        )
        self.assertEqual((left, ready), (TENFOLD - 2 * STEP, True))
        self.assertIsNone(self.sql("SELECT finished_at FROM batch_job WHERE id = %s", job.id)[0][0])

    def test_what_waits_for_one_operation_is_let_go_on_in_steps(self):
        backlog = self.backlog()
        job = backlog._job("waiting", total_operations=2, total_records=TENFOLD + 1)
        backlog._operations(f"job.id = {job}", 2, "running", is_awaited=True, record_count=TENFOLD, data_length=0)
        backlog._chunks(job, 1, "done")
        first = f"ARRAY(SELECT id FROM batch_operation WHERE job_id = {job} AND position = 0)"
        backlog._chunks(job, TENFOLD, "blocked", on="op.position = 1", first=1, wait_ids=first)
        self.sql("UPDATE batch_operation SET record_count = 0 WHERE job_id = %s AND position = 0", job)
        self.sql("ANALYZE batch_job, batch_operation, batch_chunk")
        enough = {"rows": 6 * STEP, "pages": 60 * STEP}
        with by_index(self.cr):  # as lanes have it
            released, plans = self.cheap(advance.count, self.system, job, **enough)
            row = read_job(self.cr, job)
            self.assertEqual((released, row.releasing), (STEP, True))
            self.assertUses(plans, "batch_chunk_blocked_idx")
            steps = 0
            while row.releasing:
                released, plans = self.cheap(release_step, self.cr, row, **enough)
                self.assertLessEqual(released, STEP)
                steps += 1
        self.assertEqual(steps, TENFOLD // STEP)
        [(pending,)] = self.sql("SELECT count(*) FROM batch_chunk WHERE state = 'pending'")
        self.assertEqual(pending, TENFOLD)

    def test_a_retry_of_many_failed_and_cancelled_chunks_goes_in_steps(self):
        job = self.env["batch.job"].browse(self.backlog()._stopped())
        enough = {"rows": 6 * STEP, "pages": 60 * STEP}
        status, _plans = self.cheap(job.retry, **enough)
        self.assertEqual((status["state"], status["completed"]), ("pending", 2 * TENFOLD))
        steps, is_last = 1, False
        while not is_last:
            self.assertLess(steps, 100)
            step = partial(reopen.step, self.system, job.id)
            with by_index(self.cr):  # as lanes have it
                is_last, _plans = self.cheap(step, **enough) if steps in (5, 15) else (step(), [])
            steps += 1
        self.assertGreaterEqual(steps, 2 * TENFOLD // STEP)
        chunks = self.sql(
            "SELECT state, count(*), sum(record_count) FROM batch_chunk WHERE job_id = %s GROUP BY state ORDER BY state",
            job.id,
        )
        self.assertEqual(chunks, [("done", TENFOLD, TENFOLD // 2), ("pending", 3 * TENFOLD // 2, 3 * TENFOLD // 2)])
        [counters] = self.sql(
            "SELECT total_records, processed_records, failed_records, cancelled_records, failed_operations, reopening"
            "  FROM batch_job WHERE id = %s",
            job.id,
        )
        self.assertEqual(counters, (2 * TENFOLD, TENFOLD // 2, 0, 0, 0, False))

    def test_very_many_failures_of_a_cause_are_mended_retried_and_dismissed_in_pages(self):
        self.large = ("batch_failure",)  # there are but two chunks
        job = self.env["batch.job"].browse(self.backlog()._failed())
        self.sql("ANALYZE batch_job, batch_operation, batch_chunk, batch_failure")
        failures = self.env["batch.failure"]
        domain = cause_domain(job.id, "ValidationError", "Contacts require a name")
        [standing] = self.sql("SELECT count(*) FROM batch_failure WHERE job_id = %s AND retried_at IS NULL", job.id)[0]
        page = {"rows": 3 * standing, "pages": 40 * standing}  # to find the jobs, all are read once
        self.assertEqual(failures.dismiss_matching([("job_id", "=", job.id), ("cause", "=", "Cause 99")]), standing // 1000)
        count, plans = self.cheap(failures.retry_matching, domain, **page)
        self.assertEqual(count, standing * 9 // 10)
        self.assertEqual(job.dismissed_records, standing // 1000)
        steps, is_last = 1, False
        enough = {"rows": 12 * STEP + 2 * standing, "pages": 60 * STEP}
        while not is_last:
            self.assertLess(steps, 100)
            step = partial(reopen.step, self.system, job.id)
            with by_index(self.cr):  # as lanes have it
                is_last, plans = self.cheap(step, **enough) if steps == 2 else (step(), plans)
            if steps == 2:
                self.assertUses(plans, "batch_failure_chosen_idx")
            steps += 1
        self.assertGreaterEqual(steps, count // STEP)
        self.assertEqual(self.sql("SELECT reopening FROM batch_job WHERE id = %s", job.id), [(False,)])
        retried = "SELECT count(*) FROM batch_failure WHERE chosen IS NOT NULL AND retried_at IS NOT NULL"
        self.assertEqual(self.sql(retried), [(count,)])

    def test_values_of_a_large_job_are_dropped_in_steps(self):
        job = self.env["batch.job"].browse(self.backlog()._stopped())
        self.sql("UPDATE batch_job SET holds_values = true, finished_at = now() - interval '8 days' WHERE id = %s", job.id)
        for step in range(3):
            self.cheap(
                self.system["batch.remains"]._gc_values, rows=6 * STEP, pages=60 * STEP
            )
            gone = self.sql("SELECT count(*) FROM batch_chunk WHERE job_id = %s AND values_gone", job.id)
            self.assertEqual(gone, [((step + 1) * forget.LOOKED_AT_ONCE,)])
