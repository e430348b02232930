"""What lanes do beside claims: settle, count, move jobs on, look for what is lost or due."""

from types import SimpleNamespace
from unittest.mock import patch

from ...engine.outcome import Outcome
from ...engine.payload import Payload
from ...run import advance
from ...run.rescue import rescue_orphans
from ...store import metrics, queue
from ...store.findings import fill_causes
from ...store.release import release_rounds, release_waiting
from ...store.retried import tell_failures
from ...store.shared import settle_shared
from ..backlog import MANY, WAITING
from ..explain import explained


class ProgressPlans:
    """A part of `TestPlans`."""

    def test_operations_of_one_record_are_settled_by_index(self):
        job = self.system["batch.job"].create({"name": "Singles", "user_id": self.user.id, "company_id": self.env.company.id})
        self.sql(
            """
            INSERT INTO batch_operation (job_id, position, operation_id, operation_type, model, state, record_count, data_length)
            SELECT %s, number, 'op-' || number + 1, 'create', 'res.partner', 'pending', 1, 1 FROM generate_series(0, 59) AS number
            """,
            job.id,
        )
        ids = [id_ for (id_,) in self.sql("SELECT id FROM batch_operation WHERE job_id = %s ORDER BY position", job.id)]
        outcome = Outcome(ids={position: 1000 + position for position in range(60)})
        ended, _plans = self.cheap(settle_shared, self.cr, Payload([{}] * 60, ids, [0] * 60), outcome, 1.2, pages=1000)
        self.assertEqual(ended.completed, 60)
        self.assertEqual(
            self.sql("SELECT DISTINCT state, processed_records, duration FROM batch_operation WHERE job_id = %s", job.id),
            [("completed", 1, 0.02)],
        )
        self.assertEqual(self.sql("SELECT result FROM batch_operation WHERE id = %s", ids[7]), [("[1007]",)])

    def test_chunks_are_unblocked_by_what_they_wait_for(self):
        [(operation,)] = self.sql(
            """
            UPDATE batch_operation SET state = 'completed', finished_at = now()
             WHERE job_id = %s AND position = 5
            RETURNING id
            """,
            self.backlog.blocked,
        )
        freed, plans = self.cheap(release_waiting, self.cr, self.backlog.blocked, [operation])
        self.assertEqual(freed, 1)
        self.assertUses(plans, "batch_chunk_blocked_idx")
        self.assertEqual(
            self.sql("SELECT wait_ids FROM batch_chunk WHERE job_id = %s AND state = 'pending'", self.backlog.blocked),
            [([operation],)],
        )

    def test_the_next_round_of_an_operation_is_found_among_all_that_wait(self):
        [(operation, count)] = self.sql(
            """
            WITH ordered AS (
                UPDATE batch_chunk
                   SET operation_id = (SELECT min(id) FROM batch_operation WHERE job_id = %s),  -- once, not for each chunk
                       wait_ids = NULL,
                       round_no = id
                 WHERE id IN (SELECT id FROM batch_chunk WHERE job_id = %s AND state = 'blocked' ORDER BY id LIMIT 500)
                RETURNING operation_id
            )
            SELECT min(operation_id), count(*) FROM ordered
            """,
            self.backlog.blocked,
            self.backlog.blocked,
        )
        self.assertEqual(count, 500)
        freed, plans = self.cheap(release_rounds, self.cr, self.backlog.blocked, {operation})
        self.assertEqual(freed, 1)
        self.assertUses(plans, "batch_chunk_round_idx")

    def test_abandoned_chunks_are_found_among_those_that_run(self):
        self.sql(
            "UPDATE batch_chunk SET claimed_at = claimed_at - interval '2 hours' WHERE state = 'running' AND job_id = %s",
            self.backlog.grouped,
        )
        running = self.sql("SELECT count(*) FROM batch_chunk WHERE state = 'running'")
        with self.assertLogs("odoo.addons.batch_executor.run.rescue", "WARNING"):
            found, plans = self.cheap(rescue_orphans, self.system)
        # those of the other jobs were claimed in an hour from now: the clock has been set back since
        self.assertEqual([(found,)], running)
        self.assertUses(plans, "batch_chunk_running_idx")

    def test_settled_chunks_are_counted_by_what_is_new(self):
        [(settled,)] = self.sql(
            """
            WITH settled AS (
                UPDATE batch_chunk SET state = 'done', finished_at = now(), processed_records = 1
                 WHERE job_id = %s AND state = 'running'
                RETURNING id
            ) SELECT count(*) FROM settled
            """,
            self.backlog.waiting,
        )
        job = self.job("waiting")
        _none, plans = self.cheap(advance.count, self.system, job.id)
        job.invalidate_recordset()
        self.assertUses(plans, "batch_chunk_tally_idx")
        self.assertEqual(job.processed_records, settled)

    def test_jobs_are_parked_woken_and_looked_for(self):
        job = self.job("postponed")
        self.cheap(queue.park, self.cr, job.id)
        job.invalidate_recordset()
        self.assertFalse(job.ready)
        self.cheap(queue.wake, self.cr, job.id)
        job.invalidate_recordset()
        self.assertTrue(job.ready)
        self.sql("UPDATE batch_job SET ready = false, wake_at = now() - interval '1 minute' WHERE id = %s", job.id)
        self.cheap(queue.promote, self.cr)
        job.invalidate_recordset()
        self.assertTrue(job.ready)
        self.cheap(queue.seconds_until_work, self.cr)

    def test_a_retry_tells_the_failures_of_its_records_among_many_others(self):
        [(operation,)] = self.sql(
            "SELECT max(operation_id) FROM batch_failure WHERE job_id = %s AND retried_at IS NOT NULL", self.backlog.failed
        )
        payload = Payload([{}, {}], [operation] * 2, [2, MANY // 2], is_retry=True)
        claim = SimpleNamespace(operation_id=operation, operation_type="create", kind="records", is_atomic=False, is_dry_run=False)
        _none, plans = self.cheap(tell_failures, self.cr, claim, payload, Outcome(ids={0: 7, 1: 8}))
        self.assertUses(plans, "batch_failure_runs_again_idx")
        told = "SELECT index, retry_record_id FROM batch_failure WHERE retry_outcome = 'succeeded' ORDER BY index"
        self.assertEqual(self.sql(told), [(2, 7), (MANY // 2, 8)])

    def test_the_time_of_the_next_attempt_to_tell_is_found_by_index(self):
        self.sql("UPDATE batch_job SET tell_at = now() WHERE id = %s", self.backlog.failed)
        _wait, plans = self.cheap(queue.seconds_until_work, self.cr)
        self.assertUses(plans, "batch_job_tell_idx")

    def test_causes_are_filled_once(self):
        _none, plans = self.cheap(fill_causes, self.cr)
        self.assertUses(plans, "batch_failure_no_cause_idx")
        [(failure,)] = self.sql("UPDATE batch_failure SET cause = NULL WHERE id = (SELECT max(id) FROM batch_failure) RETURNING id")
        self.cheap(fill_causes, self.cr)
        self.assertEqual(self.sql("SELECT cause FROM batch_failure WHERE id = %s", failure), [("Contacts require a name",)])

    def test_metrics_read_unfinished_jobs_and_running_chunks(self):
        found, plans = self.cheap(metrics.unfinished_jobs, self.cr)
        self.assertGreaterEqual(sum(row["records"] for row in found if row["state"] == "running"), WAITING)
        self.assertUses(plans, "batch_job_unfinished_idx")
        (running, _seconds), plans = self.cheap(metrics.running_chunks, self.cr)
        self.assertGreater(running, 0)
        self.assertUses(plans, "batch_chunk_running_idx")

    def test_a_lane_counts_into_its_own_row(self):
        self.sql("TRUNCATE batch_metric")
        self.sql("INSERT INTO batch_metric (lane, counts) SELECT number, '{\"warnings\": 1}' FROM generate_series(1, 900) AS number")
        self.sql("INSERT INTO batch_metric (counts) SELECT '{\"warnings\": 1}' FROM generate_series(1, %s)", 2 * metrics.TAKEN_AT_ONCE)
        self.sql("ANALYZE batch_metric")
        self.sql("SET LOCAL enable_seqscan TO off")  # as on the connection of a lane
        with patch.dict(vars(self.cr), batch_executor_lane=7):
            with explained(self.cr) as plans:
                metrics.count_up(self.cr, {"warnings": 1})
            self.assertLessEqual(sum(plan.rows_read for plan in plans), 5)
            with explained(self.cr) as plans:
                metrics.settle_up(self.cr)
            self.assertUses(plans, "batch_metric_lane_uniq")
            self.assertLessEqual(sum(plan.rows_read for plan in plans), 10 * metrics.TAKEN_AT_ONCE)
        self.assertEqual(self.sql("SELECT counts FROM batch_metric WHERE lane = 7"), [({"warnings": 2 + metrics.TAKEN_AT_ONCE},)])
        self.assertEqual(metrics.totals(self.cr), {"warnings": 901 + 2 * metrics.TAKEN_AT_ONCE})
