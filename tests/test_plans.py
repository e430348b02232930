"""What the engine's statements cost beside a million waiting chunks: judged by their plans, not by time.

Each is explained as it is executed, so that no test can fall behind the code.
"""

import itertools
from contextlib import suppress
from functools import partial
from types import SimpleNamespace
from unittest.mock import patch

from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tests.common import TransactionCase, new_test_user

from ..engine.change import CREATE, UPDATE
from ..engine.outcome import Outcome
from ..engine.payload import Payload
from ..models.batch_failure import COUNTED_AT_MOST
from ..models.batch_job_views import LOOKED_AT, LOOKED_AT_LIVE, SHOWN
from ..models.batch_overview import TIMELINE_CHUNKS
from ..run import advance, forget, reopen
from ..run.causes import cause_domain
from ..run.claiming import claim_with_housekeeping
from ..run.limited import let_next
from ..run.overview import FAILURES_COUNTED, MOST_HISTORIES
from ..run.rescue import rescue_orphans
from ..run.signals import Signals
from ..store import finish, metrics, outcomes, purge, queue, release, told, webhook
from ..store import overview as overview_store
from ..store.apply import planned_changes, planned_values, was_stopped
from ..store.changes import changes_after, changes_at, changes_by_id
from ..store.chosen import failures_at, failures_page
from ..store.claim import claim_fast
from ..store.findings import fill_causes
from ..store.finish import unfinished
from ..store.forget import jobs_with_old_changes
from ..store.job import read_job
from ..store.planning import by_index
from ..store.references import produced
from ..store.release import release_rounds, release_step, release_waiting
from ..store.results import made_ids
from ..store.retried import tell_failures
from ..store.settle import take_awaiting_driver
from ..store.shared import settle_shared
from ..store.summary import CAUSES_FOUND, CAUSES_SHOWN, COUNTED_TO_RANK
from ..store.undo import PAGE as UNDO_PAGE
from ..store.undo import changes_of, created_by_job, is_free_of_order, newest_changes, store_undo
from ..store.watch import figures_of
from .backlog import HISTORY, MANY, TABLES, WAITING, Backlog
from .explain import explained

#: Rows a statement may look at, and pages it may touch, however much waits: there are a hundred jobs in the queue, and
#: a dozen indexes, four pages deep, to be written.
ROWS = 250
PAGES = 200


#: Chunks of each kind that are there before PostgreSQL has counted them.
UNSEEN = 10_000
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


class PlanCase(TransactionCase):
    #: Tables that must not be read from end to end.
    large = TABLES
    #: Tables whose statements are looked at.
    looked_at = TABLES

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.user = new_test_user(
            cls.env, "batch-plans", "base.group_user,base.group_partner_manager,batch_executor.group_batch_user"
        )
        cls.system = cls.env
        cls.env = cls.env(user=cls.user)

    def sql(self, query, *params):
        self.cr.execute(query, params)
        return self.cr.fetchall() if self.cr.description else []

    def claim(self):
        return claim_with_housekeeping(self.system, "test", Signals(self.env.registry), {})

    def claim_fast(self):
        signals = Signals(self.env.registry)
        return claim_fast(self.cr, "test", signals.query, signals.known)

    def cheap(self, function, *args, rows=ROWS, pages=PAGES, **kwargs):
        """Call it; the test fails if one of its statements costs more than it may. Returns what it returned, and the plans."""
        self.system.flush_all()
        with explained(self.cr) as plans:
            result = function(*args, **kwargs)
        plans = [plan for plan in plans if plan.tables.intersection(self.looked_at)]
        self.assertTrue(plans, "nothing was executed on our tables")
        for plan in plans:
            self.assertFalse(plan.scanned_through.intersection(self.large), f"a whole table is read:\n{plan}")
            self.assertLessEqual(plan.rows_read, rows, f"too many rows:\n{plan}")
            self.assertLessEqual(plan.buffers, pages, f"too many pages:\n{plan}")
        return result, plans

    def assertUses(self, plans, index):
        self.assertIn(index, set().union(*(plan.indexes for plan in plans)))


@tagged("post_install", "-at_install")
class TestPlans(PlanCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.backlog = Backlog(cls.cr, cls.user.id, cls.env.company.id).fill()

    def job(self, name):
        """A job of the backlog, as the lanes see it."""
        return self.system["batch.job"].browse(getattr(self.backlog, name))

    def of_user(self, name):
        return self.job(name).with_env(self.env)

    def put_first(self, name):
        """Make it the job whose turn it is."""
        self.sql("UPDATE batch_job SET priority = 0 WHERE priority = 10")
        self.sql("UPDATE batch_job SET priority = 10, ready = true WHERE id = %s", getattr(self.backlog, name))

    # -- the metrics -------------------------------------------------------------------------------

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

    # -- the measure itself ------------------------------------------------------------------------

    def test_the_backlog_is_what_it_says_and_the_measure_finds_what_is_dear(self):
        [(chunks,)] = self.sql(
            "SELECT count(*) FROM batch_chunk WHERE job_id = %s AND state = 'pending'", self.backlog.waiting
        )
        self.assertEqual(chunks, WAITING)
        for dear in (
            "SELECT count(*) FROM batch_chunk WHERE payload LIKE 'x%'",
            f"SELECT id FROM batch_chunk WHERE job_id = {self.backlog.grouped} AND state = 'pending' AND record_count = 7"
            " ORDER BY sequence, id",
        ):
            with self.assertRaises(AssertionError):
                self.cheap(self.cr.execute, dear)

    # -- lanes -------------------------------------------------------------------------------------

    def test_a_claim_in_the_job_with_a_million_waiting_chunks(self):
        self.put_first("waiting")
        claim, plans = self.cheap(self.claim)
        self.assertEqual(claim.job_id, self.backlog.waiting)
        self.assertUses(plans, "batch_job_ready_idx")
        self.assertUses(plans, "batch_chunk_pending_idx")
        self.assertUses(plans, "batch_chunk_running_idx")

    def test_a_fast_claim(self):
        for name, mode in itertools.product(("waiting", "small", "grouped"), ("custom", "generic")):
            with self.subTest(job=name, plans=mode):
                vars(self.cr).pop("batch_executor_prepared", None)  # to be planned anew
                self.sql(f"SET LOCAL plan_cache_mode = force_{mode}_plan")
                self.put_first(name)
                self.sql("UPDATE batch_job SET progress_at = now() + interval '1 day' WHERE priority = 10")  # counted
                claim, plans = self.cheap(self.claim_fast, rows=1100 if name == "grouped" else ROWS)
                if name == "grouped":
                    self.assertIsNone(claim, "all of its chunks are of one group")
                else:
                    self.assertEqual(claim.job_id, getattr(self.backlog, name))
                self.assertUses(plans, "batch_job_ready_idx")
                self.assertUses(plans, "batch_chunk_pending_idx")

    def test_a_claim_that_cuts_its_chunk_to_size(self):
        self.put_first("waiting")
        self.sql("DELETE FROM batch_sizing")  # what other tests have taught
        self.sql("UPDATE batch_job SET max_chunk_size = 0 WHERE id = %s", self.backlog.waiting)
        [(operation,)] = self.sql("SELECT id FROM batch_operation WHERE job_id = %s", self.backlog.waiting)
        self.sql(
            """
            UPDATE batch_chunk SET payload = %s, record_count = 500
             WHERE id = (SELECT id FROM batch_chunk WHERE job_id = %s AND state = 'pending' ORDER BY sequence, id LIMIT 1)
            """,
            Payload([{}] * 500, [operation] * 500, list(range(500))).encode(), self.backlog.waiting,
        )  # fmt: skip
        claim, plans = self.cheap(self.claim)
        self.assertEqual(claim.size, 100)
        self.assertUses(plans, "batch_chunk_pending_idx")

    def limit_waiting(self, **values):
        """Let the job of a million chunks have a limit, as some others that wait for it; returns its id."""
        limit = self.system["batch.limit"].create({"name": "Plans", **values})
        self.system.flush_all()
        self.sql("UPDATE batch_job SET limit_id = %s WHERE id = %s", limit.id, self.backlog.waiting)
        self.sql(
            """
            UPDATE batch_chunk
               SET limit_id = %s, limit_share = 1, finished_at = now() - interval '1 hour'
             WHERE id IN (SELECT id FROM batch_chunk WHERE state = 'done' ORDER BY id LIMIT 20000)
            """,
            limit.id,
        )
        self.sql(
            """
            INSERT INTO batch_job (name, uuid, state, user_id, company_id, rollback, priority, queue_position, ready, limit_id, waits_for_limit)
            SELECT 'Waits', gen_random_uuid()::text, 'pending', %s, %s, 'record', 0, number, false, %s, true FROM generate_series(1, 500) AS number
            """,
            self.user.id, self.env.company.id, limit.id,
        )  # fmt: skip
        self.sql("ANALYZE batch_job, batch_chunk")
        self.sql("SET LOCAL enable_seqscan TO off")  # as on the connection of a lane
        self.sql("SET LOCAL enable_bitmapscan TO off")
        return limit.id

    def test_claims_under_a_limit(self):
        limit = self.limit_waiting(max_in_flight=1, max_records_per_second=400)
        for mode in ("custom", "generic"):
            vars(self.cr).pop("batch_executor_prepared", None)  # to be planned anew
            self.sql(f"SET LOCAL plan_cache_mode = force_{mode}_plan")
            self.put_first("waiting")
            claim, _plans = self.cheap(self.claim_fast)
            self.assertIsNone(claim, "it is left to a claim that looks at its limit")
            # `move_back` counts the jobs of the user that wait
            claim, plans = self.cheap(self.claim, rows=1000)
            self.assertEqual((claim.job_id, claim.limit_id), (self.backlog.waiting, limit))
            self.assertUses(plans, "batch_chunk_limit_running_idx")
            self.assertUses(plans, "batch_chunk_limit_ended_idx")
            self.assertUses(plans, "batch_job_limited_idx")
            self.put_first("waiting")
            self.sql("UPDATE batch_job SET ready = false WHERE ready AND priority < 10")
            other, _plans = self.cheap(self.claim)
            self.assertIsNone(other)
            self.assertTrue(self.job("waiting").waits_for_limit)
            self.cheap(let_next, self.system, limit)
            self.cheap(queue.seconds_until_work, self.cr)
            self.cheap(overview_store.has_work, self.cr)
            self.sql("UPDATE batch_chunk SET state = 'pending', limit_id = NULL WHERE id = %s", claim.chunk_id)

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

    def test_a_claim_planned_for_any_job(self):
        """Prepared statements are planned without knowing the job, once they have been used a few times."""
        self.sql("SET LOCAL plan_cache_mode = force_generic_plan")
        for name in ("waiting", "small", "postponed"):
            self.put_first(name)
            claim, _plans = self.cheap(self.claim)
            self.assertEqual(claim.job_id, getattr(self.backlog, name))
            self.sql("UPDATE batch_job SET ready = false WHERE id = %s", claim.job_id)

    def test_a_claim_in_strict_order_looks_for_a_chunk_that_waits(self):
        for name, mode in itertools.product(("waiting", "blocked"), ("custom", "generic")):
            with self.subTest(job=name, plans=mode):
                vars(self.cr).pop("batch_executor_prepared", None)  # to be planned anew
                self.sql(f"SET LOCAL plan_cache_mode = force_{mode}_plan")
                self.put_first(name)
                self.sql(
                    "UPDATE batch_job SET progress_at = now() + interval '1 day', max_concurrency = 1 WHERE priority = 10"
                )
                claim, plans = self.cheap(self.claim_fast)
                self.assertIsNone(claim, "one is running already")
                self.assertUses(plans, "batch_chunk_waiting_idx")

    def test_a_claim_in_a_small_job(self):
        self.put_first("small")
        claim, _plans = self.cheap(self.claim)
        self.assertEqual(claim.job_id, self.backlog.small)

    def test_a_claim_beside_chunks_whose_time_has_not_come(self):
        self.put_first("postponed")
        claim, _plans = self.cheap(self.claim)
        self.assertEqual(claim.job_id, self.backlog.postponed)

    def test_a_job_that_runs_as_many_chunks_as_it_may_is_passed(self):
        self.put_first("waiting")
        self.sql("UPDATE batch_job SET max_concurrency = 2 WHERE id = %s", self.backlog.waiting)
        claim, _plans = self.cheap(self.claim, rows=1100)  # it may also look at `grouped`
        self.assertNotEqual(claim.job_id, self.backlog.waiting)
        self.assertFalse(self.job("waiting").ready)

    def test_a_job_all_of_whose_chunks_are_of_one_group_is_passed(self):
        self.put_first("grouped")
        claim, _plans = self.cheap(self.claim, rows=1100)  # a claim looks at five hundred of them
        self.assertNotEqual(claim.job_id, self.backlog.grouped)
        self.assertFalse(self.job("grouped").ready)

    def test_a_job_all_of_whose_chunks_wait_for_others_is_passed(self):
        self.put_first("blocked")
        claim, _plans = self.cheap(self.claim, rows=1100)
        self.assertNotEqual(claim.job_id, self.backlog.blocked)
        self.assertFalse(self.job("blocked").ready)

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

    def test_chunks_of_a_job_that_is_one_transaction_are_taken_past_those_that_are_done(self):
        claim = None
        for _round in range(2 * ROWS):
            claim = take_awaiting_driver(self.cr, self.backlog.held, claim)
        last = claim
        claim, _plans = self.cheap(take_awaiting_driver, self.cr, self.backlog.held, claim)
        self.assertGreater(claim.sequence, last.sequence)

    # -- people ------------------------------------------------------------------------------------

    def test_status(self):
        for name in ("waiting", "blocked", "draft", "failed"):
            self.cheap(self.of_user(name).status)
            self.cheap(figures_of, self.cr, getattr(self.backlog, name))

    def test_a_page_of_results_wherever_it_is(self):
        for offset in (0, MANY // 2):
            result, _plans = self.cheap(self.of_user("failed").result, offset, 10, outcomes=True)
            self.assertEqual(result["results"][0]["operation_id"], f"op-{offset + 1}")
            self.assertEqual(result["next_offset"], offset + 10)

    def test_the_results_with_failures_are_found_among_many_without(self):
        result, plans = self.cheap(
            self.of_user("failed").result, only="failed", pages=1000
        )  # two hundred failures are shown
        self.assertEqual([entry["operation_id"] for entry in result["results"]], [f"op-{MANY - 1}", f"op-{MANY}"])
        self.assertUses(plans, "batch_operation_failed_idx")
        self.assertUses(plans, "batch_failure_operation_standing_idx")

    def test_a_page_of_failures_beside_those_of_other_jobs(self):
        page, _plans = self.cheap(self.of_user("failed_little").failures, 0, 10)
        self.assertEqual((page["total"], page["next_offset"], len(page["failures"])), (20, 10, 10))

    def test_a_page_of_warnings_and_the_first_of_each_operation(self):
        page, _plans = self.cheap(self.of_user("warned_little").warnings, 0, 4)
        self.assertEqual((page["total"], page["next_offset"], len(page["warnings"])), (10, 4, 4))
        result, plans = self.cheap(self.of_user("warned").result, 0, 1, pages=1000)  # a hundred warnings are shown
        self.assertEqual(len(result["results"][0]["warnings"]), 100)
        self.assertUses(plans, "batch_warning_operation_standing_idx")
        result, _plans = self.cheap(self.of_user("warned").result, 1, 1)
        self.assertEqual(result["results"][0]["warnings"], [])

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

    def test_steering(self):
        self.cheap(self.of_user("waiting").pause)
        self.cheap(self.of_user("waiting").resume)
        self.cheap(
            self.of_user("draft").append,
            [{"operation_type": "create", "model": "res.partner", "data": [{"name": "x"}]}],
        )
        upsert = {"operation_type": "upsert", "model": "res.partner", "key": ["ref"], "data": [{"ref": "x", "name": "x"}]}
        _status, plans = self.cheap(self.of_user("draft").append, [upsert])
        self.assertUses(plans, "batch_draft_key_number_idx")
        self.cheap(self.of_user("draft").start)
        self.sql("UPDATE batch_job SET user_id = %s WHERE id = %s", self.user.id, self.backlog.small)
        status, _plans = self.cheap(self.of_user("small").cancel)
        self.assertEqual(status["state"], "cancelled")

    def test_a_submission(self):
        operation = {"operation_type": "create", "model": "res.partner", "data": [{"name": "x"}]}
        status, _plans = self.cheap(self.env["batch.job"].submit, [operation, operation])
        self.assertEqual(status["state"], "pending")

    def test_a_file_is_handed_over(self):
        values = {"res_model": "res.partner", "file": b"Name\nA\nB\n", "file_name": "a.csv", "file_type": "text/csv"}
        upload = self.env["base_import.import"].create(values)
        options = {"has_headers": True, "encoding": "utf-8", "separator": ",", "quoting": '"'}
        for _twice in range(2):
            self.cheap(upload.import_in_background, ["name"], ["name"], options)

    def test_the_form_of_a_job(self):
        fields = ["shown_operation_ids", "shown_failure_ids", "shown_warning_ids", "failure_causes", "percentage", "eta", "contents_text"]
        self.cheap(self.of_user("waiting").read, fields, rows=1000)
        self.cheap(self.job("grouped").read, ["shown_chunk_ids"], rows=1000)
        # once a second while it runs, once when it is over
        live, over = {"rows": 4 * LOOKED_AT_LIVE}, {"rows": 4 * LOOKED_AT, "pages": 5000}
        self.cheap(self.job("grouped").read, ["sizing_report"], **live)
        self.cheap(self.job("stopped").read, ["sizing_report"], **over)
        [shown], _plans = self.cheap(self.of_user("failed").read, ["failures_text"], rows=COUNTED_AT_MOST + ROWS, pages=5000)
        self.assertEqual(shown["failures_text"], "10,000+")

    def test_the_causes_of_a_hundred_thousand_failures(self):
        """No more is counted than is said, of each of the causes that are shown."""
        counted = CAUSES_FOUND * COUNTED_TO_RANK + CAUSES_FOUND
        [shown], plans = self.cheap(
            self.of_user("failed").read, ["failure_causes"], rows=2 * (LOOKED_AT + counted), pages=8 * CAUSES_FOUND + (LOOKED_AT + counted) // 2
        )
        self.assertUses(plans, "batch_failure_cause_idx")
        first = shown["failure_causes"]["causes"][0]
        self.assertEqual((first["cause"], first["count"]), ("Contacts require a name", "10,000+"))
        self.assertEqual((len(shown["failure_causes"]["causes"]), shown["failure_causes"]["more"]), (CAUSES_SHOWN, True))
        [shown], _plans = self.cheap(self.of_user("failed_little").read, ["failure_causes"], rows=500)
        self.assertEqual([cause["count"] for cause in shown["failure_causes"]["causes"]], ["20"])
        self.sql("UPDATE batch_job SET state = 'running', finished_at = NULL WHERE id = %s", self.backlog.failed)
        self.system.invalidate_all()
        [shown], _plans = self.cheap(
            self.of_user("failed").read, ["failure_causes"], rows=2 * (LOOKED_AT_LIVE + counted), pages=8 * CAUSES_FOUND + (LOOKED_AT_LIVE + counted) // 2
        )
        self.assertEqual(shown["failure_causes"]["causes"][0]["count"], f"{LOOKED_AT_LIVE}+")

    def test_a_page_of_changes_and_changes_by_id_and_by_place(self):
        page, plans = self.cheap(self.of_user("changed_little").changes, 0, 10)
        self.assertEqual((page["total"], page["next_offset"], len(page["changes"])), (20, 10, 10))
        self.assertUses(plans, "batch_change_job_idx")
        # all are counted, and those before the page passed over, by the index alone
        page, plans = self.cheap(self.of_user("changed").changes, 2 * MANY - 10, 10, rows=4 * MANY, pages=6 * MANY)
        self.assertEqual((page["total"], page["next_offset"], len(page["changes"])), (2 * MANY, False, 10))
        # of a job that has ended, all are counted once
        page, _plans = self.cheap(self.of_user("changed").changes, 10, 10, rows=ROWS)
        self.assertEqual((page["total"], page["next_offset"]), (2 * MANY, 20))
        self.assertEqual({node["Node Type"] for plan in plans for node in plan.nodes if node.get("Index Name") == "batch_change_job_idx"}, {"Index Only Scan"})
        self.cr.execute("SELECT id, operation_id FROM batch_change WHERE job_id = %s ORDER BY id LIMIT 10", [self.backlog.changed])
        rows = self.cr.fetchall()
        found, _plans = self.cheap(changes_by_id, self.cr, [id_ for id_, _operation in rows])
        self.assertEqual(len(found), 10)
        found, plans = self.cheap(changes_after, self.cr, self.backlog.changed, rows[-1][0], 10)
        self.assertEqual([id_ for id_, _entry in found], list(range(rows[-1][0] + 1, rows[-1][0] + 11)))
        found, plans = self.cheap(changes_at, self.cr, rows[0][1], 1000, 1009)
        self.assertEqual(sorted(change["index"] for change in found), list(range(1000, 1010)))
        self.assertUses(plans, "batch_change_operation_idx")

    def test_the_changes_of_a_job_in_its_form_and_in_lists(self):
        """No more is counted than is said, and no more is read than is shown."""
        fields = ["shown_change_ids", "change_kinds", "changes_text", "outcomes_text"]
        for name, counted, said, listed in (("changed", LOOKED_AT, "10,000+", SHOWN), ("changed_little", 20, "20", 20)):
            [shown], plans = self.cheap(self.of_user(name).read, fields, rows=2 * counted + ROWS, pages=counted // 10 + PAGES)
            self.assertUses(plans, "batch_change_job_idx")
            self.assertEqual((shown["changes_text"], len(shown["shown_change_ids"])), (said, listed))
        self.sql("UPDATE batch_job SET state = 'running', finished_at = NULL WHERE id = %s", self.backlog.changed)
        self.system.invalidate_all()
        [shown], _plans = self.cheap(self.of_user("changed").read, fields, rows=2 * LOOKED_AT_LIVE + ROWS, pages=4 * SHOWN)
        self.assertEqual(shown["changes_text"], f"{LOOKED_AT_LIVE}+")
        page = self.env["batch.change"].browse(shown["shown_change_ids"])
        self.cheap(page.read, ["label", "action", "differences", "operation_id"], rows=1000, pages=1000)

    def test_an_undo_is_stored_and_previewed_in_pages(self):
        job_id, new = self.backlog.changed, self.backlog.small
        actions = [CREATE, UPDATE]
        free, _plans = self.cheap(is_free_of_order, self.cr, job_id, actions, rows=2 * MANY + ROWS, pages=MANY)
        self.assertTrue(free)
        newest, plans = self.cheap(newest_changes, self.cr, job_id, 500, rows=2 * 500 + ROWS, pages=5 * 500)
        self.assertUses(plans, "batch_change_job_idx")
        found, _plans = self.cheap(changes_of, self.cr, job_id, [row["id"] for row in newest], rows=500, pages=5 * 500)
        self.assertEqual(len(found), 500)
        made = [row["record_id"] for row in newest]
        found, plans = self.cheap(created_by_job, self.cr, job_id, newest[0]["model"], made, rows=2 * 500, pages=5 * 500)
        self.assertUses(plans, "batch_change_created_idx")
        self.assertEqual(found, set(made))
        self.sql("DELETE FROM batch_operation WHERE job_id = %s", new)
        contents, plans = self.cheap(store_undo, self.cr, new, job_id, 1000, rows=2 * MANY + ROWS, pages=2 * MANY)
        pages = [plan.rows_read for plan in plans if "ORDER BY job_id DESC" in str(plan)]
        self.assertLessEqual(max(pages), UNDO_PAGE + ROWS)
        self.assertEqual([entry[3] for entry in contents], [2 * MANY])

    def test_a_plan_is_looked_up_by_the_places_of_a_chunk(self):
        plan, operations = self.backlog.changed, self.sql("SELECT id FROM batch_operation WHERE job_id = %s", self.backlog.changed)
        places = [(operations[0][0], number) for number in range(100)]
        found, plans = self.cheap(planned_changes, self.cr, plan, places, rows=1000, pages=2000)
        self.assertEqual(set(found), set(places))
        self.assertUses(plans, "batch_change_operation_idx")
        changes = [change for changes in found.values() for change in changes]
        found, _plans = self.cheap(lambda: list(planned_values(self.cr, changes)), rows=1000, pages=2000)
        self.assertEqual(len(found), len(changes))
        stopped, _plans = self.cheap(was_stopped, self.cr, plan)
        self.assertFalse(stopped)
        self.cheap(self.of_user("changed").read, ["undo_job_id", "can_undo", "apply_job_id"])

    def test_a_page_of_failures_to_list_and_one_in_a_file(self):
        [shown], plans = self.cheap(self.of_user("failed").read, ["shown_failure_ids"], rows=1000, pages=1000)
        self.assertUses(plans, "batch_failure_standing_idx")
        page = self.env["batch.failure"].browse(shown["shown_failure_ids"])
        self.cheap(page.read, ["message", "label", "row_number", "error_type", "described"], rows=1000, pages=2000)
        [first, *_rest], plans = self.cheap(failures_page, self.cr, self.backlog.failed, 0, 500, rows=2500, pages=8 * 500)
        self.assertUses(plans, "batch_failure_standing_idx")
        places = [(first["operation_id"], first["index"] + number) for number in range(100)]
        found, plans = self.cheap(failures_at, self.cr, self.backlog.failed, places, rows=1000, pages=2000)
        self.assertEqual(len(found), 100)
        self.assertUses(plans, "batch_failure_place_idx")

    def test_the_file_of_outcomes_is_read_in_pages(self):
        read = outcomes.CHUNKS
        [(middle,)] = self.sql("SELECT max(id) - %s FROM batch_chunk WHERE job_id = %s", WAITING // 2, self.backlog.waiting)
        chunks, plans = self.cheap(outcomes.chunks_after, self.cr, self.backlog.waiting, middle, rows=8 * read, pages=12 * read)
        self.assertEqual((len(chunks), chunks[0]["id"]), (read, middle + 1))
        self.assertUses(plans, "batch_chunk_job_idx")
        failed = self.sql("SELECT id FROM batch_chunk WHERE job_id = %s AND failed_records > 0 LIMIT 100", self.backlog.stopped)
        found, plans = self.cheap(outcomes.failures_of, self.cr, [id_ for (id_,) in failed], rows=1000, pages=1000)
        self.assertEqual(len(found), 100)
        ids = [id_ for failures in found.values() for id_, _is_skipped, _record_id in failures.values()]
        messages, _plans = self.cheap(outcomes.messages_of, self.cr, ids, pages=1000)
        self.assertEqual(set(messages), set(ids))
        operations, plans = self.cheap(outcomes.operations_after, self.cr, self.backlog.blocked, MANY // 2, 100)
        self.assertEqual([operation["position"] for operation in operations], list(range(MANY // 2 + 1, MANY // 2 + 101)))
        self.assertUses(plans, "batch_operation_job_position_uniq")

    def test_the_records_of_a_job(self):
        for name in ("waiting", "failed", "blocked"):
            self.sql("UPDATE batch_job SET contents = %s WHERE id = %s", '[["create", "res.partner", 1, 9]]', getattr(self.backlog, name))
        self.system.invalidate_all()

        def view(job):
            with suppress(UserError):  # it has none, and all of those that are looked at must have been
                job.action_view_records()

        for name in ("waiting", "failed", "blocked"):
            self.cheap(view, self.of_user(name), rows=1100, pages=1100)

    def test_the_overview_and_a_timeline(self):
        overview = self.env["batch.overview"]
        _none, plans = self.cheap(overview.read_standstill, rows=2000)  # this transaction alone holds five hundred locks
        self.assertUses(plans, "batch_chunk_running_idx")
        shown, _plans = self.cheap(overview.read_overview, rows=4 * MOST_HISTORIES, pages=2000)
        self.assertEqual(shown["counts"]["running"], 5)
        counted = CAUSES_FOUND * COUNTED_TO_RANK + FAILURES_COUNTED * CAUSES_SHOWN
        self.cheap(self.system["batch.overview"].read_overview, True, rows=2 * counted, pages=counted)
        for name in ("waiting", "failed", "blocked", "draft", "stopped"):
            with self.subTest(name):
                shown, _plans = self.cheap(
                    overview.read_timeline, getattr(self.backlog, name), rows=9 * TIMELINE_CHUNKS, pages=4 * TIMELINE_CHUNKS
                )
                self.assertLessEqual(len(shown["chunks"]), TIMELINE_CHUNKS)

    def test_lanes_are_seen_whatever_ran_how_often(self):
        lane, *others = self.system["ir.cron"]._batch_lanes().ids
        self.sql("DELETE FROM ir_cron_progress RETURNING id")
        self.sql("UPDATE ir_cron SET lastcall = now() AT TIME ZONE 'UTC' - interval '1 hour' WHERE is_batch_lane RETURNING id")
        self.sql(
            """
            INSERT INTO ir_cron_progress (cron_id, create_date)
            SELECT %s, now() AT TIME ZONE 'UTC' - interval '1 minute' FROM generate_series(1, %s)
            RETURNING id
            """,
            lane,
            10 * overview_store.RUNS_READ,
        )
        with explained(self.cr) as plans:
            shown = overview_store.lanes(self.cr)
        [plan] = [plan for plan in plans if "ir_cron_progress" in plan.tables]
        self.assertLessEqual(plan.rows_read, 4 * overview_store.RUNS_READ)
        unseen = {row["id"]: row["unseen_s"] for row in shown}
        self.assertLess(unseen[lane], 3600)
        self.assertTrue(all(unseen[other] >= 3600 for other in others))

    def test_causes_are_filled_once(self):
        _none, plans = self.cheap(fill_causes, self.cr)
        self.assertUses(plans, "batch_failure_no_cause_idx")
        [(failure,)] = self.sql("UPDATE batch_failure SET cause = NULL WHERE id = (SELECT max(id) FROM batch_failure) RETURNING id")
        self.cheap(fill_causes, self.cr)
        self.assertEqual(self.sql("SELECT cause FROM batch_failure WHERE id = %s", failure), [("Contacts require a name",)])

    def test_the_time_of_the_next_attempt_to_tell_is_found_by_index(self):
        self.sql("UPDATE batch_job SET tell_at = now() WHERE id = %s", self.backlog.failed)
        _wait, plans = self.cheap(queue.seconds_until_work, self.cr)
        self.assertUses(plans, "batch_job_tell_idx")

    def test_jobs_are_listed_by_model(self):
        self.cheap(
            self.env["batch.job"].web_search_read, [("main_model_id.model", "ilike", "partner")], {"main_model_id": {}}, limit=80, rows=3000
        )

    def test_the_records_of_an_operation(self):
        """No more is read than is shown."""
        [(operation,)] = self.sql("SELECT id FROM batch_operation WHERE job_id = %s", self.backlog.waiting)
        ids, _plans = self.cheap(made_ids, self.cr, operation, 100)
        self.assertEqual(ids, list(range(1, 101)))

    # -- lookups -----------------------------------------------------------------------------------

    def test_references_read_just_what_they_name(self):
        ask = partial(produced, self.cr)
        for first in (0, HISTORY // 2, HISTORY - 1):
            wanted = {"op-1": {first, first + 1, WAITING * 2}}
            found, plans = self.cheap(ask, self.backlog.waiting, wanted, rows=20, pages=60)
            self.assertEqual(found["op-1"][1].get(first), first + 1)
            self.assertUses(plans, "batch_chunk_produced_idx")
        found, _plans = self.cheap(ask, self.backlog.waiting, {"op-1": set()}, rows=20, pages=60)
        self.assertEqual(found, {"op-1": ("running", {})})

    # -- the clean-up ------------------------------------------------------------------------------

    def test_the_purge_reads_what_it_deletes(self):
        clean_up = self.system["batch.remains"]._gc_finished
        (number, _more), _plans = self.cheap(clean_up)
        self.assertEqual(number, 0)
        jobs = [id_ for (id_,) in self.sql("SELECT id FROM batch_job WHERE name = 'history' ORDER BY id DESC LIMIT 3")]
        self.sql("UPDATE batch_job SET finished_at = now() - interval '400 days' WHERE id = ANY(%s)", jobs)
        of_each = HISTORY // self.backlog.history_jobs
        (number, _more), plans = self.cheap(clean_up, rows=5 * of_each, pages=10 * of_each)
        self.assertEqual(number, 3)
        self.assertUses(plans, "batch_job_old_idx")
        for table in TABLES[1:]:
            self.assertEqual(self.sql(f"SELECT count(*) FROM {table} WHERE job_id = ANY(%s)", jobs), [(0,)], table)
        self.cheap(self.system["batch.remains"]._gc_drafts)

    def test_a_huge_job_is_deleted_in_pieces_that_all_cost_the_same(self):
        """Also while nothing of it can be vacuumed: what this transaction has deleted stays in the indexes."""
        for name, table, index in (
            ("waiting", "batch_chunk", "batch_chunk_job_idx"),
            ("failed", "batch_failure", "batch_failure_job_idx"),
            ("warned", "batch_warning", "batch_warning_job_idx"),
            ("changed", "batch_change", "batch_change_job_idx"),
            ("draft", "batch_operation", "batch_operation_job_position_uniq"),
            ("draft", "batch_draft_key", "batch_draft_key_number_idx"),
        ):
            with self.subTest(table), by_index(self.cr):  # as lanes have it
                left = {"id": 0, "job_id": getattr(self.backlog, name), "only_changes": True, "stage": purge.TABLES.index(table), "reached": purge.FIRST}
                pieces = 0
                while left["stage"] is not None and pieces < 20:
                    deleted, plans = self.cheap(purge.delete_piece, self.cr, left, 1000, rows=5000, pages=20_000)
                    self.assertTrue(deleted == 1000 or left["stage"] is None)
                    self.assertUses(plans, index)
                    pieces += 1

    def test_jobs_with_old_changes_are_found_by_index(self):
        self.sql("UPDATE batch_job SET track_changes = true, finished_at = now() - interval '400 days' WHERE id = %s", self.backlog.changed)
        found, plans = self.cheap(jobs_with_old_changes, self.cr, 30)
        self.assertEqual(found, [self.backlog.changed])
        self.assertUses(plans, "batch_job_old_changes_idx")

    # -- the storage -------------------------------------------------------------------------------

    def test_tables_that_are_updated_at_every_chunk_have_room_for_it_and_are_cleaned_often(self):
        options = {
            table: dict(option.split("=") for option in found or ())
            for table, found in self.sql(
                "SELECT relname, reloptions FROM pg_class WHERE relname = ANY(%s)", list(TABLES)
            )
        }
        for table in ("batch_job", "batch_operation", "batch_chunk"):
            self.assertLess(int(options[table].get("fillfactor", 100)), 90, table)
            self.assertLessEqual(float(options[table].get("autovacuum_vacuum_scale_factor", 0.2)), 0.05, table)
        for table in TABLES[1:]:
            self.assertLessEqual(float(options[table].get("autovacuum_analyze_scale_factor", 0.1)), 0.05, table)

    def test_large_texts_are_compressed_the_fast_way_where_postgresql_has_it(self):
        [(has_lz4,)] = self.sql(
            "SELECT count(*) FROM pg_settings WHERE name = 'default_toast_compression' AND 'lz4' = ANY(enumvals)"
        )
        if not has_lz4:
            self.skipTest("this PostgreSQL has no lz4")
        compressed = self.sql(
            "SELECT attname FROM pg_attribute WHERE attrelid = 'batch_chunk'::regclass AND attcompression = 'l'"
            " ORDER BY attname"
        )
        self.assertEqual(compressed, [("payload",), ("result",)])


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


@tagged("post_install", "-at_install")
class TestPlansOfTelling(PlanCase):
    """What lanes and the systray ask of jobs, beside many others."""

    def setUp(self):
        super().setUp()
        self.sql(f"TRUNCATE {', '.join(TABLES)} CASCADE")
        jobs = Backlog(self.cr, self.user.id, self.env.company.id)
        jobs._job("ended", "completed", UNSEEN)
        jobs._job("draft", "draft", UNSEEN, ready=False)
        jobs._job("of somebody else", "running", UNSEEN, user_id=self.system.uid)
        self.running = jobs._job("running", "running", 30)
        self.due = jobs._job("due", "completed", 2 * told.TOLD_AT_ONCE)
        self.sql(
            """
            UPDATE batch_job SET tell_attempts = 0, tell_at = now() AT TIME ZONE 'UTC' + CASE name WHEN 'due' THEN interval '-1 s' ELSE '1 min' END
             WHERE finished_at IS NOT NULL
            """
        )

    def test_ends_are_found_taken_and_told(self):
        for mode in ("custom", "generic"):
            with self.subTest(plans=mode):
                vars(self.cr).pop("batch_executor_prepared", None)
                self.sql(f"SET LOCAL plan_cache_mode = force_{mode}_plan")
                is_due, plans = self.cheap(told.is_due, self.cr)
                self.assertTrue(is_due)
                self.assertUses(plans, "batch_job_tell_idx")
                with by_index(self.cr):  # as on the connection of a lane
                    taken, plans = self.cheap(told.take_due, self.cr, rows=4 * told.TOLD_AT_ONCE, pages=40 * told.TOLD_AT_ONCE)
                self.assertEqual(len(taken), told.TOLD_AT_ONCE)
                self.assertUses(plans, "batch_job_tell_idx")
                ends, _plans = self.cheap(told.mark_told, self.cr, taken, rows=10 * told.TOLD_AT_ONCE, pages=40 * told.TOLD_AT_ONCE)
                self.assertEqual(len(ends), told.TOLD_AT_ONCE)
        self.assertFalse(told.is_due(self.cr), "each of them once")

    def test_running_jobs_of_a_user(self):
        jobs, plans = self.cheap(told.running_jobs, self.cr, self.user.id, 20)
        self.assertEqual((len(jobs), jobs[0].id), (20, self.running))
        self.assertUses(plans, "batch_job_running_idx")


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


@tagged("post_install", "-at_install")
class TestPlansOfWebhooks(PlanCase):
    """What the scheduled action asks that sends to webhooks."""

    large = looked_at = ("batch_delivery", "batch_delivery_try")

    def test_ends_are_sent_to_webhooks_a_few_at_a_time(self):
        job = Backlog(self.cr, self.user.id, self.env.company.id)._job("ended", "completed", 1)
        self.sql(
            """
            WITH hooks AS (
                INSERT INTO batch_webhook (name, url, secret, active)
                SELECT 'hook ' || number, 'https://x.example', 'whsec_', number > 1
                  FROM generate_series(1, 5) AS number
             RETURNING id
            )
            INSERT INTO batch_delivery (job_id, webhook_id, message_id, body, state, tries, created_at, next_at)
            SELECT %s, hooks.id, 'msg', '{}', CASE WHEN number < 4000 THEN 'delivered' ELSE 'pending' END, 0, now(), now() - number * interval '1 second'
              FROM hooks, generate_series(1, 5000) AS number
            """,
            job,
        )
        due, plans = self.cheap(webhook.next_due, self.cr, rows=40, pages=60)
        self.assertIsNotNone(due)
        self.assertUses(plans, "batch_delivery_due_idx")
        # 4 of each of 4 webhooks that are not archived; each has its rows in three indexes, and those of its try;
        # two lists as short as that may be joined by comparing each with each
        most = webhook.TAKEN_AT_ONCE
        taken, plans = self.cheap(webhook.take_due, self.cr, rows=most * (most + 20), pages=40 * most)
        self.assertEqual(len(taken), most)
        self.assertUses(plans, "batch_delivery_due_idx")
        self.sql(
            """
            INSERT INTO batch_delivery_try (delivery_id, webhook_id, number, started_at)
            SELECT id, webhook_id, 1, now() FROM batch_delivery
            """
        )
        self.sql("ANALYZE batch_delivery_try")
        hooks = [webhook_id for (webhook_id,) in self.sql("SELECT id FROM batch_webhook")]
        last, plans = self.cheap(webhook.last_tries, self.cr, hooks, rows=4 * len(hooks), pages=10 * len(hooks))
        self.assertEqual(len(last), len(hooks))
        self.assertUses(plans, "batch_delivery_try_webhook_idx")
