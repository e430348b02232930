"""Server actions of the type *Run as Batch Job*: from menus, automation rules and the scheduler."""

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import Form

from .test_action_operations import ActionsCase


class ServerActionsCase(ActionsCase):
    """Batch actions on partners, made by an administrator."""

    def batch_action(self, **values):
        with self.committed(self.admin.id) as env:
            values = {"name": "Batch it", "model_id": env["ir.model"]._get_id("res.partner"), "state": "batch", **values}
            return env["ir.actions.server"].create(values).id

    def run_action(self, action_id, *ids, user=None, **context):
        """Run an action as the backend does; returns the id of the job it opens."""
        if ids:
            context = {"active_model": "res.partner", "active_ids": list(ids), "active_id": ids[0], **context}
        with self.committed((user or self.user).id, **context) as env:
            opened = env["ir.actions.server"].browse(action_id).run()
        if not opened:
            return opened
        self.assertEqual((opened["res_model"], opened["views"]), ("batch.job", [[False, "form"]]))
        return opened["res_id"]

    def jobs_since(self, last):
        return [job_id for (job_id,) in self.sql("SELECT id FROM batch_job WHERE id > %s ORDER BY id", last)]

    def last_job(self):
        return self.sql("SELECT coalesce(max(id), 0) FROM batch_job")[0][0]


class TestServerActions(ServerActionsCase):
    def update_action(self, path, **values):
        return self.batch_action(batch_type="update", update_path=path, evaluation_type="value", **values)

    def test_an_update_is_an_operation_with_its_value(self):
        with self.committed() as env:
            belgium = env.ref("base.be")
        for path, values, expected in (
            ("city", {"value": "Ghent"}, "Ghent"),
            ("color", {"value": "7"}, 7),
            ("is_company", {"update_boolean_value": "true"}, True),
            ("country_id", {"value": str(belgium.id)}, belgium.id),
        ):
            with self.subTest(path=path):
                ids = self.partners("Updated A", "Updated B")
                job_id = self.run_action(self.update_action(path, **values), *ids)
                self.work()
                [entry] = self.result_of(job_id)["results"]
                self.assertEqual((entry["operation_type"], entry["processed_records"]), ("update", 2))
                self.assertEqual(self.read(ids, path), [(expected,)] * 2)

    def test_what_is_evaluated_is_evaluated_for_each_record(self):
        ids = self.partners("Own A", "Own B")
        computed = self.batch_action(
            batch_type="update", update_path="city", evaluation_type="equation", value="record.name + ' by ' + env.user.login"
        )
        self.run_action(computed, *ids)
        self.work()
        login = self.user.login
        self.assertEqual(self.read(ids, "city"), [(f"Own A by {login}",), (f"Own B by {login}",)])
        with self.committed() as env:
            parent = env["res.partner"].create({"name": "Parent"})
            env["res.partner"].browse(ids[0]).parent_id = parent
        self.run_action(self.update_action("parent_id.street", value="By path"), ids[0])
        self.work()
        self.assertEqual(self.read(parent.ids, "street"), [("By path",)])

    def test_methods_deletion_and_other_actions(self):
        ids = self.partners("Method A", "Method B")
        self.run_action(self.batch_action(batch_type="call", batch_method="action_archive"), *ids)
        self.work()
        self.assertEqual(self.read(ids, "active"), [(False,)] * 2)
        child = self.server_action("records.write({'city': env.user.login})")
        self.run_action(self.batch_action(batch_type="action", batch_action_id=child), *ids)
        self.work()
        self.assertEqual(self.read(ids, "city"), [(self.user.login,)] * 2)
        self.run_action(self.batch_action(batch_type="delete"), *ids)
        self.work()
        self.assertEqual(self.read(ids, "id"), [])

    def test_options_become_those_of_the_job(self):
        ids = self.partners("Optioned")
        run = self.update_action(
            "city",
            value="Nowhere",
            batch_chunk_size=7,
            batch_concurrency=2,
            batch_rollback="chunk",
            batch_dry_run=True,
            batch_quiet=True,
            batch_track_changes=True,
            batch_notify="never",
        )
        job_id = self.run_action(run, *ids)
        self.work()
        with self.committed(self.user.id) as env:
            job = env["batch.job"].browse(job_id)
            self.assertEqual(
                (job.name, job.max_chunk_size, job.max_concurrency, job.rollback, job.dry_run, job.quiet, job.notify, job.state),
                ("Batch it", 7, 2, "chunk", True, True, "never", "completed"),
            )
            self.assertEqual((job.track_changes, job.outcomes_text), (True, "1 would be updated"))
        self.assertEqual(self.read(ids, "city"), [(False,)])

    def test_the_whole_filtered_set_goes_as_its_domain(self):
        ids = self.partners("Filtered A", "Filtered B", "Filtered C", ref="filtered")
        run = self.update_action("city", value="All of them")
        view = {"search_default_type": 1, "default_city": "X", "group_by": ["city"], "active_test": False}
        job_id = self.run_action(run, active_model="res.partner", active_domain=[("ref", "=", "filtered")], **view)
        with self.committed(self.user.id) as env:
            job = env["batch.job"].browse(job_id)
            self.assertEqual(job.total_records, 0, "its records are found when it runs")
            self.assertIn('"active_test"', job.context)
            for key in ("active_domain", "search_default_type", "default_city", "group_by"):
                self.assertNotIn(key, job.context)
        self.work()
        self.assertEqual(set(self.read(ids, "city")), {("All of them",)})
        with self.assertRaisesRegex(UserError, "no records"):
            self.run_action(run, active_domain=[("ref", "=", "nobody")], active_model="res.partner")

    def test_selected_records_come_before_the_domain_of_their_list(self):
        ids = self.partners("Selected", "Not selected", ref="selected")
        self.run_action(self.update_action("city", value="Chosen"), ids[0], active_domain=[("ref", "=", "selected")])
        self.work()
        self.assertEqual(self.read(ids, "city"), [("Chosen",), (False,)])

    def test_without_records_it_says_so_or_takes_its_own_filter(self):
        run = self.update_action("city", value="Filter")
        with self.assertRaisesRegex(UserError, "Select the records first"):
            self.run_action(run)
        with self.assertRaisesRegex(UserError, "another model"):
            self.run_action(run, active_model="res.users", active_ids=[1])
        ids = self.partners("By filter", ref="own filter")
        with self.committed(self.admin.id) as env:
            env["ir.actions.server"].browse(run).batch_domain = "[('ref', '=', 'own filter'), ('create_uid', '!=', uid)]"
        self.run_action(run)
        self.work()
        self.assertEqual(self.read(ids, "city"), [("Filter",)])
        with self.committed(self.admin.id) as env:
            env["ir.actions.server"].browse(run).batch_domain = "[('nope', '=', 1)]"
        with self.assertRaisesRegex(UserError, "filter"):
            self.run_action(run)

    def test_only_batch_users_see_it_and_run_it(self):
        run = self.update_action("city", value="Rights")
        ids = self.partners("Rights")
        with self.committed(self.admin.id) as env:
            env["ir.actions.server"].browse(run).create_action()
            nobody = self.new_user(env, "batch-nobody", "base.group_user", "base.group_partner_manager")
        for someone, seen in ((self.user, True), (nobody, False)):
            with self.committed(someone.id) as env:
                found = env["ir.actions.actions"].get_bindings("res.partner").get("action", ())
                self.assertEqual([one.get("is_batch") for one in found if one["id"] == run], [True] if seen else [])
        with self.assertRaisesRegex(AccessError, "Batch / User"):
            self.run_action(run, *ids, user=nobody)
        with self.committed() as env:
            env["ir.actions.server"].browse(run).group_ids = False
        with self.assertRaisesRegex(AccessError, "Batch / User"):
            self.run_action(run, *ids, user=nobody)

    def test_the_records_are_changed_with_the_rights_of_who_runs_it(self):
        with self.committed(self.admin.id) as env:
            reader = self.new_user(env, "batch-reader", "base.group_user", "batch_executor.group_batch_user")
        ids = self.partners("Read only")
        computed = self.batch_action(batch_type="update", update_path="city", evaluation_type="equation", value="'computed'")
        job_id = self.run_action(computed, *ids, user=reader)
        self.work()
        with self.committed(reader.id) as env:
            [entry] = env["batch.job"].browse(job_id).result()["results"]
        self.assertEqual((entry["state"], entry["failures"][0]["error_type"]), ("failed", "AccessError"))
        self.assertEqual(self.read(ids, "city"), [(False,)])

    def test_a_changed_action_does_not_run_with_the_rights_of_who_ran_it_before(self):
        computed = self.batch_action(batch_type="update", update_path="city", evaluation_type="equation", value="'first'")
        child = self.server_action("records.write({'city': 'child'})")
        parent = self.batch_action(batch_type="action", batch_action_id=child)
        ids = self.partners("Pinned")
        for run, changed in ((computed, computed), (parent, child)):
            job_id = self.run_action(run, *ids)
            self.sql("UPDATE ir_act_server SET write_uid = %s WHERE id = %s", self.other.id, changed)
            self.work()
            [entry] = self.result_of(job_id)["results"]
            self.assertFailsWith(entry, self.other.login)
        self.assertEqual(self.read(ids, "city"), [(False,)])

    def test_a_batch_action_inside_a_job_starts_no_other_one(self):
        ids = self.partners("Inside")
        run = self.update_action("city", value="Inside")
        last = self.last_job()
        entry = self.run_one({"operation_type": "action", "model": "res.partner", "action": run, "record_ids": ids})
        self.assertTrue(entry["success"])
        self.assertEqual((len(self.jobs_since(last)), self.read(ids, "city")), (1, [("Inside",)]))

    def test_mistakes_are_named_in_the_editor(self):
        other = self.server_action("pass", model="res.users")
        for values, text in (
            ({"batch_type": "call", "batch_method": "_write"}, "no public method"),
            ({"batch_type": "call"}, "no public method"),
            ({"batch_type": "action"}, "Choose the action"),
            ({"batch_type": "action", "batch_action_id": other}, "another model"),
            ({"batch_type": "action", "batch_action_id": self.batch_action(batch_type="delete")}, "batch action itself"),
            ({"batch_type": "update", "update_path": False}, "Choose the field"),
        ):
            with self.subTest(values=values), self.committed(self.admin.id) as env:
                self.assertIn(text, env["ir.actions.server"].browse(self.batch_action(**values)).warning or "")

    def test_the_editor_makes_one(self):
        with self.committed(self.admin.id) as env:
            form = Form(env["ir.actions.server"])
            form.model_id = env["ir.model"]._get("res.partner")
            form.state = "batch"
            form.batch_type = "update"
            form.update_path = "city"
            form.value = "By form"
            made = form.save()
            self.assertEqual((made.update_field_id.name, made.warning), ("city", False))
            self.assertEqual(made.group_ids, env.ref("batch_executor.group_batch_user"))
        ids = self.partners("By form")
        self.run_action(made.id, *ids)
        self.work()
        self.assertEqual(self.read(ids, "city"), [("By form",)])


class TestAutomation(ServerActionsCase):
    def rule(self, **values):
        """A rule on partners whose `ref` is changed to "fire"."""
        with self.committed(self.admin.id) as env:
            if "base.automation" not in env:
                self.skipTest("needs base_automation")
            fields = env["ir.model.fields"]
            rule = env["base.automation"].create(
                {
                    "name": "Fire",
                    "model_id": env["ir.model"]._get_id("res.partner"),
                    "trigger": "on_create_or_write",
                    "trigger_field_ids": [Command.set(fields._get("res.partner", "ref").ids)],
                    "filter_domain": "[('ref', '=', 'fire')]",
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
