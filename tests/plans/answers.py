"""What the verbs ask for."""

from ...store import outcomes
from ...store.watch import figures_of
from ..backlog import MANY, WAITING


class AnswerPlans:
    """A part of `TestPlans`."""

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
