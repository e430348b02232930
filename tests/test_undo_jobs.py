"""The job that undoes another one: when it may start, who may start it, what it says before and after."""

import io
import json
from concurrent.futures import wait

from odoo.exceptions import AccessError, UserError, ValidationError

from ..engine import undo as planning
from ..engine.payload import Payload
from ..run import undo as undoing
from ..run.failure_file import write_failures
from ..store import undo as store
from ..store.forget import old_jobs
from .undo_case import NAMES, UndoCase


class TestUndoJobs(UndoCase):
    def test_a_job_is_undone_once_also_where_the_job_that_did_so_is_deleted(self):
        job = self.done(self.update(self.make_partners(1), name="Changed"))
        undo = self.undo(job)
        with self.committed() as env:
            env["batch.job"].browse(undo).unlink()
        with self.assertRaisesRegex(UserError, "The job that did so was deleted"):
            self.call(job, "undo")

    def test_the_rights_of_the_moment_count(self):
        ids = self.make_partners(2)
        job = self.done(self.update(ids, name="Changed"), self.creates(1, name="New"))
        new = self.partners()[-1][1]
        with self.committed() as env:
            rule = env["ir.rule"].create(
                {
                    "name": "batch undo",
                    "model_id": env["ir.model"]._get_id("res.partner"),
                    "domain_force": f"[('id', 'not in', {[ids[0], new]})]",
                    "groups": [],
                    "perm_unlink": False,
                }
            )
        try:
            undo = self.undo(job)
        finally:
            with self.committed() as env:
                rule.with_env(env).unlink()
        self.assertEqual(sorted((f["operation_id"], f["index"], f["error_type"]) for f in self.failures(undo)), [("op-1", 0, "AccessError"), ("op-2", 0, "AccessError")])
        self.assertEqual(self.names(), ["Changed", "Partner 1", "New"])

    def test_a_job_is_not_deleted_while_it_is_being_undone(self):
        job = self.done(self.update(self.make_partners(1), name="Changed"))
        self.call(job, "undo")
        self.sql("UPDATE batch_job SET finished_at = finished_at - interval '400 days' WHERE id = %s", job)
        with self.committed() as env:
            self.assertNotIn(job, old_jobs(env.cr, 30))
            with self.assertRaisesRegex(UserError, "being undone"):
                env["batch.job"].browse(job).unlink()
        self.work()
        self.assertEqual(self.names(), ["Partner 0"])
        with self.committed() as env:
            self.assertIn(job, old_jobs(env.cr, 30))

    def test_failures_name_the_records_and_can_not_be_mended(self):
        ids = self.make_partners(1)
        job = self.done(self.update(ids, name="Changed"))
        with self.committed() as env:
            env["res.partner"].browse(ids).name = "Somebody"
        undo = self.undo(job)
        with self.committed(self.user_id) as env:
            failure = env["batch.failure"].search([("job_id", "=", undo)])
            self.assertEqual((failure.label, failure.record_id), ("Somebody", ids[0]))
            file = io.BytesIO()
            write_failures(env["batch.job"].browse(undo), "csv", file)
            self.assertEqual(file.getvalue().decode().splitlines()[1].split(",")[:3], [str(ids[0]), "op-1", "0"])
            with self.assertRaisesRegex(ValidationError, "an undo does"):
                failure.values = json.dumps([ids[0], 1])

    def test_it_starts_once(self):
        job = self.done(self.update(self.make_partners(1), name="Changed"))
        undo = self.undo(job)
        with self.assertRaisesRegex(UserError, f"{undo}: Undo of"):
            self.call(job, "undo")
        with self.assertRaisesRegex(UserError, "can't be retried"), self.committed(self.user_id) as env:
            env.cr.execute("UPDATE batch_job SET failed_records = 1 WHERE id = %s", [job])
            env["batch.job"].browse(job).retry()
        with self.committed() as env:
            self.assertEqual(env["batch.job"].browse(job).undo_job_id.id, undo)

    def test_two_calls_at_once_start_it_once(self):
        job = self.done(self.update(self.make_partners(1), name="Changed"))
        with self.in_threads(2) as pool:
            calls = [pool.submit(self.call, job, "undo") for _ in range(2)]
            wait(calls, 60)
        errors = [call.exception() for call in calls if call.exception()]
        self.assertEqual([type(error) for error in errors], [UserError], errors)
        self.assertEqual(self.sql("SELECT count(*) FROM batch_job WHERE origin_job_id = %s", job), [(1,)])

    def test_what_can_not_be_undone_is_refused(self):
        ids = self.make_partners(2)
        update = self.update(ids[:1], name="Changed")
        for message, made in (
            ("finished", lambda: self.submit(update, track_changes=True)),
            ("dry run", lambda: self.done(update, dry_run=True)),
            ("track", lambda: self.done(update, track_changes=False)),
            ("nothing", lambda: self.done(self.update(ids[1:], name="Partner 1"))),
        ):
            with self.subTest(message), self.assertRaisesRegex(UserError, message):
                self.call(made(), "undo")

    def test_only_the_submitter_may(self):
        job = self.done(self.update(self.make_partners(1), name="Changed"))
        with self.committed() as env:
            manager = self.new_user(env, f"manager-{self.mark}", "batch_executor.group_batch_manager", "base.group_system").id
        with self.assertRaises(AccessError), self.committed(manager) as env:
            env["batch.job"].browse(job).undo()

    def test_it_is_stored_page_by_page_in_the_order_newest_first(self):
        ids = self.make_partners(7)
        job = self.done(self.update(ids[:4], name="a"), self.update(ids[3:], name="b"), max_chunk_size=2)
        self.patch(store, "PAGE", 2)
        undo = self.undo(job)
        changes = [payload for chunk in self.chunks(undo) for payload in self.changes_in(chunk)]
        self.assertEqual(changes, sorted(changes, reverse=True))
        self.assertEqual((len(changes), self.names()), (8, [f"Partner {number}" for number in range(7)]))

    def changes_in(self, chunk):
        return [item[1] for item in Payload.decode(chunk["payload"]).items]

    def test_a_preview_says_what_would_stay(self):
        ids = self.make_partners(3)
        job = self.done(
            self.update(ids, name="Changed"),
            self.update(ids[:1], name="Again"),
            {"operation_type": "delete", "model": "res.partner", "record_ids": ids[2:]},
        )
        with self.committed() as env:
            env["res.partner"].browse(ids[1]).name = "Somebody"
        found = self.call(job, "undo_preview")
        self.assertEqual(found, {"changes": 5, "looked_at": 3, "changed": 1, "deleted": 1, "is_whole": True})
        for name, most, looked_at in (("LOOKED_AT", 2, 2), ("READ_BYTES", 1, 0)):
            self.patch(undoing, name, most)
            found = self.call(job, "undo_preview")
            self.assertEqual((found["looked_at"], found["is_whole"]), (looked_at, False))
        self.assertIn("Changes to take back: 5.", self.call(job, "action_undo")["params"]["text"])

    def test_the_form_says_what_it_has_done(self):
        undo = self.undo(self.done(self.update(self.make_partners(2), name="Changed")))
        with self.committed(self.user_id) as env:
            self.assertEqual(env["batch.job"].browse(undo).outcomes_text, "2 taken back")

    def test_where_nothing_comes_back_it_is_not_offered(self):
        ids = self.make_partners(3)
        job = self.done({"operation_type": "delete", "model": "res.partner", "record_ids": ids[1:]})
        with self.assertRaisesRegex(UserError, "can't be undone.*\nNot to be brought back: 2 records."):
            self.call(job, "action_undo")
        job = self.done(self.update(ids[:1], name="Changed"))
        with self.committed() as env:
            env["res.partner"].browse(ids[0]).name = "Somebody"
        with self.assertRaisesRegex(UserError, "can't be undone.*\nChanged since, and left as they are: 1 record."):
            self.call(job, "action_undo")
        self.patch(undoing, "READ_BYTES", 1)
        self.assertIn("Changes to take back: 1.", self.call(job, "action_undo")["params"]["text"], "not all was looked at")

    def test_a_chunk_ends_before_its_values_are_too_large(self):
        ids = self.make_partners(4)
        job = self.done(self.update(ids[:2], name="Changed"), *(self.update([id_], name="Changed") for id_ in ids[2:]))
        self.patch(planning, "TARGET_BYTES", 1)
        undo = self.undo(job)
        self.assertEqual([chunk["record_count"] for chunk in self.chunks(undo)], [1] * 4)
        self.assertEqual((self.names(), self.failures(undo)), ([*NAMES, "Partner 3"], []))

    def test_the_log_of_both_says_so(self):
        job = self.done(self.update(self.make_partners(1), name="Changed"))
        undo = self.undo(job)
        with self.committed() as env:
            logs = [" ".join(env["batch.job"].browse(id_).message_ids.mapped("body")) for id_ in (job, undo)]
        self.assertIn(f"data-oe-id=\"{undo}\"", logs[0])
        self.assertIn(f"data-oe-id=\"{job}\"", logs[1])
