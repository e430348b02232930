"""Which chunk is next."""

import itertools
from functools import partial

from ...engine.payload import Payload
from ...run.limited import let_next
from ...store import overview as overview_store
from ...store import queue
from ...store.references import produced
from ...store.settle import take_awaiting_driver
from ..backlog import HISTORY, WAITING
from ..plan_case import ROWS


class ClaimPlans:
    """A part of `TestPlans`."""

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

    def test_chunks_of_a_job_that_is_one_transaction_are_taken_past_those_that_are_done(self):
        claim = None
        for _round in range(2 * ROWS):
            claim = take_awaiting_driver(self.cr, self.backlog.held, claim)
        last = claim
        claim, _plans = self.cheap(take_awaiting_driver, self.cr, self.backlog.held, claim)
        self.assertGreater(claim.sequence, last.sequence)

    def test_references_read_just_what_they_name(self):
        ask = partial(produced, self.cr)
        for first in (0, HISTORY // 2, HISTORY - 1):
            wanted = {"op-1": {first, first + 1, WAITING * 2}}
            found, plans = self.cheap(ask, self.backlog.waiting, wanted, rows=20, pages=60)
            self.assertEqual(found["op-1"][1].get(first), first + 1)
            self.assertUses(plans, "batch_chunk_produced_idx")
        found, _plans = self.cheap(ask, self.backlog.waiting, {"op-1": set()}, rows=20, pages=60)
        self.assertEqual(found, {"op-1": ("running", {})})
