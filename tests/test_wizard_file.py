"""*Batch > New* from a file."""

import base64
import io

from odoo.exceptions import UserError
from odoo.tests import Form

from .extras import needs
from .test_action_operations import ActionsCase
from .test_import import as_csv


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


class TestWizardSheet(ActionsCase):
    def wizard(self, env, content, name="new.csv", **values):
        return env["batch.wizard"].create(
            {"source": "ndjson", "model_name": "res.partner", "file": base64.b64encode(content), "file_name": name, **values}
        )

    def run_file(self, *args, **values):
        """Run it; returns the job."""
        with self.committed(self.user.id) as env:
            job_id = self.wizard(env, *args, **values).action_run()["res_id"]
        self.work()
        with self.committed(self.user.id) as env:
            return env["batch.job"].browse(job_id).read(["name", "state", "created_records", "updated_records"])[0]

    def found(self):
        with self.committed(self.user.id) as env:
            found = env["res.partner"].search([("ref", "like", "sheet-%")], order="ref")
            return [(one.name, one.ref, one.country_id.code, one.is_company) for one in found]

    @needs("openpyxl")
    def test_records_are_created_updated_and_upserted(self):
        """Columns are named as fields, or as people see them; by the same file twice, nothing is made twice."""
        rows = [["name", "Reference", "Country", "is_company"], ["One", "sheet-1", "Belgium", "True"], [], ["Two", "sheet-2", "", "0"]]
        job = self.run_file(as_csv(*rows, delimiter=";"))
        self.assertEqual((job["name"], job["state"], job["created_records"]), ("new.csv", "completed", 2))
        self.assertEqual(self.found(), [("One", "sheet-1", "BE", True), ("Two", "sheet-2", False, False)])
        self.run_file(as_csv(["ref", "name"], ["sheet-1", "Señor"], encoding="cp1252"), file_type="upsert", key_fields="ref")
        self.assertEqual(self.found()[0][0], "Señor")
        sheet = as_xlsx(["ref", "name", "country_id/id"], ["sheet-2", "Zwei", "base.fr"], ["sheet-3", "Drei", ""])
        for outcome in ((1, 1), (0, 2)):
            job = self.run_file(sheet, "keyed.xlsx", file_type="upsert", key_fields="ref")
            self.assertEqual((job["state"], job["created_records"], job["updated_records"]), ("completed", *outcome))
        self.assertEqual(
            self.found(), [("Señor", "sheet-1", "BE", True), ("Zwei", "sheet-2", "FR", False), ("Drei", "sheet-3", False, False)]
        )
        with self.committed(self.user.id) as env:
            ids = env["res.partner"].search([("ref", "like", "sheet-%")], order="ref").ids
        job = self.run_file(as_csv(["ID", "name"], *([id_, f"By id {id_}"] for id_ in ids)), file_type="update")
        self.assertEqual((job["state"], [name for name, *_rest in self.found()]), ("completed", [f"By id {id_}" for id_ in ids]))

    def test_lines_of_a_record_stand_below_it(self):
        rows = [["name", "ref", "child_ids/name"], ["Parent", "sheet-1", "First"], ["", "", "Second"], ["Other", "sheet-2", ""]]
        self.assertEqual(self.run_file(as_csv(*rows))["created_records"], 2)
        with self.committed(self.user.id) as env:
            parent = env["res.partner"].search([("ref", "=", "sheet-1")])
            self.assertEqual(sorted(parent.child_ids.mapped("name")), ["First", "Second"])

    def test_what_is_wrong_is_said_with_its_row(self):
        good = ["One", "sheet-1", "Belgium"]
        for rows, values, wrong in (
            ([["name", "ref", "Country"], good, [], ["Two", "sheet-2", "Atlantis"]], {}, "Row 4.*Atlantis"),
            ([["name", "nonsense", "Country"], good], {}, "nonsense"),
            ([["name", "Name", "Country"], good], {}, "several columns are for the field .*name"),
            ([["name", "ref", "Country"], good], {"file_type": "update"}, "needs a column"),
            ([["name", "ref", "Country"], good], {"file_type": "upsert", "key_fields": "barcode"}, "no column of the key field .*barcode"),
            ([["name", "ref", "Country"], good, ["Two", "sheet-2"]], {}, "Row 3.*has 2 cells"),
            ([["name", "ref", "Country"]], {}, "has no records"),
            ([["name", "ref", "Country"], good], {"file_name": "new.xlsx"}, "read|ZIP|zip|file"),
            ([["name"], ["One"]], {"model_name": "res.groups"}, "access"),
        ):  # fmt: skip
            with self.subTest(wrong), self.committed(self.user.id) as env:
                wizard = self.wizard(env, as_csv(*rows), **values)
                wizard.action_plan()
                self.assertFalse(wizard.can_run)
                self.assertRegex(wizard.plan, wrong)
                with self.assertRaisesRegex(UserError, wrong):
                    wizard.action_run()
        self.assertEqual(self.found(), [])

    def test_its_first_rows_are_tried(self):
        with self.committed(self.user.id) as env:
            wizard = self.wizard(env, as_csv(["name", "ref"], ["<b>One</b>", "sheet-1"], ["", "sheet-2"]))
            wizard.action_plan()
            for text in ("2 records", "Row 2", "&lt;b&gt;One", "Row 3", "Contacts require a name"):
                self.assertIn(text, wizard.plan)
            self.assertTrue(wizard.can_run)
        self.assertEqual(self.found(), [])


def as_xlsx(*rows):
    """The content of a workbook with these rows."""
    import openpyxl

    book, stream = openpyxl.Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)
    book.save(stream)
    return stream.getvalue()
