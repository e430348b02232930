"""Failures as a file: downloaded, mended in a spreadsheet, and uploaded again."""

import base64
import csv
import io
import json
import zipfile
from unittest.mock import patch

import requests

from ..run import failure_file, failure_upload
from .api_case import ApiCase
from .case import PATIENCE_S, create
from .doors import JsonRpcDoor, Refused, RouteDoor, SessionDoor, base_url

FORMULA = '=HYPERLINK("http://evil")'


class FileCase(ApiCase):
    def setUp(self):
        super().setUp()
        self.startPatcher(patch.object(failure_file, "PAGE", 2))  # several pages
        self.startPatcher(patch.object(failure_upload, "PAGE", 2))
        rows = [["file.a", "Loaded", "nonsense", ""], ["file.b", "Fine", "other", ""], ["file.c", "Third", "x", "Kid"], ["", "", "", "Kid 2"]]
        values = {"name": FORMULA, "comment": "two\r\nlines", "type": "bad", "color": 7, "active": True, "category_id": [[6, 0, []]]}
        self.job_id = self.door.submit(
            [
                {**create(operation_id="made"), "data": [values, {"name": "x"}, {"name": False, "ref": "R-1"}]},
                {"operation_type": "load", "operation_id": "loaded", "model": "res.partner",
                 "fields": ["id", "name", "type", "child_ids/name"], "data": rows},
                {"operation_type": "update", "operation_id": "updated", "model": "res.partner", "data": [{"id": 2_000_000_000, "city": "-1"}]},
            ]
        )["job_id"]  # fmt: skip
        self.work()
        self.uuid = self.door.call("status", self.job_id)["uuid"]

    def get(self, kind, door=None, uuid=None):
        door = door or self.door
        path = f"{base_url()}/batch/v1/jobs/{uuid or self.uuid}/failures.{kind}"
        return door.http.get(path, headers=door.headers, timeout=PATIENCE_S, allow_redirects=False)

    def download(self, kind):
        answer = self.get(kind)
        self.assertEqual(answer.status_code, 200, answer.text[:300])
        return answer.content

    def table(self, content):
        [head, *rows] = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
        return head, [dict(zip(head, row, strict=True)) for row in rows]

    def as_csv(self, head, rows, delimiter=","):
        text = io.StringIO()
        writer = csv.DictWriter(text, head, delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
        return text.getvalue().encode()

    def upload(self, content, name="failures.csv", someone=None):
        args = [self.job_id, name, base64.b64encode(content).decode()]
        return JsonRpcDoor(someone or self.user).execute_kw("batch.failure", "upload", args)

    def stored(self):
        return self.sql("SELECT id, values FROM batch_failure WHERE job_id = %s ORDER BY id", self.job_id)


class TestDownload(FileCase):
    def test_it_has_the_columns_that_were_sent_and_the_error(self):
        head, rows = self.table(self.download("csv"))
        self.assertEqual(
            head,
            ["name", "comment", "type", "color", "active", "category_id", "ref", "id", "child_ids/name", "city",
             "_operation", "_index", "_error_type", "_error"],
        )  # fmt: skip
        self.assertEqual([(row["_operation"], row["_index"]) for row in rows],
                         [("made", "0"), ("made", "2"), ("loaded", "0"), ("loaded", "2"), ("loaded", "2"), ("updated", "0")])  # fmt: skip
        first = rows[0]
        self.assertEqual((first["name"], first["color"], first["active"], first["category_id"]), (f"'{FORMULA}", "7", "true", "[[6,0,[]]]"))
        self.assertIn("bad", first["_error"])
        self.assertEqual(first["_error_type"], "ValueError")
        self.assertEqual((rows[4]["child_ids/name"], rows[4]["_error"]), ("Kid 2", ""))
        self.assertEqual((rows[5]["id"], rows[5]["city"]), ("2000000000", "'-1"))

    def test_the_other_forms_say_the_same(self):
        import openpyxl

        _head, rows = self.table(self.download("csv"))
        sheet = openpyxl.load_workbook(io.BytesIO(self.download("xlsx"))).worksheets[0]
        [names, *lines] = sheet.iter_rows(values_only=True)
        for row, line in zip(rows, lines, strict=True):
            as_text = {name: (cell or "").replace("_x000D_", "\r") for name, cell in zip(names, line, strict=True)}
            self.assertEqual(as_text, row)
        lines = [json.loads(line) for line in self.download("ndjson").splitlines()]
        self.assertEqual([line["_index"] for line in lines], [int(row["_index"]) for row in rows])
        self.assertEqual((lines[0]["name"], lines[0]["category_id"]), (FORMULA, [[6, 0, []]]))

    def test_only_who_sees_the_job_gets_it(self):
        self.assertEqual(self.get("csv", SessionDoor(self.user)).status_code, 200)
        self.assertEqual(self.get("csv", RouteDoor(self.manager)).status_code, 200)
        self.assertEqual(self.get("csv", RouteDoor(self.other)).status_code, 404)
        self.assertEqual(self.get("csv", uuid="nonsense").status_code, 404)
        nobody = requests.get(f"{base_url()}/batch/v1/jobs/{self.uuid}/failures.csv", timeout=PATIENCE_S, allow_redirects=False)
        self.assertEqual((nobody.status_code, nobody.json()["error"]["type"]), (401, "SessionExpiredException"))
        wrong = {"Authorization": "Bearer nonsense"}
        nobody = requests.get(f"{base_url()}/batch/v1/jobs/{self.uuid}/failures.csv", headers=wrong, timeout=PATIENCE_S)
        self.assertEqual((nobody.status_code, nobody.json()["error"]), (401, {"type": "Unauthorized", "message": "Invalid apikey"}))
        self.assertIn("Bearer", nobody.headers["WWW-Authenticate"])
        missing = self.get("csv", RouteDoor(self.other))
        self.assertEqual(missing.json()["error"], {"type": "MissingError", "message": "There is no such batch job."})
        self.assertEqual(missing.headers["X-Content-Type-Options"], "nosniff")

    def test_what_was_retried_or_dismissed_is_not_in_it(self):
        JsonRpcDoor(self.user).execute_kw("batch.failure", "dismiss_matching", [[("job_id", "=", self.job_id), ("operation_type", "!=", "update")]])
        head, rows = self.table(self.download("csv"))
        self.assertEqual((head[:2], len(rows)), (["id", "city"], 1))


class TestUpload(FileCase):
    def test_a_file_as_it_was_changes_nothing(self):
        before = self.stored()
        for kind in ("csv", "xlsx", "ndjson"):
            with self.subTest(kind=kind):
                told = self.upload(self.download(kind), f"failures.{kind}")
                self.assertEqual(told, {"retried": 0, "unchanged": 6, "unknown": 0, "unknown_rows": []})
        self.assertEqual(self.stored(), before)
        self.assertEqual(self.door.call("status", self.job_id)["state"], "partial")

    def mended(self):
        head, rows = self.table(self.download("csv"))
        rows[0]["type"] = "other"
        rows[1]["name"] = "Named"
        rows[2]["type"] = "other"
        rows[3]["type"] = "other"
        rows[4]["child_ids/name"] = "Kid two"
        return head, rows

    def check_mended(self, told, unchanged=1):
        self.assertEqual((told["retried"], told["unchanged"]), (4, unchanged))
        self.work()
        result = self.result_of(self.job_id)
        self.assertEqual((result["state"], result["stats"]["failed_records"]), ("partial", 1))
        made = result["results"][0]["result"]
        with self.committed() as env:
            partner = env["res.partner"].browse(made[0])
            self.assertEqual((partner.name, partner.type, partner.color), (FORMULA, "other", 7), "defused, and back")
            self.assertEqual(env["res.partner"].browse(made[2]).name, "Named")
            third = env["res.partner"].browse(result["results"][1]["result"][2])
            self.assertEqual(sorted(third.child_ids.mapped("name")), ["Kid", "Kid two"])

    def test_what_was_mended_runs_again_in_the_same_job(self):
        head, rows = self.mended()
        self.check_mended(self.upload(self.as_csv(head, rows)))

    def test_a_spreadsheet_of_another_country_is_read_too(self):
        head, rows = self.mended()
        self.check_mended(self.upload(self.as_csv(head, rows, ";")))

    def test_a_mended_sheet(self):
        import openpyxl

        book = openpyxl.load_workbook(io.BytesIO(self.download("xlsx")))
        sheet = book.worksheets[0]
        column = {cell.value: cell.column for cell in sheet[1]}
        for row, name, value in ((2, "type", "other"), (3, "name", "Named"), (4, "type", "other"), (5, "type", "other"), (6, "child_ids/name", "Kid two")):
            sheet.cell(row, column[name]).value = value
        content = io.BytesIO()
        book.save(content)
        self.check_mended(self.upload(content.getvalue(), "failures.xlsx"))

    def test_rows_that_are_of_no_failure_are_told(self):
        head, rows = self.mended()
        rows += [{**rows[0], "_operation": "nope"}, {**rows[0], "_index": "77"}, {**rows[0], "_index": "x"}]
        told = self.upload(self.as_csv(head, rows))
        self.assertEqual((told["unknown"], told["unknown_rows"]), (3, [8, 9, 10]))
        self.check_mended(told)

    def test_one_wrong_value_and_nothing_is_changed(self):
        before = self.stored()
        head, rows = self.mended()
        for name, value, said in (("category_id", "[[6,0", "JSON"), ("nope", "x", "nope")):
            with self.subTest(name=name):
                wrong = [{**rows[0], name: value}, *rows[1:]]
                error = self.assertRefused(self.upload, self.as_csv([*head, *({name} - set(head))], [{"nope": "", **row} if name == "nope" else row for row in wrong]))
                self.assertIn("Row 2", error.message)
                self.assertIn(said, error.message)
        twice = self.assertRefused(self.upload, self.as_csv(head, [*rows, rows[0]]))
        self.assertIn("twice", twice.message)
        short = self.assertRefused(self.upload, self.as_csv(head, rows[:4]))
        self.assertIn("2 rows", short.message)
        self.assertEqual(self.stored(), before)
        self.assertEqual(self.door.call("status", self.job_id)["state"], "partial")

    def test_files_that_cant_be_read_are_refused_with_words(self):
        for name, content in (("x.pdf", b""), ("f.xlsx", b"no zip"), ("f.ndjson", b"{"), ("f.ndjson", b"[1]"), ("f.csv", b"a,b\n1,2\n"), ("f.csv", b"")):
            with self.subTest(name=name, content=content):
                self.assertReadable(self.assertRefused(self.upload, content, name, name="UserError").message)
        door = JsonRpcDoor(self.user)
        for content in ("no base64!", None, 7):
            self.assertRefused(door.execute_kw, "batch.failure", "upload", [self.job_id, "f.csv", content], name="UserError")
        self.assertRefused(door.execute_kw, "batch.failure", "upload", ["x", "f.csv", ""])

    def test_damaged_sheets_are_refused_with_words(self):
        content = self.download("xlsx")
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            held = {name: parts.read(name) for name in parts.namelist()}
        sheet = next(name for name in held if name.endswith("sheet1.xml"))
        for damage in (
            {sheet: b"<worksheet><sheetData><row"},
            {sheet: held[sheet].replace(b' r="2"', b' r="two"')},
            {"xl/workbook.xml": b"<workbook/>"},
            {"xl/workbook.xml": None},
            {"[Content_Types].xml": b"nonsense"},
        ):
            with self.subTest(damage=damage):
                damaged = io.BytesIO()
                with zipfile.ZipFile(damaged, "w", zipfile.ZIP_DEFLATED) as parts:
                    for name, part in {**held, **damage}.items():
                        if part is not None:
                            parts.writestr(name, part)
                error = self.assertRefused(self.upload, damaged.getvalue(), "f.xlsx", name="UserError")
                self.assertIn("can't be read", error.message)
        error = self.assertRefused(self.upload, b"a text", "f.xlsx", name="UserError")
        self.assertIn("no XLSX file", error.message)
        for at in (30, 60, len(content) // 2, len(content) - 30):
            with self.subTest(at=at):
                broken = content[:at] + bytes(255 - byte for byte in content[at : at + 20]) + content[at + 20 :]
                try:
                    self.upload(broken, "f.xlsx")  # some bytes don't matter
                except Refused as error:
                    self.assertTrue(error.name.endswith(("UserError", "ValidationError")), str(error))

    def test_a_sheet_that_is_huge_when_unpacked_is_refused(self):
        bomb = io.BytesIO()
        with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as parts:
            for number in range(3):
                with parts.open(f"xl/{number}.xml", "w") as part:
                    for _ in range(100):
                        part.write(bytes(1024**2))
        self.assertIn("too large", self.assertRefused(self.upload, bomb.getvalue(), "f.xlsx", name="UserError").message)

    def test_any_text_comes_back_as_it_was_also_from_a_file_of_old(self):
        texts = ["=1", "'=1", "''=1", "'", "'plain", "\uff1d1", "'@x", "''''-", "- x"]
        for number, form in enumerate(("csv", "xlsx", "ndjson", "of old")):
            with self.subTest(form=form):
                data = [{"name": f"Text {number}", "city": text, "type": "bad"} for text in texts]
                self.job_id = self.door.submit([{**create(operation_id="made"), "data": data}])["job_id"]
                self.work()
                self.uuid = self.door.call("status", self.job_id)["uuid"]
                kind = "csv" if form == "of old" else form
                content = self.download(kind)
                if form == "of old":  # an apostrophe before what is a formula, and nothing else
                    head, rows = self.table(content)
                    content = self.as_csv(head, [{**row, "city": f"'{text}" if text[0] in "=-" else text} for row, text in zip(rows, texts, strict=True)])
                self.assertEqual(self.upload(content, f"f.{kind}")["unchanged"], len(texts))
                if kind == "xlsx":
                    continue
                self.assertEqual(self.upload(content.replace(b"bad", b"other"), f"f.{kind}")["retried"], len(texts))
                self.work()
                with self.committed() as env:
                    found = env["res.partner"].search([("name", "=", f"Text {number}")], order="id").mapped("city")
                self.assertEqual(found, texts)

    def test_a_blank_that_was_removed_is_a_change(self):
        head, rows = self.table(self.download("csv"))
        self.assertEqual(self.upload(self.as_csv(head, [{**rows[2], "type": "nonsense "}]))["unchanged"], 1, "a blank more")
        made = self.door.submit([{**create(operation_id="made"), "data": [{"name": "Blank", "type": "other "}]}])["job_id"]
        self.work()
        self.job_id, self.uuid = made, self.door.call("status", made)["uuid"]
        head, [row] = self.table(self.download("csv"))
        self.assertEqual(row["type"], "other ")
        self.assertEqual(self.upload(self.as_csv(head, [{**row, "type": "other"}]))["retried"], 1)
        self.work()
        self.assertEqual(self.door.call("status", made)["state"], "completed")

    def test_only_the_submitter_uploads(self):
        head, rows = self.mended()
        for someone in (self.manager, self.other, self.admin):
            self.assertRefused(self.upload, self.as_csv(head, rows), someone=someone)
