"""What jobs have changed: listed, undone, a plan run for real."""

from ...engine.change import CREATE, UPDATE
from ...models.batch_job_views import LOOKED_AT, LOOKED_AT_LIVE, SHOWN
from ...store.apply import planned_changes, planned_failures, planned_values, was_stopped
from ...store.changes import changes_after, changes_at, changes_by_id
from ...store.undo import PAGE as UNDO_PAGE
from ...store.undo import changes_of, created_by_job, has_awaited, is_free_of_order, newest_changes, store_undo
from ..backlog import MANY
from ..plan_case import PAGES, ROWS


class ChangePlans:
    """A part of `TestPlans`."""

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
        waited, _plans = self.cheap(has_awaited, self.cr, job_id, rows=MANY, pages=MANY)
        self.assertFalse(waited)
        newest, plans = self.cheap(newest_changes, self.cr, job_id, 500, rows=2 * 500 + ROWS, pages=5 * 500)
        self.assertUses(plans, "batch_change_job_idx")
        found, _plans = self.cheap(changes_of, self.cr, job_id, [row["id"] for row in newest], rows=500, pages=5 * 500)
        self.assertEqual(len(found), 500)
        made = [row["record_id"] for row in newest]
        found, plans = self.cheap(created_by_job, self.cr, job_id, newest[0]["model"], made, rows=2 * 500, pages=5 * 500)
        self.assertUses(plans, "batch_change_created_idx")
        self.assertEqual(found, set(made))
        self.sql("DELETE FROM batch_operation WHERE job_id = %s", new)
        contents, plans = self.cheap(store_undo, self.cr, new, job_id, 1000, rows=4 * MANY + ROWS, pages=2 * MANY)
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
        places = self.sql("SELECT operation_id, index FROM batch_failure WHERE job_id = %s ORDER BY id DESC LIMIT 100", self.backlog.failed)
        found, plans = self.cheap(planned_failures, self.cr, self.backlog.failed, places, rows=1000, pages=2000)
        self.assertEqual(set(found), set(places))
        self.assertUses(plans, "batch_failure_place_idx")
        stopped, _plans = self.cheap(was_stopped, self.cr, plan)
        self.assertFalse(stopped)
        self.cheap(self.of_user("changed").read, ["undo_job_id", "can_undo", "apply_job_id"])
