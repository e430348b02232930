# pylint: disable=unknown-option-value,no-wizard-in-models
import csv
import hashlib
from datetime import date

from odoo import models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Date, Datetime
from odoo.models import fix_import_export_id_paths

from odoo.addons.base_import.models.base_import import ImportValidationError

from ..engine.payload import copied, dumps, json_default
from ..engine.reader import is_name
from ..run.caller import check_caller
from ..run.file_rows import numbers_of

#: Options of the import screen that `Model.load` reads from the context.
LOAD_CONTEXT = ("name_create_enabled_fields", "import_set_empty_fields", "import_skip_records", "tracking_disable")
#: Readers that return the number of the last row, blank rows counted.
COUNTED = ("xls", "xlsx")


class BaseImport(models.TransientModel):
    """*Import in background*: Odoo's import screen hands its file over to a job."""

    _inherit = "base_import.import"

    def import_in_background(self, fields, columns, options, dryrun=False):
        """Hand the file over to a job, which imports what `execute_import` would import.

        The same call again gives the same job: a second click imports nothing twice.

        :param list fields: for each column of the file the field to import it into, or False
        :param list columns: names of the columns
        :param dict options: of the import screen, as for `execute_import`; `limit` means nothing here. With `batch_skip_unchanged`,
            records that hold their values already are not written; with `batch_track_changes`, the job remembers what it changes
        :param bool dryrun: try everything, and keep nothing
        :returns: `{"job_id": id, "messages": []}`; where the file can't be read, the id is False and messages say why
        :rtype: dict
        :raises AccessError: the caller is no batch user, or has not uploaded the file
        :raises BatchValidationError: `submit` refuses it: unknown fields, no rights on the model, too many rows
        """
        self.ensure_one()
        check_caller(self.env)
        if self.create_uid.id != self.env.uid:
            raise AccessError(self.env._("Only who has uploaded a file may import it."))
        key = f"{self._name},{self.id},{self._digest(fields, options, dryrun)}"
        job = self.env["batch.job"].search([("user_id", "=", self.env.uid), ("idempotency_key", "=", key)], limit=1)
        if job:
            return {"job_id": job.id, "messages": []}
        try:
            operation = self._load_operation(fields, copied(options))
        except ImportValidationError as error:
            return {"job_id": False, "messages": [error.__dict__]}
        status = self.env["batch.job"].submit(
            [operation],
            name=self.file_name if is_name(self.file_name) else None,
            dry_run=dryrun,
            skip_unchanged=bool(options.get("batch_skip_unchanged")),
            track_changes=bool(options.get("batch_track_changes")),
            idempotency_key=key,
            max_concurrency=1 if self._needs_order(operation) else None,
        )
        if options.get("has_headers"):
            self._remember_mapping(fields, columns)
        return {"job_id": status["job_id"], "messages": []}

    def _digest(self, *asked):
        """A hash of the file and of what is asked of it."""
        return hashlib.sha256((self.file or b"") + dumps(asked).encode()).hexdigest()

    def _load_operation(self, fields, options):
        """The operation that imports the file, read and converted as `execute_import` does it.

        :param dict options: Odoo's methods complete them
        :raises ImportValidationError: the file can't be read, or can't be imported in the background
        """
        options["skip"] = int(options.get("skip") or 0)
        reading = _Reading()
        importer = self.with_context(batch_reading=reading, import_options=options)
        columns, rows = importer._read_rows(fields, options)
        numbers = importer._row_numbers(fields, options, len(rows))
        self._refuse_attachments(columns, rows)
        rows = importer._parse_import_data(rows, columns, options)
        columns, rows = importer._handle_multi_mapping(columns, rows)
        if options.get("fallback_values"):
            rows = [[json_default(value) if isinstance(value, date) else value for value in row] for row in rows]
            rows = importer._handle_fallback_values(columns, rows, options["fallback_values"])
        return {
            "operation_type": "load",
            "model": self.res_model,
            "fields": columns,
            "data": rows,
            "row_numbers": numbers,
            "context": {"import_file": True, **{key: options[key] for key in LOAD_CONTEXT if options.get(key)}},
        }

    # -- reading -----------------------------------------------------------------------------------

    def _read_rows(self, fields, options):
        """The columns and the rows to import.

        :raises ImportValidationError: there are none
        """
        if self.res_model not in self.env:
            raise UserError(self.env._("There is no model '%s'.", self.res_model))
        try:
            rows, columns = self._convert_import_data(fields, options) if self.file else ([], [])
        except (LookupError, TypeError, ValueError, csv.Error) as error:
            raise ImportValidationError(self._short_row(fields, options) or str(error)) from error
        if not rows:
            raise ImportValidationError(self.env._("The file has no rows to import."))
        return columns, rows

    def _read_file(self, options):
        result = super()._read_file(options)
        if reading := self.env.context.get("batch_reading"):
            reading.last, reading.rows = result
        return result

    def _read_csv(self, options):
        return self._read_by("csv", super()._read_csv(options))

    def _read_xls(self, options):
        return self._read_by("xls", super()._read_xls(options))

    def _read_xlsx(self, options):
        return self._read_by("xlsx", super()._read_xlsx(options))

    def _read_ods(self, options):
        return self._read_by("ods", super()._read_ods(options))

    def _read_by(self, kind, result):
        """Note which reader has read the file."""
        if reading := self.env.context.get("batch_reading"):
            reading.kind = reading.kind or kind  # one reader may call another: the first to be done has read it
        return result

    def _numbered_rows(self, options):
        """The rows that were read, each as `(number in the file, row)`; no rows where their numbers are not known."""
        reading = self.env.context["batch_reading"]
        if reading.kind in COUNTED and reading.last == len(reading.rows):
            numbers = range(1, reading.last + 1)  # nothing is blank: a sheet takes seconds to be read once more
        else:
            numbers = numbers_of(self.file, reading.kind, options) if reading.kind else []
        return list(zip(numbers, reading.rows, strict=True)) if len(numbers) == len(reading.rows) else []

    def _row_numbers(self, fields, options, count):
        """The numbers in the file of the rows that `_convert_import_data` has returned; None where they are not known.

        :param int count: how many it has returned
        """
        rows = self._numbered_rows(options)[1 if options.get("has_headers") else 0 :]
        mapped = [place for place, field in enumerate(fields) if field]
        kept = [number for number, row in rows if any(row[place] for place in mapped)][options["skip"] :]
        return kept if len(kept) == count else None

    def _short_row(self, fields, options):
        """A text that names the first row with too few columns; None where there is none."""
        for number, row in self._numbered_rows(options):
            if len(row) < len(fields):
                return self.env._(
                    "Row %(number)s has %(got)s columns, the first row has %(columns)s. Is the separator right?",
                    number=number,
                    got=len(row),
                    columns=len(fields),
                )
        return None

    def _parse_date_from_data(self, data, index, name, field_type, options):
        read = Date.to_date if field_type == "date" else Datetime.to_datetime
        return self._parse_each(super()._parse_date_from_data, read, data, index, name, field_type, options)

    def _parse_float_from_data(self, data, index, name, options):
        return self._parse_each(super()._parse_float_from_data, float, data, index, name, options)

    def _parse_each(self, parse, read, data, index, *args):
        """Parse a column; for a job row by row, so that a value that can't be read fails its own record, not the file.

        :param parse: Odoo's method, which raises an error for the first such value
        :param read: what `load` reads a value with
        """
        if not self.env.context.get("batch_reading"):
            return parse(data, index, *args)
        for line in data:
            value = line[index]
            try:
                parse([line], index, *args)
            except (ImportValidationError, AttributeError):  # a date in a column of numbers has no `strip`
                line[index] = _unreadable(str(value), read)
        return None

    def _refuse_attachments(self, columns, rows):
        """Refuse files named in columns: Odoo's screen fetches or uploads those itself while it imports.

        :raises ImportValidationError: a column names files
        """
        for place, column in enumerate(columns):
            field = self._field_of(column)
            if field is not None and field.type == "binary" and any("." in str(row[place]) for row in rows):
                message = self.env._(
                    "The column %s names files or addresses. Only Import can fetch or upload them: a job takes their content.",
                    column,
                )
                raise ImportValidationError(message, field=column, field_type=field.type)

    # -- what the job needs ------------------------------------------------------------------------

    def _needs_order(self, operation):
        """Whether the rows must be imported one after the other, as `execute_import` does.

        They must where a row may name a record that an earlier row creates, or finds it by its name and creates it if it is missing.
        """
        if any((operation["context"].get("name_create_enabled_fields") or {}).values()):
            return True
        created, named = {self.res_model}, set()
        for place, column in enumerate(operation["fields"]):
            field = self._field_of(column)
            if field is not None and field.comodel_name:
                named.add(field.comodel_name)
            model = self.env[self.res_model]
            for name in fix_import_export_id_paths(column):
                field = model._fields.get(name)
                if field is None or field.type != "one2many":
                    break
                created.add(field.comodel_name)
                model = self.env[field.comodel_name]
            if column == ".id" and len({row[place] for row in operation["data"]}) < len(operation["data"]):
                return True  # a record that stands in several rows
        return bool(created & named)

    def _field_of(self, column):
        """The field that a column ends with; None for an external or database id, and for a property."""
        model, field = self.env[self.res_model], None
        for name in fix_import_export_id_paths(column):
            field = model._fields.get(name) if model is not None and name not in ("id", ".id") else None
            model = self.env[field.comodel_name] if field is not None and field.comodel_name else None
        return field

    def _remember_mapping(self, fields, columns):
        """Keep the mapping for the next file with these columns, as `execute_import` does after a success."""
        mappings = self.env["base_import.mapping"]
        for column, field in zip(columns, fields, strict=False):
            if not column:
                continue
            known = mappings.search([("res_model", "=", self.res_model), ("column_name", "=", column)], limit=1)
            if not known:
                mappings.create({"res_model": self.res_model, "column_name": column, "field_name": field})
            elif known.field_name != field:
                known.field_name = field


class _Reading:
    """What is noted while a file is read for a job."""

    def __init__(self):
        self.kind = None  # which of Odoo's readers has read it
        self.rows = []  # all rows that it has returned
        self.last = 0  # what it has returned as their number


def _unreadable(text, read):
    """A value that was refused, as it is; in quotes where `load` would take it for something else."""
    try:
        read(text)
    except ValueError:
        return text
    return f"“{text}”"
