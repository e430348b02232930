"""What it costs to find the ends of jobs that are to be told to people and webhooks."""

from odoo.tests import tagged

from ..engine.webhook import AT_ONCE
from ..store import told, webhook
from ..store.planning import by_index
from .backlog import TABLES, Backlog
from .plan_case import UNSEEN, PlanCase


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
        self.sql(
            """
            INSERT INTO batch_delivery_try (delivery_id, webhook_id, number, started_at, duration)
            SELECT id, webhook_id, 1, now(), 20 FROM batch_delivery
            """
        )
        self.sql("ANALYZE batch_delivery, batch_delivery_try")
        # the first 4 and the last try of each of 4 webhooks that are not archived
        hooks, plans = self.cheap(webhook.due, self.cr, rows=100, pages=150)
        self.assertEqual([(len(hook["due"]), hook["hangs"]) for hook in hooks], [(4, True)] * 4)
        self.assertUses(plans, "batch_delivery_due_idx")
        self.assertUses(plans, "batch_delivery_try_webhook_idx")
        # each has its rows in three indexes, and those of its try; two lists as short as that may be joined by comparing each with each
        most = AT_ONCE
        taken, plans = self.cheap(webhook.take, self.cr, [id_ for hook in hooks for id_ in hook["due"]], rows=most * (most + 20), pages=40 * most)
        self.assertEqual(len(taken), most)
        self.cheap(webhook.settle, self.cr, taken[0], 200, None, 1.0, None, rows=20, pages=60)
        hooks = [webhook_id for (webhook_id,) in self.sql("SELECT id FROM batch_webhook")]
        last, plans = self.cheap(webhook.last_tries, self.cr, hooks, rows=4 * len(hooks), pages=10 * len(hooks))
        self.assertEqual(len(last), len(hooks))
        self.assertUses(plans, "batch_delivery_try_webhook_idx")
