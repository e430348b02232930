# pylint: disable=unknown-option-value,no-wizard-in-models
import base64

from markupsafe import Markup

from odoo import fields, models
from odoo.exceptions import UserError

from ..run.caller import check_caller
from ..run.ndjson import read_operation
from ..run.numbers import tried_on
from ..run.plan import TIMEOUT_S, TRIED
from ..run.sheet import read_sheet

#: How the names of spreadsheets end.
SPREADSHEETS = (".csv", ".xlsx", ".xls", ".ods")
#: Problems that the preview shows.
PROBLEMS_SHOWN = 20
#: Characters of a record that the preview shows.
TEXT_SHOWN = 120


class BatchWizardFile(models.TransientModel):
    """*Batch > New* from a file: it is checked and submitted here, or, where columns are to be chosen, goes to Odoo's import screen."""

    _inherit = "batch.wizard"

    source = fields.Selection(
        selection_add=[("sheet", "A spreadsheet, in Odoo's import screen"), ("ndjson", "A file: CSV, XLSX, ODS or JSON lines")],
        ondelete={"sheet": "cascade", "ndjson": "cascade"},
    )
    file = fields.Binary(
        attachment=False,
        help="A spreadsheet (CSV, XLSX, XLS, ODS), whose first row names the fields; or a file of JSON lines in UTF-8, with an object on each, "
        'as {"name": "Azure Interior"}.',
    )
    file_name = fields.Char()
    file_type = fields.Selection(
        [("create", "Create them"), ("update", "Update them, by the id of each"), ("upsert", "Update them by a key, create the others")],
        "Records of the File",
        default="create",
    )
    key_fields = fields.Char("Key", help="Names of the fields that identify a record, separated by commas: ref, company_id")

    def action_import_screen(self):
        """Button: open Odoo's import screen for the model.

        :returns: an action
        :raises UserError: no model is chosen
        """
        self.ensure_one()
        check_caller(self.env)
        return {
            "type": "ir.actions.client",
            "tag": "import",
            "name": self.env._("Import in background: %s", self._model().display_name),
            "params": {"active_model": self.model_name, "context": {}},
        }

    def action_plan(self):
        """Button: as for records; for a file, show what is wrong with it, or try its first records."""
        if self.source != "ndjson":
            return super().action_plan()
        self.ensure_one()
        check_caller(self.env)
        operation, problems = self._read_records()
        self._check_options()
        plan = self._shown_problems(problems) if problems else self._tried(operation)
        self.write({"plan": plan, "can_run": not problems, "step": "plan"})
        return self._reopen()

    def _operation(self):
        if self.source != "ndjson":
            return super()._operation()
        operation, problems = self._read_records()
        if problems:
            shown = [self._shown_problem(problem) for problem in problems.kept[:PROBLEMS_SHOWN]]
            raise UserError("\n".join([self.env._("The file has problems: %s", problems.count), *shown]))
        return operation

    def _options(self):
        asked = super()._options()
        return {**asked, "name": asked["name"] or self.file_name or None} if self.source == "ndjson" else asked

    def _model(self):
        """The record of the chosen model.

        :raises UserError: there is none
        """
        if not self.model_name or self.model_name not in self.env:
            raise UserError(self.env._("Choose a model."))
        return self.env["ir.model"]._get(self.model_name)

    def _read_records(self):
        self._model()
        if not self.file:
            raise UserError(self.env._("Choose a file."))
        key = [name.strip() for name in (self.key_fields or "").split(",") if name.strip()]
        if self.file_type == "upsert" and not key:
            raise UserError(self.env._("Name the fields that identify a record."))
        content = base64.b64decode(self.with_context(bin_size=False).file)
        if self._is_sheet():
            return read_sheet(self._env(), content, self.file_name, self.file_type, self.model_name, key)
        return read_operation(self._env(), content, self.file_type, self.model_name, key)

    def _is_sheet(self):
        return (self.file_name or "").lower().endswith(SPREADSHEETS)

    def _place(self, number):
        """Where a record stands in the file, in words."""
        return self.env._("Row %s", number) if self._is_sheet() else self.env._("Line %s", number)

    # -- the preview -------------------------------------------------------------------------------

    def _shown_problem(self, problem):
        number = problem.row or problem.record
        return self.env._("%(place)s: %(problem)s", place=self._place(number), problem=problem.message) if number else problem.message

    def _shown_problems(self, problems):
        rows = Markup().join(Markup("<li><bdi>%s</bdi></li>") % self._shown_problem(one) for one in problems.kept[:PROBLEMS_SHOWN])
        head = self.env._("The file can't be submitted. Problems: %s. The first ones:", problems.count)
        return Markup("<p class='text-danger'>%s</p><ul>%s</ul>") % (head, rows)

    def _tried(self, operation):
        """The first records, run and undone, as HTML."""
        first = {name: operation[name][:TRIED] for name in ("data", "row_numbers")}
        result = self._env()["batch.job"].execute([{**operation, **first}], dry_run=True, timeout=TIMEOUT_S)
        failed = {failure["row"]: failure["error"] for entry in result["results"] for failure in entry["failures"]}
        rows = Markup().join(
            self._shown_line(number, record, failed.get(number))
            for number, record in zip(first["row_numbers"], first["data"], strict=True)
        )
        head = tried_on(self.env, len(operation["data"]), len(first["data"]))
        table = Markup("<div class='table-responsive'><table class='table table-sm'><tbody>%s</tbody></table></div>") % rows
        return Markup("<p>%s</p>") % head + table

    def _shown_line(self, number, record, error):
        """A row of the preview: the place, the values, and what it fails with."""
        text = ", ".join(f"{name}: {value}" for name, value in record.items())
        text = text if len(text) <= TEXT_SHOWN else f"{text[: TEXT_SHOWN - 1]}…"
        told = Markup("<bdi class='text-danger'>%s</bdi>") % error if error else self.env._("would work")
        return Markup("<tr><td class='text-nowrap'>%s</td><td><bdi>%s</bdi></td><td>%s</td></tr>") % (self._place(number), text, told)
