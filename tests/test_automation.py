"""Server actions of the type *Run as Batch Job* that nobody starts: automation rules and the scheduler."""

from odoo import Command
from odoo.exceptions import AccessError

from .server_actions_case import ServerActionsCase


class TestAutomation(ServerActionsCase):
    def rule(self, field="ref", domain="[('ref', '=', 'fire')]", **values):
        """A rule on partners whose `ref` is changed to "fire", or some other field; returns the id of its action."""
        with self.committed(self.admin.id) as env:
            if "base.automation" not in env:
                self.skipTest("needs base_automation")
            fields = env["ir.model.fields"]
            rule = env["base.automation"].create(
                {
                    "name": "Fire",
                    "model_id": env["ir.model"]._get_id("res.partner"),
                    "trigger": "on_create_or_write",
                    "trigger_field_ids": [Command.set(fields._get("res.partner", field).ids)],
                    "filter_domain": domain,
                    "action_server_ids": [
                        Command.create(
                            {
                                "name": "Fired",
                                "usage": "base_automation",
                                "model_id": env["ir.model"]._get_id("res.partner"),
                                "state": "batch",
                                "batch_type": "update",
                                "update_path": "city",
                                "value": "Fired",
                                **values,
                            }
                        )
                    ],
                }
            )
            action_id = rule.action_server_ids.id
        self.addCleanup(self._delete_rule, rule.id)
        return action_id

    def _delete_rule(self, rule_id):
        with self.committed() as env:
            env["base.automation"].browse(rule_id).unlink()

    def fire(self, someone, ids):
        last = self.last_job()
        with self.committed(someone.id) as env:
            env["res.partner"].browse(ids).write({"ref": "fire"})
        jobs = self.jobs_since(last)
        self.work()
        return jobs

    def test_all_records_of_a_transaction_are_one_job_of_who_changed_them(self):
        self.rule()
        ids = self.partners("Fire A", "Fire B", "Fire C")
        [job_id] = self.fire(self.user, ids)
        with self.committed(self.user.id) as env:
            job = env["batch.job"].browse(job_id)
            self.assertEqual((job.user_id.id, job.state, job.total_records), (self.user.id, "completed", 3))
        self.assertEqual(self.read(ids, "city"), [("Fired",)] * 3)

    def test_it_is_no_job_of_somebody_who_may_not_use_batches(self):
        self.rule()
        with self.committed(self.admin.id) as env:
            nobody = self.new_user(env, "batch-seller", "base.group_user", "base.group_partner_manager")
        ids = self.partners("Fire D")
        [job_id] = self.fire(nobody, ids)
        with self.committed() as env:
            self.assertEqual(env["batch.job"].browse(job_id).user_id.id, self.admin.id, "who set up the rule")
        self.assertEqual(self.read(ids, "city"), [("Fired",)])

    def test_nobody_borrows_the_rights_of_who_set_up_a_rule(self):
        actions = [self.rule(), self.batch_action(batch_type="delete")]
        with self.committed(self.admin.id) as env:
            env["ir.actions.server"].browse(actions).group_ids = False
            nobody = self.new_user(env, "batch-borrower", "base.group_user", "base.group_partner_manager")
        ids = self.partners("Borrowed")
        last = self.last_job()
        for run in actions:
            for context in {}, {"__action_done": {}}, {"__action_done": {"base.automation(1,)": ids}}:
                with self.subTest(run=run, context=context), self.assertRaisesRegex(AccessError, "Batch / User"):
                    self.run_action(run, *ids, user=nobody, **context)
        self.assertEqual(self.jobs_since(last), [])
        job_id = self.run_action(actions[0], *ids)
        with self.committed(self.user.id) as env:
            self.assertEqual(env["batch.job"].browse(job_id).user_id.id, self.user.id, "run by hand, it is a job like any other")
        self.work()

    def test_it_is_a_job_also_where_an_action_in_a_job_or_a_forged_context_makes_the_change(self):
        self.rule()
        ids = self.partners("Forged", "Acted")
        last = self.last_job()
        with self.committed(self.user.id, batch_executor_at_once=True) as env:
            env["res.partner"].browse(ids[0]).write({"ref": "fire"})
        self.assertEqual((len(self.jobs_since(last)), self.read(ids[:1], "city")), (1, [(False,)]))
        run = self.server_action("records.write({'ref': 'fire'})")
        self.run_one({"operation_type": "action", "model": "res.partner", "action": run, "record_ids": ids[1:]})
        self.work()
        self.assertEqual((len(self.jobs_since(last)), self.read(ids, "city")), (3, [("Fired",)] * 2))

    def test_a_part_of_an_action_of_several_has_no_sudo_either(self):
        child = self.batch_action(batch_type="update", update_path="city", evaluation_type="equation", value="str(env.su)")
        parent = self.server_action(False, state="multi", child_ids=[Command.set([child])])
        ids = self.partners("Part")
        self.run_one({"operation_type": "action", "model": "res.partner", "action": parent, "record_ids": ids})
        self.assertEqual(self.read(ids, "city"), [("False",)])

    def test_its_own_changes_do_not_start_it_again(self):
        again = self.server_action("records.write({'ref': 'again'})\nrecords.write({'ref': 'fire', 'city': 'Looped'})")
        self.rule(batch_type="action", batch_action_id=again)
        self.check_no_loop(jobs=1)

    def test_nor_do_those_of_a_job_that_it_submits(self):
        update = "{'operation_type': 'update', 'model': 'res.partner', 'record_ids': records.ids, 'data': %s}"
        operations = ", ".join(update % data for data in ({"ref": "again"}, {"ref": "fire", "city": "Looped"}))
        submits = self.server_action(f"env['batch.job'].submit([{operations}], max_concurrency=1)")
        self.rule(batch_type="action", batch_action_id=submits)
        self.check_no_loop(jobs=2)

    def check_no_loop(self, jobs):
        last = self.last_job()
        ids = self.partners("Loop")
        self.fire(self.user, ids)
        self.work()
        self.assertEqual((len(self.jobs_since(last)), self.read(ids, "ref", "city")), (jobs, [("fire", "Looped")]))

    def test_nor_does_the_undo_of_its_job(self):
        ids = self.partners("Undone")
        self.rule("city", False, batch_track_changes=True)
        [made] = self.write_city(ids)
        self.assertEqual(self.read(ids, "city"), [("Fired",)])
        [_undo] = self.made_by("undo", made)
        self.assertEqual(self.read(ids, "city"), [("a",)])

    def test_nor_does_its_plan_once_it_is_run_for_real(self):
        ids = self.partners("Planned")
        self.rule("city", False, batch_track_changes=True, batch_dry_run=True)
        [plan] = self.write_city(ids)
        self.assertEqual(self.read(ids, "city"), [("a",)])
        [applied] = self.made_by("apply", plan)
        self.assertEqual(self.read(ids, "city"), [("Fired",)])
        [_undo] = self.made_by("undo", applied)
        self.assertEqual(self.read(ids, "city"), [("a",)])

    def write_city(self, ids):
        """Write another city, which starts a rule; returns the jobs that this has made."""
        last = self.last_job()
        with self.committed(self.user.id) as env:
            env["res.partner"].browse(ids).write({"city": "a"})
        self.work()
        return self.jobs_since(last)

    def made_by(self, verb, job_id):
        """Call `undo` or `apply`; returns the jobs that this has made, one way or another."""
        last = self.last_job()
        with self.committed(self.user.id) as env:
            getattr(env["batch.job"].browse(job_id), verb)()
        self.work()
        self.work()
        return self.jobs_since(last)

    def test_nobody_evades_it_by_a_context(self):
        run = self.rule()
        forged = {"batch_executor_started_by": [run]}
        ids = self.partners("Direct", "Submitted")
        last = self.last_job()
        with self.committed(self.user.id, **forged) as env:
            env["res.partner"].browse(ids[0]).write({"ref": "fire"})
        self.assertEqual(len(self.jobs_since(last)), 1)
        with self.committed(self.user.id, **forged) as env:
            update = {"operation_type": "update", "model": "res.partner", "data": {"ref": "fire"}, "record_ids": ids[1:]}
            env["batch.job"].submit([{**update, "context": forged}])
        self.work()
        self.work()
        self.assertEqual((len(self.jobs_since(last)), self.read(ids, "city")), (3, [("Fired",)] * 2))


class TestScheduled(ServerActionsCase):
    def test_a_scheduled_action_takes_its_filter(self):
        ids = self.partners("Scheduled", ref="nightly")
        with self.committed(self.admin.id) as env:
            cron = env["ir.cron"].create(
                {
                    "name": "Nightly batch",
                    "model_id": env["ir.model"]._get_id("res.partner"),
                    "user_id": self.user.id,
                    "state": "batch",
                    "batch_type": "update",
                    "update_path": "city",
                    "value": "Night",
                    "batch_domain": "[('ref', '=', 'nightly')]",
                }
            )
            self.assertEqual(cron.allowed_states, ["batch", "code"])
        self.addCleanup(self._delete_cron, cron.id)
        last = self.last_job()
        with self.committed(self.admin.id) as env:
            self.assertIs(env["ir.cron"].browse(cron.id).method_direct_trigger(), True)
        [job_id] = self.jobs_since(last)
        self.work()
        self.assertEqual(self.read(ids, "city"), [("Night",)])
        with self.committed(self.user.id) as env:
            self.assertEqual(env["batch.job"].browse(job_id).user_id.id, self.user.id)
        self.sql("UPDATE res_partner SET ref = NULL WHERE id = ANY(%s)", ids)
        with self.committed(self.admin.id) as env:
            env["ir.cron"].browse(cron.id).method_direct_trigger()
        self.assertEqual(self.jobs_since(job_id), [], "no job without records")

    def test_it_goes_with_the_addon(self):
        with self.committed() as env:
            values = {"name": "Left behind", "model_id": env["ir.model"]._get_id("res.partner"), "state": "batch", "active": False}
            cron = env["ir.cron"].create(values)
            action = cron.ir_actions_server_id
            env["ir.actions.server"]._fields["state"].ondelete["batch"](action)
            self.assertFalse(cron.exists() or action.exists())

    def _delete_cron(self, cron_id):
        with self.committed() as env:
            env["ir.cron"].browse(cron_id).unlink()
