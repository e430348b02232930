"""What is deleted, and how the tables are stored."""

from ...store import purge
from ...store.forget import jobs_with_old_changes
from ...store.planning import by_index
from ..backlog import HISTORY, TABLES


class PurgePlans:
    """A part of `TestPlans`."""

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
