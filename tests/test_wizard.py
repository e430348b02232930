"""*Run in batch…* and *Batch > New*: the wizard, its plan and its job."""

import json

from odoo.exceptions import AccessError, UserError
from odoo.tests import Form

from odoo.addons.batch_executor.exceptions import BatchValidationError

from .test_action_operations import ActionsCase


class TestWizard(ActionsCase):
    def wizard(self, env, selected=None, domain=None, **values):
        """The wizard as a list opens it, with these choices."""
        opened = env["batch.wizard"].open_for("res.partner", selected, domain)
        self.assertEqual((opened["res_model"], opened["target"]), ("batch.wizard", "new"))
        wizard = env["batch.wizard"].browse(opened["res_id"])
        if isinstance(values.get("values"), dict):
            values["values"] = json.dumps(values["values"])
        wizard.write(values)
        return wizard

    def run_wizard(self, *args, **values):
        with self.committed(self.user.id) as env:
            opened = self.wizard(env, *args, **values).action_run()
        self.assertEqual(opened["res_model"], "batch.job")
        self.work()
        return opened["res_id"]

    def test_a_plan_shows_before_and_after_and_leaves_nothing(self):
        ids = self.partners(*(f"Plan {n}" for n in range(12)), city="Before")
        with self.committed(self.user.id) as env:
            wizard = self.wizard(env, ids, values={"city": "After"})
            opened = wizard.action_plan()
            self.assertEqual((opened["res_id"], wizard.step), (wizard.id, "plan"))
            for text in ("12 records", "first 10", "Plan 0", "Before", "After"):
                self.assertIn(text, wizard.plan)
            self.assertNotIn("Plan 11", wizard.plan)
            wizard.action_edit()
            self.assertEqual(wizard.step, "edit")
        self.assertEqual(set(self.read(ids, "city")), {("Before",)})

    def test_a_plan_shows_failures_and_escapes_names(self):
        run = self.server_action(
            "for one in records:\n    if one.ref == 'bad':\n        raise UserError('<b>no</b>')\n    one.write({'city': 'done'})"
        )
        ids = self.partners("<i>Fine</i>", "Bad")
        with self.committed() as env:
            env["res.partner"].browse(ids[1]).ref = "bad"
        with self.committed(self.user.id) as env:
            wizard = self.wizard(env, ids, batch_type="action", action_id=run)
            wizard.action_plan()
            self.assertIn("&lt;b&gt;no&lt;/b&gt;", wizard.plan)
            self.assertIn("&lt;i&gt;Fine&lt;/i&gt;", wizard.plan)
            self.assertIn("done", wizard.plan)
        self.assertEqual(set(self.read(ids, "city")), {(False,)})

    def test_a_plan_of_a_deletion_and_of_nothing(self):
        ids = self.partners("Doomed")
        with self.committed(self.user.id) as env:
            wizard = self.wizard(env, ids, batch_type="delete")
            wizard.action_plan()
            self.assertIn("would be deleted", wizard.plan)
            self.assertTrue(wizard.can_run and wizard.is_deletion)
            wizard = self.wizard(env, None, [("ref", "=", "nobody")], batch_type="delete")
            wizard.action_plan()
            self.assertIn("No record", wizard.plan)
            self.assertFalse(wizard.can_run)
            wizard.run_at = "2099-01-01 00:00:00"
            wizard.action_plan()
            self.assertTrue(wizard.can_run, "there may be records by then")
        self.assertEqual(self.names_of(ids), ["Doomed"])

    def test_an_update_remembers_its_changes_unless_that_is_not_wanted(self):
        ids = self.partners("Remembered")
        with self.committed(self.user.id) as env:
            self.assertFalse(self.wizard(env, ids, batch_type="delete").track_changes)
        for values in ({}, {"track_changes": False}):
            job_id = self.run_wizard(ids, values={"city": "After"}, **values)
            with self.committed(self.user.id) as env:
                self.assertEqual(env["batch.job"].browse(job_id).track_changes, not values)

    def test_it_runs_on_the_selection_or_on_all_that_match(self):
        ids = self.partners("Run A", "Run B", "Run C", ref="wizard")
        self.run_wizard(ids[:1], [("ref", "=", "wizard")], values={"city": "Selected"})
        self.assertEqual(self.read(ids, "city"), [("Selected",), (False,), (False,)])
        job_id = self.run_wizard(None, [("ref", "=", "wizard")], values={"city": "All"}, name="All of them", quiet=True, skip_unchanged=True, notify="failures")
        self.assertEqual(self.read(ids, "city"), [("All",)] * 3)
        with self.committed(self.user.id) as env:
            job = env["batch.job"].browse(job_id)
            self.assertEqual((job.name, job.quiet, job.skip_unchanged, job.notify, job.total_records), ("All of them", True, True, "failures", 3))
        self.run_wizard(ids, batch_type="call", method="action_archive")
        self.assertEqual(self.read(ids, "active"), [(False,)] * 3)
        self.run_wizard(ids, batch_type="delete")
        self.assertEqual(self.read(ids, "id"), [])

    def test_what_is_missing_or_wrong_is_said(self):
        ids = self.partners("Wrong")
        with self.committed(self.user.id) as env:
            for values, text in (
                ({}, "Choose a field"),
                ({"batch_type": "call"}, "Choose a button"),
                ({"batch_type": "action"}, "Choose a server action"),
                ({"model_name": False}, "Choose a model"),
                ({"source": "domain", "domain": "[('nope', '=', 1)]", "batch_type": "delete"}, "filter"),
                *(
                    ({"source": "domain", "domain": domain, "batch_type": "delete"}, "filter")
                    for domain in (
                        "nonsense(",
                        "[0] * 10**10",
                        "[('id', 'in', [0] * 10**10)]",
                        "[('id', '=', 10**10**10)]",
                        "[('id', '=', env)]",
                        "7",
                        "[{[]: 1}]",
                        "[" * 100_000,
                        f"[('name', '=', '{'x' * 300_000}')]",
                    )
                ),
                ({"values": "{"}, "not valid JSON"),
                ({"values": "[" * 100_000}, "not valid JSON"),
                ({"values": '[["city", "x"]]'}, "must be an object"),
                ({"record_ids": [], "batch_type": "delete"}, "Select the records"),
            ):
                with self.subTest(values=values), self.assertRaisesRegex(UserError, text):
                    self.wizard(env, ids, **values).action_plan()
            for values, key in (({"max_chunk_size": -5}, "- Chunk Size: must"), ({"max_concurrency": -1}, "- Concurrency: must"), ({"name": "x" * 300}, "- Name: must")):
                for button in ("action_plan", "action_run"):  # the plan says what the job would say
                    with self.subTest(key, button=button), self.assertRaisesRegex(BatchValidationError, key):
                        getattr(self.wizard(env, ids, values={"city": "x"}, **values), button)()
            for values in ({"values": {"nope": 1}}, {"batch_type": "call", "method": "_write"}):
                with self.subTest(values=values), self.assertRaises(BatchValidationError):
                    self.wizard(env, ids, **values).action_run()

    def test_a_filter_knows_who_uses_it(self):
        ids = self.partners("By uid A", "By uid B", ref="by uid")
        with self.committed() as env:
            env["res.partner"].browse(ids[0]).user_id = self.user.id
        self.run_wizard(
            None, source="domain", domain="['&', ('ref', '=', 'by uid'), ('user_id', 'in', [uid])]", values={"city": "Mine"}
        )
        self.assertEqual(self.read(ids, "city"), [("Mine",), (False,)])

    def test_choices_are_what_the_user_may_use(self):
        shown = self.server_action("pass", binding_model_id=self._model_id())
        closed = self.server_action("pass", binding_model_id=self._model_id(), group_ids=self._system())
        with self.committed(self.user.id) as env:
            wizards = env["batch.wizard"]
            models = dict(wizards.choices("model"))
            self.assertEqual(models["res.partner"], "Contact")
            self.assertFalse([name for name in models if name.startswith("batch.")])
            self.assertNotIn("ir.cron", models)
            actions = [action_id for action_id, _label in wizards.choices("action", "res.partner")]
            self.assertEqual((shown in actions, closed in actions), (True, False))
            self.assertIsInstance(wizards.choices("method", "res.partner"), list)
            self.assertEqual(wizards.choices("method", "no.model"), [])

    def _model_id(self):
        with self.committed() as env:
            return env["ir.model"]._get_id("res.partner")

    def _system(self):
        with self.committed() as env:
            return [(6, 0, env.ref("base.group_system").ids)]

    def test_default_values_of_the_list_are_not_its_own(self):
        defaults = {"name": "New partner", "batch_type": "delete", "dry_run": True, "step": "plan", "plan": "<b>not tried</b>"}
        context = {f"default_{name}": value for name, value in defaults.items()}
        with self.committed(self.user.id, **context) as env:
            wizard = self.wizard(env, [1])
            self.assertEqual((wizard.step, wizard.batch_type), ("edit", "update"))
            self.assertFalse(wizard.name or wizard.dry_run or wizard.plan)

    def test_nobody_reads_or_writes_the_dialog_of_another(self):
        for model, values in (
            ("batch.wizard", {"name": "mine"}),
            ("batch.failure.replace", {"name": "ref", "domain": [["id", "=", 0]]}),
            ("batch.failure.upload", {"job_id": 1, "filename": "mine.csv"}),
        ):
            with self.subTest(model):
                with self.committed(self.user.id) as env:
                    dialog = env[model].create(values).id
                for someone in (self.other, self.admin):
                    with self.committed(someone.id) as env:
                        with self.assertRaises(AccessError):
                            env[model].browse(dialog).read([*values])
                        with self.assertRaises(AccessError):
                            env[model].browse(dialog).write(values)

    def test_it_is_for_batch_users_and_each_sees_an_own_one(self):
        with self.committed(self.admin.id) as env:
            nobody = self.new_user(env, "batch-outsider", "base.group_user")
        with self.committed(nobody.id) as env:
            with self.assertRaises(AccessError):
                env["batch.wizard"].open_for("res.partner", [1])
            with self.assertRaises(AccessError):
                env["batch.wizard"].choices("model")
        with self.committed(self.user.id) as env:
            wizard = self.wizard(env, self.partners("Mine"), batch_type="delete")
        with self.committed(self.other.id) as env, self.assertRaises(AccessError):
            env["batch.wizard"].browse(wizard.id).action_run()

    def test_the_form_opens_and_starts_empty(self):
        with self.committed(self.user.id) as env:
            form = Form(env["batch.wizard"])
            form.model_name = "res.partner"
            form.batch_type = "delete"
            self.assertEqual(form.save().source, "domain")

    def test_lists_offer_it_to_batch_users_unless_the_settings_say_otherwise(self):
        with self.committed(self.manager.id) as env:
            settings = env["batch.settings"].create({})
            self.assertTrue(settings.batch_run_in_lists)
            settings.batch_run_in_lists = False
            settings.action_save()
            self.assertFalse(env["batch.settings"].create({}).batch_run_in_lists)
            settings.batch_run_in_lists = True
            settings.action_save()
