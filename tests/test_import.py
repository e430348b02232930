"""The background import: what Odoo's own import screen would import, with the rows of the file."""

import csv
import io
from datetime import date, datetime

from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user
from odoo.tools import mute_logger

from ..exceptions import BatchValidationError
from ..run.file_rows import numbers_of
from .case import BatchCase
from .extras import needs

#: What the import screen sends, as it opens.
OPTIONS = {
    "import_skip_records": [], "import_set_empty_fields": [], "fallback_values": {}, "name_create_enabled_fields": {},
    "encoding": "utf-8", "separator": ",", "quoting": '"', "date_format": "", "datetime_format": "",
    "float_thousand_separator": ",", "float_decimal_separator": ".", "advanced": True, "has_headers": True,
    "keep_matches": False, "limit": 2000, "sheets": [], "sheet": "", "skip": 0, "tracking_disable": True,
}  # fmt: skip
CSV, XLS = "text/csv", "application/vnd.ms-excel"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def as_csv(*rows, encoding="utf-8", delimiter=","):
    """The content of a CSV file with these rows; an empty one is a blank line."""
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return text.getvalue().encode(encoding)


class ImportCase(BatchCase):
    def upload(self, content, model="res.partner", user=None, name="partners.csv", kind=CSV):
        """An import, as the screen has made it when a file is uploaded."""
        values = {"res_model": model, "file": content, "file_name": name, "file_type": kind}
        return self.env["base_import.import"].with_user(user or self.user).create(values)

    def hand_over(self, content, fields, dryrun=False, columns=None, upload=None, **options):
        """Import in the background; returns the job."""
        upload = upload or self.upload(content)
        answer = upload.import_in_background(fields, columns or fields, {**OPTIONS, **options}, dryrun)
        self.assertEqual(answer["messages"], [])
        return self.jobs.browse(answer["job_id"])

    def messages(self, content, fields, **options):
        """What the screen shows for a file that makes no job."""
        answer = self.upload(content).import_in_background(fields, fields, {**OPTIONS, **options})
        self.assertIs(answer["job_id"], False)
        return [message["message"] for message in answer["messages"]]

    def run_here(self, upload, fields, **options):
        """Run what would be handed over, in this transaction; returns the entry of its operation."""
        operation = upload._load_operation(fields, {**OPTIONS, **options})
        return self.jobs.with_env(upload.env).execute([operation])["results"][0]

    def assertAsOdoo(self, content, fields, read, count=None, **options):
        """A file makes the same records by either way.

        :param read: what is compared of a record
        """
        model = options.pop("model", "res.partner")
        upload = self.upload(content, model, options.pop("user", None), kind=options.pop("kind", CSV))
        savepoint = self.env.cr.savepoint()
        done = upload.execute_import(fields, fields, {**OPTIONS, **options})
        self.assertFalse([message for message in done["messages"] if message["type"] == "error"])
        odoo = [read(record) for record in upload.env[model].browse(done["ids"])]
        savepoint.close(rollback=True)
        self.env.invalidate_all()
        entry = self.run_here(upload, fields, **options)
        self.assertTrue(entry["success"], entry)
        ours = [read(record) for record in upload.env[model].browse(filter(None, entry["result"]))]
        self.assertEqual(ours, odoo)
        self.assertEqual(len(odoo), count or len(odoo))
        return entry


class TestImportAsOdoo(ImportCase):
    def test_columns_of_all_kinds(self):
        content = as_csv(
            ["Name", "Note", "More", "Country", "Lat", "Tags", "And", "Company", "Ignored"],
            ["Ä " + chr(0x1F600), "one", "", "Belgium", "1,234.50", "Gold", "Silver", "1", "x"],
            ["Bö", "one", "two", "Germany", "(7)", "", "Gold", "no", "x"],
            ["Cü", "", "", "", "", "", "", "", "x"],
        )  # fmt: skip
        self.env["res.partner.category"].create([{"name": "Gold"}, {"name": "Silver"}])
        fields = ["name", "ref", "ref", "country_id", "partner_latitude", "category_id", "category_id", "is_company", False]
        self.assertAsOdoo(
            content,
            fields,
            lambda partner: (
                partner.name,
                partner.ref,
                partner.country_id.code,
                partner.partner_latitude,
                partner.category_id.mapped("name"),
                partner.is_company,
            ),
            3,
        )

    def test_dates_by_their_format_and_decimal_commas(self):
        currency = self.env["res.currency"].create({"name": "XIM", "symbol": "xim"})
        content = as_csv(["Date", "Rate", "Currency"], ["31/12/2031", "1.234,5", "XIM"], ["01/02/2032", "2,5 xim", "XIM"], delimiter=";")
        boss = new_test_user(self.env, "import-boss", groups="base.group_system,batch_executor.group_batch_user")
        self.assertAsOdoo(
            content,
            ["name", "company_rate", "currency_id"],
            lambda rate: (str(rate.name), rate.company_rate),
            2,
            model="res.currency.rate",
            user=boss,
            separator=";",
            date_format="%d/%m/%Y",
            float_thousand_separator=".",
            float_decimal_separator=",",
        )
        self.assertFalse(currency.rate_ids.filtered(lambda rate: not rate.name))

    def test_latin_1(self):
        content = as_csv(["Name"], ["Müller & Söhne"], ["Ångström"], encoding="latin-1")
        self.assertAsOdoo(content, ["name"], lambda partner: partner.name, 2, encoding="latin1")

    def test_rows_of_lines_belong_to_the_record_above(self):
        content = as_csv(
            ["Name", "Child", "Kind"],
            ["Head A", "A1", "Invoice"],
            ["", "A2", "Delivery"],
            [],
            ["", "A3", ""],
            ["Head B", "", ""],
            ["Head C", "C1", ""],
        )
        entry = self.assertAsOdoo(
            content,
            ["name", "child_ids/name", "child_ids/type"],
            lambda partner: (partner.name, sorted(partner.child_ids.mapped(lambda child: (child.name, child.type)))),
            3,
        )
        self.assertEqual(entry["record_count"], 3)

    def test_fallbacks(self):
        content = as_csv(["Name", "Type", "Company", "Active"], ["A", "nonsense", "perhaps", "x"], ["B", "Delivery", "0", "1"])
        fallback = {
            "type": {"fallback_value": "invoice", "field_model": "res.partner", "field_type": "selection"},
            "is_company": {"fallback_value": "true", "field_model": "res.partner", "field_type": "boolean"},
            "active": {"fallback_value": "true", "field_model": "res.partner", "field_type": "boolean"},
        }
        self.assertAsOdoo(
            content,
            ["name", "type", "is_company", "active"],
            lambda partner: (partner.name, partner.type, partner.is_company, partner.active),
            2,
            fallback_values=fallback,
        )

    def test_what_is_not_found_is_left_empty(self):
        content = as_csv(["Name", "Country"], ["A", "Atlantis"], ["B", "Belgium"])
        self.assertAsOdoo(
            content, ["name", "country_id"], lambda partner: (partner.name, partner.country_id.code), 2,
            import_set_empty_fields=["country_id"],
        )  # fmt: skip

    def test_what_is_not_found_is_created(self):
        content = as_csv(["Name", "Tag"], ["A", "Only here"], ["B", "Only here"])
        self.assertAsOdoo(
            content, ["name", "category_id"], lambda partner: (partner.name, partner.category_id.mapped("name")), 2,
            name_create_enabled_fields={"category_id": True},
        )  # fmt: skip
        self.assertEqual(self.env["res.partner.category"].search_count([("name", "=", "Only here")]), 1)

    def test_records_are_skipped_and_told_of(self):
        content = as_csv(["Name", "Country"], ["A", "Atlantis"], ["B", "Belgium"], ["C", "Thule"], ["D", ""])
        entry = self.assertAsOdoo(
            content, ["name", "country_id"], lambda partner: partner.name, 2, import_skip_records=["country_id"]
        )  # fmt: skip
        self.assertEqual([bool(id_) for id_ in entry["result"]], [False, True, False, True])
        self.assertEqual([(warning["row"], warning["index"]) for warning in entry["warnings"]], [(2, 0), (4, 2)])
        self.assertIn("country_id", entry["warnings"][0]["message"])

    @needs("openpyxl")
    def test_a_sheet_of_excel(self):
        import openpyxl

        book = openpyxl.Workbook()
        sheet = book.active
        for row in (["Name", "Note", "Lat"], ["A", date(2031, 12, 31), 1.5], [None, None, None], ["B", datetime(2031, 1, 2, 3, 4, 5), 2]):
            sheet.append(row)
        content = io.BytesIO()
        book.save(content)
        entry = self.assertAsOdoo(
            content.getvalue(), ["name", "ref", "partner_latitude"],
            lambda partner: (partner.name, partner.ref, partner.partner_latitude), 2, kind=XLSX,
        )  # fmt: skip
        self.assertEqual(entry["record_count"], 2)


class TestImportRows(ImportCase):
    def failing_rows(self, upload, fields, **options):
        entry = self.run_here(upload, fields, **options)
        return {failure["row"]: failure["error"] for failure in entry["failures"]}

    def test_failures_have_the_row_of_the_file(self):
        content = as_csv(
            ["Name", "Country", "Note"],
            [],
            ["A", "Atlantis", ""],
            ["B", "Belgium", "of two\nlines"],
            ["", "", ""],
            ["  ", "", ""],
            ["C", "Thule", ""],
            ["", "", "in no mapped column"],
            ["D", "Belgium", ""],
            ["E", "Avalon", ""],
        )
        upload, fields = self.upload(content), ["name", "country_id", False]
        self.assertEqual(set(self.failing_rows(upload, fields)), {3, 7, 10})
        self.assertEqual(set(self.failing_rows(upload, fields, skip=1)), {7, 10}, "the first row was imported before")
        self.assertEqual(set(self.failing_rows(upload, fields, has_headers=False)) - {1}, {3, 7, 10}, "the titles are a row")

    def test_values_that_cannot_be_read_fail_their_record_alone(self):
        content = as_csv(
            ["Name", "Lat"], ["A", "1.5"], ["B", "much"], ["C", "nan"], ["D", "1e3"], ["E", "inf"], ["F", ""]
        )
        upload = self.upload(content)
        failing = self.failing_rows(upload, ["name", "partner_latitude"])
        self.assertEqual(set(failing), {3, 4, 6})
        self.assertIn("much", failing[3])

    def test_a_date_in_another_format_is_no_date(self):
        operation = self.upload(
            as_csv(["Date", "Rate"], ["2031-31-12", "1"], ["2031-12-31", "1"], ["never", "x"]), "res.currency.rate"
        )._load_operation(["name", "company_rate"], {**OPTIONS, "date_format": "%Y-%d-%m"})
        self.assertEqual([row[0] for row in operation["data"]], ["2031-12-31", "“2031-12-31”", "never"])
        self.assertEqual(operation["row_numbers"], [2, 3, 4])

    @needs("openpyxl")
    def test_numbers_of_excel_rows(self):
        import openpyxl

        book = openpyxl.Workbook()
        for number in (1, 3, 4, 9):
            book.active.cell(number, 2, f"row {number}")
        book.active.cell(5, 1, "  ")
        book.active.cell(7, 1, 0)
        content = io.BytesIO()
        book.save(content)
        upload = self.upload(content.getvalue(), kind=XLSX, name="a.xlsx")
        operation = upload._load_operation(["ref", "name"], {**OPTIONS})
        self.assertEqual(operation["row_numbers"], [3, 4, 7, 9])
        self.assertEqual([row[1] for row in operation["data"]], ["row 3", "row 4", "", "row 9"])

    @needs("xlwt", "xlrd")
    def test_numbers_of_old_excel_rows(self):
        import xlwt

        book = xlwt.Workbook()
        sheet = book.add_sheet("One")
        for place, value in ((0, "Name"), (2, "A"), (3, " "), (5, 0)):
            sheet.write(place, 0, value)
        content = io.BytesIO()
        book.save(content)
        upload = self.upload(content.getvalue(), kind=XLS, name="a.xls")
        operation = upload._load_operation(["name"], {**OPTIONS})
        self.assertEqual((operation["data"], operation["row_numbers"]), ([["A"], ["0"]], [3, 6]))

    @needs("odf")
    def test_numbers_of_open_document_rows(self):
        from odf.opendocument import OpenDocumentSpreadsheet
        from odf.table import Table, TableCell, TableRow
        from odf.text import P

        book = OpenDocumentSpreadsheet()
        sheet = Table(name="One")
        for text, repeated in (("Name", 1), ("", 3), ("A", 1), ("", 1), ("B", 1)):
            row, cell = TableRow(numberrowsrepeated=repeated), TableCell()
            cell.addElement(P(text=text))
            row.addElement(cell)
            sheet.addElement(row)
        book.spreadsheet.addElement(sheet)
        content = io.BytesIO()
        book.write(content)
        self.assertEqual(numbers_of(content.getvalue(), "ods", {"sheet": "One"}), [1, 5, 7])


class TestImportHandedOver(ImportCase):
    CONTENT = as_csv(["Name", "Country"], ["A", "Belgium"], ["B", "Atlantis"])
    FIELDS = ["name", "country_id"]

    def test_the_job(self):
        job = self.hand_over(self.CONTENT, self.FIELDS)
        self.assertEqual((job.name, job.state, job.dry_run, job.total_records), ("partners.csv", "pending", False, 2))
        self.assertEqual((job.operation_ids.operation_type, job.user_id), ("load", self.user))
        trial = self.hand_over(self.CONTENT, self.FIELDS, dryrun=True)
        self.assertTrue(trial.dry_run)
        self.assertFalse(job.track_changes or trial.track_changes)
        self.assertTrue(self.hand_over(self.CONTENT, self.FIELDS, batch_track_changes=True).track_changes)
        self.assertTrue(self.hand_over(self.CONTENT, self.FIELDS, batch_skip_unchanged=True).skip_unchanged)

    def test_a_second_click_makes_no_second_job(self):
        upload = self.upload(self.CONTENT)
        job = self.hand_over(None, self.FIELDS, upload=upload)
        self.assertEqual(self.hand_over(None, self.FIELDS, upload=upload), job)
        other = self.hand_over(None, ["name", False], upload=upload)
        self.assertNotEqual(other, job, "another mapping is another import")
        upload.file = self.CONTENT + b"C,Belgium\r\n"
        self.assertNotIn(self.hand_over(None, self.FIELDS, upload=upload), job + other)

    def test_rows_that_may_need_earlier_ones_are_imported_in_order(self):
        for fields, options, in_order in (
            (["name", "country_id"], {}, False),
            (["name", "parent_id"], {}, True),
            (["name", "parent_id/id"], {}, False),
            (["name", "category_id"], {"name_create_enabled_fields": {"category_id": True}}, True),
            ([".id", "name"], {}, False),
        ):
            job = self.hand_over(as_csv(["a", "b"], ["1", "x"], ["2", "y"]), fields, **options)
            self.assertEqual(job.max_concurrency == 1, in_order, fields)
        job = self.hand_over(as_csv(["a", "b"], ["1", "x"], ["1", "y"]), [".id", "name"])
        self.assertEqual(job.max_concurrency, 1, "the last row of a record wins")

    def test_the_mapping_is_remembered(self):
        self.hand_over(as_csv(["Wer", "Woher"], ["A", "Belgium"]), ["name", False], columns=["wer", "woher"])
        mappings = self.env["base_import.mapping"].search([("column_name", "in", ("wer", "woher"))])
        self.assertEqual({mapping.column_name: mapping.field_name for mapping in mappings}, {"wer": "name", "woher": False})

    def test_who_may(self):
        bare = new_test_user(self.env, "import-bare", groups="base.group_user,base.group_partner_manager")
        with self.assertRaises(AccessError):
            self.upload(self.CONTENT, user=bare).import_in_background(self.FIELDS, self.FIELDS, {**OPTIONS})
        reader = new_test_user(self.env, "import-reader", groups="base.group_user,batch_executor.group_batch_user")
        with self.assertRaisesRegex(BatchValidationError, "no create access"):
            self.upload(self.CONTENT, user=reader).import_in_background(self.FIELDS, self.FIELDS, {**OPTIONS})
        with self.assertRaises(AccessError, msg="the file of somebody else"):
            self.upload(self.CONTENT).with_user(reader).import_in_background(self.FIELDS, self.FIELDS, {**OPTIONS})

    def test_files_that_are_none(self):
        self.assertIn("at least one field", *self.messages(self.CONTENT, [False, False]))
        self.assertIn("no rows", *self.messages(b"", ["name"]))
        self.assertIn("no rows", *self.messages(b"Name,Country\r\n", self.FIELDS))
        self.assertIn("no rows", *self.messages(self.CONTENT, self.FIELDS, skip=9))
        self.assertTrue(self.messages(b"\n\n \n", ["name"]))
        self.assertIn("decoding", *self.messages("Näme\r\nÄ\r\n".encode("latin-1"), ["name"]))
        self.assertIn("Row 3 has 1 columns", *self.messages(b"Name,Country\n\nA\nB,Belgium\n", self.FIELDS))
        self.assertIn("same size", *self.messages(self.CONTENT, ["name"]))
        with self.assertRaisesRegex(UserError, "no model"):
            self.upload(self.CONTENT, "no.such.model").import_in_background(self.FIELDS, self.FIELDS, {**OPTIONS})
        with self.assertRaises(UserError), mute_logger("odoo.addons.base_import.models.base_import"):
            self.messages(self.CONTENT, self.FIELDS, encoding="klingon")
        with self.assertRaises(UserError):
            upload = self.upload(bytes(range(256)), name="a.png", kind="image/png")
            upload.import_in_background(["name"], ["name"], {**OPTIONS})

    def test_pictures_named_in_a_file_are_refused(self):
        for named in ("https://example.com/a.png", "a.png"):
            messages = self.messages(as_csv(["Name", "Picture"], ["A", named]), ["name", "image_1920"])
            self.assertIn("image_1920", *messages)
