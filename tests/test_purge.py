"""Jobs are deleted in pieces, without a trace and beside all other work; and what somebody keeps stays."""

from unittest.mock import patch

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged
from odoo.tests.common import TransactionCase
from odoo.tools import mute_logger

from odoo.addons.batch_executor.run import control, purge

from ..store.purge import TABLES
from ..store.schema import set_up_remains
from .lane_case import LaneCase

OLD = "UPDATE batch_job SET finished_at = finished_at - interval '400 days', write_date = write_date - interval '400 days' WHERE id = ANY(%s)"


class PurgeCase(LaneCase):
    def left(self, *job_ids):
        """Table -> number of its rows that belong to these jobs; only tables that have some."""
        tables = [*TABLES, "batch_remains"]
        counts = ", ".join(f"(SELECT count(*) FROM {table} WHERE job_id = ANY(%(ids)s))" for table in tables)
        with self.registry.cursor() as cr:
            cr.execute(f"SELECT {counts}", {"ids": list(job_ids)})
            return {table: count for table, count in zip(tables, cr.fetchone(), strict=True) if count}

    def large_job(self):
        """A finished job with rows in every table but that of draft keys."""
        bad = {**self.creates(4), "data": [{"name": False}] * 4}
        job = self.submit(*[self.creates(5) for _number in range(4)], bad, max_chunk_size=1, track_changes=True)
        self.work()
        chunk = self.chunks(job)[0]
        self.sql(
            "INSERT INTO batch_warning (job_id, operation_id, chunk_id, index, message) SELECT %s, %s, %s, number, 'x' FROM generate_series(1, 4) AS number",
            job, chunk["operation_id"], chunk["id"],
        )  # fmt: skip
        return job

    def delete(self, *job_ids):
        with self.committed() as env:
            env["batch.job"].browse(job_ids).unlink()

    def clean_up(self, method="_gc_finished"):
        """Odoo's daily clean-up, as far as it concerns jobs."""
        more = True
        while more:
            with self.committed() as env:
                _done, more = getattr(env["batch.remains"], method)()

    def slowly(self):
        """Let calls delete five rows only, and lanes two at each look, which they take before each chunk."""
        for module, name, value in (
            (purge, "DELETED_NOW", 5), (purge, "FIRST_AT_ONCE", 2), (purge, "SLICE_S", 0), (control, "LOOK_AROUND_EVERY_S", 0),
        ):  # fmt: skip
            self.startPatcher(patch.object(module, name, value))


class TestDeleted(PurgeCase):
    def test_a_small_job_is_gone_at_once(self):
        job, draft = self.large_job(), self.submit({"operation_type": "upsert", "model": "res.partner", "key": ["ref"], "data": [{"ref": "x"}]}, draft=True)
        self.assertEqual(set(self.left(job, draft)), set(TABLES))
        self.delete(job, draft)
        self.assertEqual(self.left(job, draft), {})

    def test_a_large_one_is_gone_for_everybody_and_lanes_delete_its_rows(self):
        self.slowly()
        job, other = self.large_job(), self.large_job()
        before = self.left(other)
        self.delete(job)
        left = self.left(job)
        self.assertEqual(set(left), {*TABLES, "batch_remains"} - {"batch_draft_key"})
        self.assertEqual(left["batch_chunk"], 19)
        with self.committed() as env:
            manager = self.new_user(env, f"manager-{self.mark}", "base.group_user", "batch_executor.group_batch_manager")
        for user in (self.user_id, manager.id):
            with self.committed(user) as env:
                for table in TABLES[:-2]:
                    self.assertFalse(env[table.replace("_", ".")].search([("job_id", "=", job)]), table)
                self.assertFalse(env["batch.operation"].search([("job_id", "=", job)]))
        self.work(lanes=2)
        self.assertEqual(self.left(job), {})
        self.assertEqual(self.left(other), before)

    def test_a_lane_runs_chunks_between_two_pieces(self):
        self.slowly()
        job = self.large_job()
        running = self.submit(self.creates(4), max_chunk_size=1)
        self.delete(job)
        with self.open_lane() as lane:
            for chunks in range(4):
                self.assertEqual(self.left(job)["batch_chunk"], 19 - 2 * chunks)
                lane.work_on(lane.claim())
        self.work()
        self.check_counters(running)
        self.assertEqual(self.left(job), {})

    def test_an_error_ends_no_lane(self):
        self.slowly()
        job = self.large_job()
        self.delete(job)
        running = self.submit(self.creates(4), max_chunk_size=1)
        with patch.object(purge.purge, "delete_piece", side_effect=ValueError), self.assertLogs("odoo.addons.batch_executor", "ERROR") as logs:
            self.work()
        self.assertEqual(len(logs.records), 1, "it tries again later")
        self.check_counters(running)
        self.work()
        self.assertEqual(self.left(job), {})

    def test_what_is_rolled_back_is_deleted_by_the_next(self):
        self.slowly()
        job = self.large_job()
        self.delete(job)
        before = self.left(job)
        with self.registry.cursor() as cr:
            self.assertTrue(purge.purge_slice(cr))
            cr.rollback()
        self.assertEqual(self.left(job), before)
        with self.registry.cursor() as first, self.registry.cursor() as second:
            self.assertTrue(purge.purge_slice(first))
            self.assertFalse(purge.purge_slice(second), "another lane is at it")
        self.work()
        self.assertEqual(self.left(job), {})

    def test_a_chunk_that_runs_when_its_job_is_deleted_past_odoo_is_lost_by_its_lane(self):
        job = self.submit(self.creates(3), max_chunk_size=1)
        with self.open_lane() as lane:
            claim = lane.claim()
            self.sql("DELETE FROM batch_job WHERE id = %s", job)
            self.assertEqual(self.left(job)["batch_chunk"], 2)
            lane.work_on(claim)
        self.work()
        self.assertEqual((self.left(job), self.partners()), ({}, []))

    def test_slices_are_short_whatever_one_row_takes(self):
        """The number of rows follows the time that they take."""
        job, limits, now = self.large_job(), [], [0.0]

        def delete_slowly(cr, remains, limit):
            limits.append(limit)
            now[0] += 0.001 * limit
            remains["reached"] += 1  # never done
            return limit

        self.sql("INSERT INTO batch_remains (job_id, stage, reached) VALUES (%s, 0, 0)", job)
        with (
            patch.object(purge.purge, "delete_piece", delete_slowly), patch.object(purge.time, "monotonic", lambda: now[0]),
            patch.object(purge, "FIRST_AT_ONCE", 20), self.registry.cursor() as cr,
        ):  # fmt: skip
            purge.purge_slice(cr)
            cr.rollback()
        self.assertEqual(limits[:3], [20, 10, 10])
        self.assertLessEqual(now[0], purge.SLICE_S + purge.PIECE_S)
        self.sql("DELETE FROM batch_remains WHERE job_id = %s", job)


class TestKept(PurgeCase):
    def test_what_is_old_is_deleted_and_what_is_kept_stays(self):
        jobs = [self.large_job(), self.large_job(), self.submit(self.creates(1), draft=True), self.submit(self.creates(1), draft=True)]
        kept = jobs[::2]
        with self.committed(self.user_id) as env:
            env["batch.job"].browse(kept).action_keep()
        self.sql(OLD, jobs)
        for method in ("_gc_finished", "_gc_drafts", "_gc_changes"):
            self.clean_up(method)
        self.assertEqual(self.sql("SELECT id FROM batch_job WHERE id = ANY(%s) ORDER BY id", jobs), [(id_,) for id_ in kept])
        self.assertEqual(self.left(*jobs[1::2]), {})
        with self.committed(self.user_id) as env:
            env["batch.job"].browse(kept).action_keep()
        self.clean_up()
        self.sql(OLD, kept)
        self.clean_up("_gc_drafts")
        self.assertEqual(self.left(*jobs), {})

    def test_a_job_that_another_module_needs_stays_and_others_go(self):
        for made in ("job", "draft"):
            with self.subTest(made):
                is_draft = made == "draft"
                jobs = [self.submit(self.creates(1), draft=is_draft) for _number in range(5)]
                self.work()
                self.sql(OLD, jobs)
                self.sql(f"CREATE TABLE needs_{self.mark} (job_id integer REFERENCES batch_job)")
                needed = jobs[:3]
                self.sql(f"INSERT INTO needs_{self.mark} SELECT unnest(%s)", needed)
                try:
                    with (
                        patch("odoo.addons.batch_executor.store.forget.PURGED_AT_ONCE", 2),
                        patch("odoo.addons.batch_executor.models.batch_remains.PURGED_AT_ONCE", 2),
                        mute_logger("odoo.sql_db"),
                        self.assertLogs("odoo.addons.batch_executor.models.batch_remains", "ERROR"),
                    ):
                        self.clean_up("_gc_drafts" if is_draft else "_gc_finished")
                finally:
                    self.sql(f"DROP TABLE needs_{self.mark}")
                self.assertEqual(self.sql("SELECT id FROM batch_job WHERE id = ANY(%s) ORDER BY id", jobs), [(id_,) for id_ in needed])

    def test_as_many_days_as_a_setting_holds_keep_everything(self):
        job, draft = self.large_job(), self.submit(self.creates(1), draft=True)
        self.sql(OLD, [job, draft])
        with self.settings(**dict.fromkeys(("keep_days", "keep_draft_days", "keep_changes_days", "keep_payload_days"), 2**31 - 1)):
            for method in ("_gc_finished", "_gc_drafts", "_gc_changes", "_gc_values"):
                self.clean_up(method)
        self.assertEqual(self.sql("SELECT id FROM batch_job WHERE id = ANY(%s) ORDER BY id", [job, draft]), [(job,), (draft,)])

    def test_the_button_keeps_all_and_then_none(self):
        jobs = [self.submit(self.creates(1), draft=True) for _number in range(2)]
        with self.committed(self.user_id) as env:
            both = env["batch.job"].browse(jobs)
            for jobs, wanted in ((both[0], [True, False]), (both, [True, True]), (both, [False, False])):
                jobs.action_keep()
                self.assertEqual([job.keep for job in both], wanted)

    def test_only_who_sees_a_job_keeps_it(self):
        job = self.submit(self.creates(1), draft=True)
        with self.committed() as env:
            other = self.new_user(env, f"other-{self.mark}", "base.group_user", "batch_executor.group_batch_user")
        with self.assertRaises(AccessError), self.committed(other.id) as env:
            env["batch.job"].browse(job).action_keep()
        self.assertFalse(self.job(job)["keep"])


class TestChangesDropped(PurgeCase):
    def drop(self, *jobs):
        self.sql(OLD, list(jobs))
        with self.settings(keep_changes_days=30, keep_days=0):
            self.clean_up("_gc_changes")

    def test_changes_go_before_their_job(self):
        self.slowly()
        job, young = self.large_job(), self.large_job()
        self.drop(job)
        self.assertEqual((self.left(job)["batch_change"], self.left(young)["batch_change"]), (15, 20))
        with self.committed(self.user_id) as env:
            record = env["batch.job"].browse(job)
            self.assertEqual((record.changes_gone, record.can_undo, record.changes_text), (True, False, False))
            self.assertFalse(record.shown_change_ids)
            self.assertTrue(env["batch.job"].browse(young).can_undo)
        for verb in ("changes", "undo", "undo_preview"):
            with self.assertRaisesRegex(UserError, "keep_changes_days"):
                self.call(job, verb)
        self.work()
        left = self.left(job)
        self.assertNotIn("batch_change", left)
        self.assertEqual((left["batch_chunk"], len(self.partners())), (24, 40))
        self.assertEqual(self.left(young)["batch_change"], 20)
        self.delete(job, young)
        self.work()
        self.assertEqual(self.left(job, young), {})

    def test_not_while_they_are_needed(self):
        job = self.submit(self.creates(1), track_changes=True)
        self.work()
        self.call(job, "undo")
        self.drop(job)
        self.assertFalse(self.job(job)["changes_gone"])
        self.work()
        self.assertEqual(self.partners(), [])
        self.drop(job)
        self.assertTrue(self.job(job)["changes_gone"])

    def test_a_plan_without_them_is_not_run(self):
        ids = self.make_partners(2)
        update = {"operation_type": "update", "model": "res.partner", "record_ids": ids, "data": {"city": "New"}}
        plan, other = (self.submit(update, dry_run=True, track_changes=True) for _number in range(2))
        self.work()
        self.drop(plan)
        with self.assertRaisesRegex(UserError, "keep_changes_days"):
            self.call(plan, "apply")
        applied = self.call(other, "apply")["job_id"]
        self.sql("UPDATE batch_job SET changes_gone = true WHERE id = %s", other)  # as if it had been waiting for that long
        self.work()
        self.assertEqual({failure["error_type"] for failure in self.failures(applied)}, {"ChangedSinceError"})
        self.assertEqual(self.sql("SELECT DISTINCT city FROM res_partner WHERE id = ANY(%s)", ids), [(None,)])


@tagged("post_install", "-at_install")
class TestUpgrade(TransactionCase):
    def test_foreign_keys_and_triggers_of_earlier_versions_are_dropped(self):
        cr = self.env.cr
        cr.execute("ALTER TABLE batch_chunk ADD CONSTRAINT old_key FOREIGN KEY (job_id) REFERENCES batch_job ON DELETE CASCADE")
        cr.execute("ALTER TABLE batch_failure ADD CONSTRAINT old_key FOREIGN KEY (chunk_id) REFERENCES batch_chunk ON DELETE CASCADE")
        cr.execute("CREATE FUNCTION batch_change_deleted_with_job() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$")
        cr.execute("CREATE TRIGGER old AFTER DELETE ON batch_job FOR EACH ROW EXECUTE FUNCTION batch_change_deleted_with_job()")
        set_up_remains(cr)
        cr.execute("SELECT count(*) FROM pg_constraint WHERE conname = 'old_key'")
        self.assertEqual(cr.fetchone(), (0,))
        cr.execute("SELECT tgname FROM pg_trigger WHERE tgrelid = 'batch_job'::regclass AND NOT tgisinternal")
        self.assertEqual(cr.fetchall(), [("batch_job_leaves_remains",)])

    def test_rows_refer_to_users_as_before(self):
        """Only keys between our own tables are dropped."""
        self.env.cr.execute(
            "SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND conrelid = 'batch_failure'::regclass AND confrelid = 'res_users'::regclass"
        )
        self.assertEqual(self.env.cr.fetchone(), (1,))
