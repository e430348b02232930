"""What people are asked before a plan is run for real or a job is undone, and what the buttons do then."""

from odoo.exceptions import AccessError, UserError

from .lane_case import LaneCase


class TestQuestions(LaneCase):
    def done(self, *operations, **options):
        job = self.submit(*operations, **{"track_changes": True, **options})
        self.work()
        return job

    def asked(self, job, method):
        """The lines of the question; nothing has been done yet."""
        action = self.call(job, method)
        self.assertEqual((action["tag"], action["params"]["job_id"], action["params"]["method"]), ("batch_executor.confirm_verb", job, method))
        return action["params"]["text"].split("\n")

    def confirm(self, job, method):
        """The job that the button has made, once it has run."""
        made = self.call(job, method, confirmed=True)
        self.assertEqual(made["res_model"], "batch.job")
        self.work()
        return made["res_id"]

    def shown(self, job, *names):
        with self.committed(self.user_id) as env:
            record = env["batch.job"].browse(job)
            return tuple(record[name].id if name.endswith("_job_id") else record[name] for name in names)

    def update(self, ids, **values):
        return {"operation_type": "update", "model": "res.partner", "record_ids": ids, "data": values}

    def test_an_undo_says_first_what_comes_back_and_what_stays(self):
        ids = self.make_partners(4)
        delete = {"operation_type": "delete", "model": "res.partner", "data": ids[3:]}
        create = {**self.creates(1), "data": [{"name": "Made", "ref": f"{self.mark}-9"}]}
        job = self.done(self.update(ids[:3], city="Ghent"), create, delete)
        with self.committed() as env:
            env["res.partner"].browse(ids[0]).city = "Lyon"
        lines = [
            "Brought back to what they were: 3 records.",
            "Changed since, and left as they are: 1 record.",
            "Not to be brought back: 1 record.",
            "What the job has created is deleted.",
        ]
        self.assertEqual(self.asked(job, "action_undo"), lines)
        self.assertEqual(self.shown(job, "can_undo", "can_apply", "undo_job_id"), (True, False, False))
        undo = self.confirm(job, "action_undo")
        self.assertEqual(self.shown(job, "can_undo", "undo_job_id"), (False, undo))
        self.assertEqual(self.shown(undo, "origin_job_id", "origin_kind", "state"), (job, "undo", "partial"))
        self.assertEqual(self.partners("city"), [(0, "Lyon"), (1, None), (2, None)])
        with self.committed(self.user_id) as env:
            failures = env["batch.failure"].search([("job_id", "=", undo)])
            self.assertEqual(set(failures.mapped("label")), {"Partner 0", "Partner 3"}, "also of the record that is gone")
        with self.assertRaises(UserError):
            self.call(job, "action_undo", confirmed=True)

    def test_a_plan_says_first_what_it_would_do(self):
        ids = self.make_partners(2)
        operations = self.update(ids, city="Ghent"), {**self.creates(1), "data": [{"name": False}]}
        plan = self.done(*operations, dry_run=True)
        lines = [
            "2 would be updated",
            "Failed in the dry run, and will be tried again: 1 record.",
            "A record that is no longer what the dry run saw is left alone, and listed as failed.",
        ]
        self.assertEqual(self.asked(plan, "action_apply"), lines)
        self.assertEqual(self.shown(plan, "can_undo", "can_apply", "apply_job_id"), (False, True, False))
        real = self.confirm(plan, "action_apply")
        self.assertEqual(self.partners("city"), [(0, "Ghent"), (1, "Ghent")])
        self.assertEqual(self.shown(plan, "can_apply", "apply_job_id"), (False, real))
        self.assertEqual(self.shown(real, "origin_job_id", "origin_kind", "can_undo"), (plan, "apply", True))
        blind = self.done(self.update(ids, city="Lyon"), dry_run=True, track_changes=False)
        self.assertEqual(self.asked(blind, "action_apply")[1:], [
            "The dry run has not remembered what it saw: records that were changed since are overwritten."
        ])  # fmt: skip

    def test_only_who_has_submitted_is_asked(self):
        job = self.done(self.update(self.make_partners(1), city="Ghent"))
        with self.committed() as env:
            manager = self.new_user(env, f"manager-{self.mark}", "base.group_user", "batch_executor.group_batch_manager").id
        with self.committed(manager) as env, self.assertRaises(AccessError):
            env["batch.job"].browse(job).action_undo()
