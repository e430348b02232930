"""What lanes' statements cost while PostgreSQL has old statistics, or none."""

import itertools

from odoo.tests import tagged

from ..run import advance
from ..run.rescue import rescue_orphans
from ..store import queue
from ..store.finish import unfinished
from .backlog import TABLES, Backlog
from .plan_case import UNSEEN, PlanCase


@tagged("post_install", "-at_install")
class TestPlansWithoutStatistics(PlanCase):
    """A large job is claimed from at once, long before PostgreSQL has looked at what there is now."""

    large = ("batch_chunk",)

    def large_job(self, state):
        """A job of ten thousand chunks that are done and as many that wait; statistics are from when it had but four."""
        self.sql(f"TRUNCATE {', '.join(TABLES)} CASCADE")
        backlog = Backlog(self.cr, self.user.id, self.env.company.id)
        job = backlog._job("large", total_operations=1)
        backlog._operations(f"job.id = {job}", 1, "running")
        backlog._chunks(job, 4, state, tallied="true")
        self.sql("ANALYZE batch_job, batch_operation, batch_chunk")
        backlog._chunks(job, UNSEEN, "done", tallied="true")
        backlog._chunks(job, UNSEEN, first=UNSEEN)
        self.sql("DELETE FROM batch_chunk WHERE tallied AND state <> 'done'")
        backlog._chunks(job, 2, "running")
        return self.system["batch.job"].browse(job)

    def test_what_lanes_ask_with_statistics_of_a_day_when_all_there_was_ran_or_waited(self):
        for state, mode in itertools.product(("running", "pending", "done"), ("custom", "generic")):
            with self.subTest(statistics=state, plans=mode), self.cr.savepoint(flush=False) as savepoint:
                vars(self.cr).pop("batch_executor_prepared", None)  # to be planned anew
                self.sql(f"SET LOCAL plan_cache_mode = force_{mode}_plan")
                job = self.large_job(state)
                for claiming in (self.claim, self.claim, self.claim_fast):
                    claim, _plans = self.cheap(claiming)
                    self.assertEqual(claim.job_id, job.id)
                self.sql(
                    "UPDATE batch_chunk SET state = 'done', finished_at = now() WHERE id = %s RETURNING id",
                    claim.chunk_id,
                )
                self.cheap(advance.count, self.system, job.id)
                self.cheap(unfinished, self.cr, job.id)
                self.cheap(queue.park, self.cr, job.id)
                self.cheap(queue.seconds_until_work, self.cr)
                self.cheap(rescue_orphans, self.system)
                savepoint.rollback()
            self.system.invalidate_all()

    def test_claims_planned_while_there_was_nothing(self):
        self.sql(f"TRUNCATE {', '.join(TABLES)} CASCADE")
        self.sql("SET LOCAL plan_cache_mode = force_generic_plan")
        backlog = Backlog(self.cr, self.user.id, self.env.company.id)
        small = backlog._job("small", total_operations=1)
        backlog._operations(f"job.id = {small}", 1)
        backlog._chunks(small, 5)
        self.sql("UPDATE batch_job SET progress_at = now() + interval '1 day'")  # counted, however slow the machine is
        for claiming in (self.claim, self.claim_fast):
            self.assertEqual(claiming().job_id, small)
        self.sql("UPDATE batch_chunk SET state = 'done', finished_at = now(), tallied = true")
        self.sql("UPDATE batch_job SET ready = false")
        large = backlog._job("large", total_operations=1)
        backlog._operations(f"job.id = {large}", 1)
        backlog._chunks(large, UNSEEN, "done", tallied="true")
        backlog._chunks(large, UNSEEN, first=UNSEEN)
        self.sql("UPDATE batch_job SET progress_at = now() + interval '1 day' WHERE id = %s", large)  # counted
        for claiming in (self.claim, self.claim_fast):
            claim, plans = self.cheap(claiming)
            self.assertEqual(claim.job_id, large)
            self.assertUses(plans, "batch_chunk_pending_idx")
