"""*Batch > New* from a file."""

import base64

from odoo.exceptions import UserError
from odoo.tests import Form

from .test_action_operations import ActionsCase


class TestWizardFile(ActionsCase):
    def wizard(self, env, lines, **values):
        """The wizard, with a file of these lines."""
        content = base64.b64encode("\n".join(lines).encode())
        return env["batch.wizard"].create(
            {"source": "ndjson", "model_name": "res.partner", "file": content, "file_name": "new.ndjson", **values}
        )

    def test_a_file_is_previewed_and_run_with_the_numbers_of_its_lines(self):
        lines = ['{"name": "<i>A</i>", "ref": "wizard-file"}', "", '{"name": false, "ref": "wizard-file"}']
        with self.committed(self.user.id) as env:
            wizard = self.wizard(env, lines)
            opened = wizard.action_plan()
            self.assertEqual((opened["res_id"], wizard.step), (wizard.id, "plan"))
            for text in ("2 records", "&lt;i&gt;A", "Line 3", "Contacts require a name", "would work"):
                self.assertIn(text, wizard.plan)
            self.assertFalse(env["res.partner"].search_count([("ref", "=", "wizard-file")]), "it was only tried")
            job_id = wizard.action_run()["res_id"]
        self.work()
        with self.committed(self.user.id) as env:
            job = env["batch.job"].browse(job_id)
            self.assertEqual((job.name, job.state), ("new.ndjson", "partial"))
            self.assertEqual(env["batch.failure"].search([("job_id", "=", job_id)]).file_row, 3)
            self.assertEqual(env["res.partner"].search([("ref", "=", "wizard-file")]).name, "<i>A</i>")

    def test_records_are_updated_by_a_key(self):
        self.partners("Old", ref="wizard-key")
        lines = ['{"ref": "wizard-key", "name": "New"}', '{"ref": "wizard-other", "name": "Other"}']
        with self.committed(self.user.id) as env:
            self.wizard(env, lines, file_type="upsert", key_fields=" ref, ").action_run()
        self.work()
        with self.committed(self.user.id) as env:
            found = env["res.partner"].search([("ref", "like", "wizard-%")], order="ref")
            self.assertEqual(found.mapped("name"), ["New", "Other"])

    def test_what_is_wrong_is_said_with_its_line(self):
        with self.committed(self.user.id) as env:
            wizard = self.wizard(env, ['{"name": "A"}', "{", '{"nonsense": 1}'])
            wizard.action_plan()
            for text in ("Line 2", "Line 3", "nonsense"):
                self.assertIn(text, wizard.plan)
            self.assertFalse(wizard.can_run)
            with self.assertRaisesRegex(UserError, "Line 2"):
                wizard.action_run()
            for values, text in (
                ({"file": False}, "Choose a file"),
                ({"model_name": False}, "Choose a model"),
                ({"file_type": "upsert"}, "identify a record"),
                ({"file_name": "new.XLSX"}, "is a spreadsheet"),
            ):
                with self.subTest(values=values), self.assertRaisesRegex(UserError, text):
                    self.wizard(env, ["{}"], **values).action_plan()

    def test_a_spreadsheet_goes_to_the_import_screen(self):
        with self.committed(self.user.id) as env:
            form = Form(env["batch.wizard"])
            form.source = "sheet"
            form.model_name = "res.partner"
            action = form.save().action_import_screen()
            self.assertEqual((action["tag"], action["params"]["active_model"]), ("import", "res.partner"))
            self.assertIn("Contact", action["name"])
