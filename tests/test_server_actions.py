"""Server actions of the type *Run as Batch Job*: from menus and by code."""

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form

from .server_actions_case import ServerActionsCase


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

    def test_what_each_of_its_jobs_would_be_refused_for_is_refused_when_it_is_saved(self):
        action_id = self.update_action("city", value="X", batch_chunk_size=7)
        wrong = (
            ({"batch_chunk_size": -5}, "Chunk Size: must be"),
            ({"batch_chunk_size": 10**9}, "Chunk Size: must be"),
            ({"batch_concurrency": 99_999}, "Concurrency: must be"),
            ({"batch_concurrency": -1, "batch_chunk_size": -1}, "Chunk Size: must be.*\n.*Concurrency: must be"),
            ({"name": "x" * 300}, "Name: must be"),
        )
        with self.committed(self.admin.id) as env:
            action = env["ir.actions.server"].browse(action_id)
            other = action.create({"name": "Other", "model_id": action.model_id.id, "state": "code", "batch_concurrency": -1})
            for values, text in wrong:
                with self.subTest(values), self.assertRaisesRegex(ValidationError, text), env.cr.savepoint():
                    action.write(values)
            with self.assertRaisesRegex(ValidationError, "Concurrency"), env.cr.savepoint():
                other.state = "batch"
            with self.assertRaisesRegex(ValidationError, "Chunk Size"), env.cr.savepoint():
                other.copy({"state": "batch", "batch_concurrency": 0, "batch_chunk_size": -1})
            other.write({"name": "x" * 300, "batch_chunk_size": -5})  # which it does not use

    def test_a_scheduled_action_is_set_up_from_scratch(self):
        ids = self.partners("Scheduled A", "Scheduled B", ref="scheduled")
        with self.committed(self.admin.id) as env:
            form = Form(env["ir.cron"])
            form.name = "Move them"
            form.model_id = env["ir.model"]._get("res.partner")
            form.state = "batch"
            self.assertEqual(form.model_name, "res.partner", "by which the editors of the filter and of the field know their model")
            form.update_path = "city"
            form.value = "Ghent"
            form.batch_domain = "[('ref', '=', 'scheduled')]"
            cron = form.save()
            self.assertEqual((cron.update_field_id.name, cron.usage, cron.warning), ("city", "ir_cron", False))
        self.addCleanup(self._delete_cron, cron.id)
        with self.committed(self.admin.id) as env:
            env["ir.cron"].browse(cron.id).method_direct_trigger()
        self.work()
        self.assertEqual(self.read(ids, "city"), [("Ghent",)] * 2)

    def _delete_cron(self, cron_id):
        with self.committed() as env:
            env["ir.cron"].browse(cron_id).unlink()

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
