"""What the backend shows."""

from contextlib import suppress

from odoo.exceptions import UserError

from ...models.batch_failure import COUNTED_AT_MOST
from ...models.batch_job_views import LOOKED_AT, LOOKED_AT_LIVE
from ...models.batch_overview import TIMELINE_CHUNKS
from ...run.overview import FAILURES_COUNTED, MOST_HISTORIES
from ...store import overview as overview_store
from ...store.chosen import failures_at, failures_page
from ...store.results import made_ids
from ...store.summary import CAUSES_FOUND, CAUSES_SHOWN, COUNTED_TO_RANK
from ..explain import explained
from ..plan_case import ROWS


class ViewPlans:
    """A part of `TestPlans`."""

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

    def test_the_records_of_a_job(self):
        for name in ("waiting", "failed", "blocked"):
            self.sql("UPDATE batch_job SET contents = %s WHERE id = %s", '[["create", "res.partner", 1, 9]]', getattr(self.backlog, name))
        self.system.invalidate_all()

        def view(job):
            with suppress(UserError):  # it has none, and all of those that are looked at must have been
                job.action_view_records()

        for name in ("waiting", "failed", "blocked"):
            self.cheap(view, self.of_user(name), rows=1100, pages=1100)

    def test_the_records_of_an_operation(self):
        """No more is read than is shown."""
        [(operation,)] = self.sql("SELECT id FROM batch_operation WHERE job_id = %s", self.backlog.waiting)
        ids, _plans = self.cheap(made_ids, self.cr, operation, 100)
        self.assertEqual(ids, list(range(1, 101)))

    def test_jobs_are_listed_by_model(self):
        self.cheap(
            self.env["batch.job"].web_search_read, [("main_model_id.model", "ilike", "partner")], {"main_model_id": {}}, limit=80, rows=3000
        )

    def test_the_overview_and_a_timeline(self):
        overview = self.env["batch.overview"]
        _none, plans = self.cheap(overview.read_standstill)
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

    def test_the_causes_of_a_day_are_found_among_many_dry_runs(self):
        self.sql(
            """
            INSERT INTO batch_job
            SELECT (jsonb_populate_record(job, jsonb_build_object(
                        'id', nextval('batch_job_id_seq'), 'uuid', gen_random_uuid(), 'dry_run', true, 'finished_at', now() AT TIME ZONE 'UTC'
                   ))).*
              FROM batch_job AS job, generate_series(1, 1000)
             WHERE job.id = %s
            """,
            self.backlog.failed_little,
        )
        counted = CAUSES_FOUND * COUNTED_TO_RANK + FAILURES_COUNTED * CAUSES_SHOWN
        _shown, plans = self.cheap(self.env["batch.overview"].read_overview, True, rows=2 * counted, pages=counted)
        self.assertUses(plans, "batch_job_failed_idx")
        [plan] = [plan for plan in plans if "batch_job_failed_idx" in plan.indexes]
        self.assertLessEqual(plan.rows_read, ROWS)

    def test_lanes_are_seen_whatever_ran_how_often(self):
        lane, *others = self.system["ir.cron"]._batch_lanes().ids
        self.sql("DELETE FROM ir_cron_progress RETURNING id")
        self.sql("ANALYZE ir_cron_progress")  # counted while there are none
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
