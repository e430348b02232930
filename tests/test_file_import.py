"""Files sent to be imported: `POST /batch/v1/import` and `/batch/v1/jobs/<uuid>/append`."""

import io
import json

from ..run import file_source
from .import_case import NDJSON, ImportCase


class TestCsv(ImportCase):
    def test_a_file_is_imported(self):
        result = self.imported("id,name,email\nfile.one,One,a@x\n\nfile.two,\"Two\nlines\",\n,,\n")
        [entry] = result["results"]
        self.assertEqual((result["state"], entry["operation_id"], entry["operation_type"]), ("completed", "op-1", "load"))
        self.assertEqual(self.made(result, "name", "email"), [("One", "a@x"), ("Two\nlines", False)])
        again = self.imported("id;name\nfile.one;Uno\n", operation_id="mine", skip_unchanged="1")
        [entry] = again["results"]
        self.assertEqual((entry["operation_id"], entry["updated_records"]), ("mine", 1))

    def test_encodings_and_separators(self):
        for encoding, mark, params in (
            ("utf-8", b"", {}),
            ("utf-8", b"\xef\xbb\xbf", {"encoding": "latin-1"}),  # its mark is surer
            ("utf-16", b"", {}),
            ("utf-16-be", b"", {"encoding": "UTF-16BE"}),
            ("utf-32", b"", {}),  # its mark begins with that of UTF-16
            ("shift_jis", b"", {"encoding": "shift_jis"}),
            ("iso2022_jp", b"", {"encoding": "iso-2022-jp"}),
            ("latin-1", b"", {"encoding": "latin-1"}),
            ("cp1252", b"", {"content_type": "text/csv; charset=windows-1252"}),
        ):
            separators = ((",", None), (";", None), ("\t", None), ("|", None), ("^", "^"))
            for separator, said in separators if encoding == "shift_jis" else separators[3:]:  # some of its characters hold | and ^
                with self.subTest(encoding=encoding, mark=mark, separator=separator):
                    # of the bytes of these characters, some are those of separators, quotes and line ends
                    names = ["ポ‖; a, b", "“兄”"] if encoding in ("shift_jis", "iso2022_jp") else ["Bär; a, b", "Ünö"]
                    lines = (["name", "ref"], [names[0], "7"], [names[1], "8"])
                    text = "\r\n".join(separator.join(f"'{cell}'" for cell in line) for line in lines)
                    body = mark + text.encode(encoding)
                    status = self.sent(body, separator=said, quoting="'", draft="1", **params)
                    [(stored,)] = self.sql("SELECT payload FROM batch_chunk WHERE job_id = %s", status["job_id"])
                    self.assertEqual(json.loads(stored)["items"], [[[names[0], "7"]], [[names[1], "8"]]])

    def test_numbers_and_dates_as_they_are_written(self):
        params = {"float_decimal_separator": ",", "float_thousand_separator": ".", "date_format": "%d.%m.%Y"}
        body = "min_qty;price;date_start\n1;1.234,5;31.12.2024\n2;x;\n3;-2;2024-12-31\n4;(3,5);01.02.2024\n"
        status = self.sent(body, model="product.supplierinfo", draft="1", **params)
        [(stored,)] = self.sql("SELECT payload FROM batch_chunk WHERE job_id = %s", status["job_id"])
        self.assertEqual(
            [row for [row] in json.loads(stored)["items"]],
            # what can't be read stays, and fails its own record; in quotes where it would be read otherwise
            [["1", "1234.5", "2024-12-31"], ["2", "x", ""], ["3", "-2", "“2024-12-31”"], ["4", "-3.5", "2024-02-01"]],
        )

    def test_records_with_lines_and_a_file_of_failures(self):
        result = self.imported(
            "name,child_ids/name,_operation,_index,_error_type,_error\n'=A,Kid,op-1,0,X,Y\n,'+Kid 2,op-1,0,,\nB,,op-1,1,X,Y\n"
        )
        [entry] = result["results"]
        self.assertEqual((entry["record_count"], result["state"]), (2, "completed"))
        with self.committed() as env:
            first = env["res.partner"].browse(entry["result"][0])
            self.assertEqual((first.name, sorted(first.child_ids.mapped("name"))), ("=A", ["+Kid 2", "Kid"]))

    def test_what_is_not_found_can_be_made_or_left_out(self):
        body = "name,category_id\nA,No such tag\n"
        [entry] = self.imported(body)["results"]
        self.assertEqual(entry["failed_records"], 1)
        result = self.imported(body, name_create_enabled_fields="category_id")
        self.assertEqual(result["state"], "completed", result)
        result = self.imported("name,country_id\nA,Nowhere\n", import_set_empty_fields="country_id")
        self.assertEqual(self.made(result, "name", "country_id"), [("A", False)])
        [entry] = self.imported("name,country_id\nA,Nowhere\n", import_skip_records="country_id")["results"]
        self.assertEqual((entry["result"], entry["unchanged_records"]), ([False], 1))

    def test_what_is_wrong_is_said_at_once_with_its_row(self):
        nul = "holds a NUL character"
        for body, params, expected in (
            (b"", {}, {(False, False): "the file is empty"}),
            (b"\n \n", {}, {(False, False): "the file is empty"}),
            (b"name,ref\n", {}, {(False, False): "no records"}),
            (b"name,name,,ref\n1,2,3,4", {}, {(1, "fields"): "twice|no name"}),
            (b"nmae,country_id/cod,ref/x\nA,b,c", {}, {(False, "fields"): "nmae|cod|no sub-fields"}),
            (b"nmae\nA", {}, {(False, "fields"): "no field 'nmae'; did you mean 'name'"}),
            (b"Reference\nA", {}, {(False, "fields"): "no field 'Reference'; did you mean 'ref'"}),
            (b"zzzzzz\nA", {}, {(False, "fields"): "no field 'zzzzzz'$"}),
            ("name,ref\nA\nB,1\n\u00a0,\u2003\nC,2,3\n".encode(), {}, {(2, False): "1 cells, the header has 2", (5, False): "3 cells"}),
            (b'name,ref\nA,1\n"B,2\nC,3\n', {}, {(3, False): "never closed"}),
            (b"name,ref\nA,\0\nB,2\nC\0,2", {}, {(2, False): nul, (4, False): nul}),
            (b"name,ref\nA,1\n\nB,\xe4\n", {}, {(4, False): "not in the encoding UTF-8.*latin-1"}),
            ("name,ref\nA,1\n".encode("utf-16")[2:], {}, {(1, False): nul, (2, False): nul, (3, False): nul}),
            (b"name,ref\nA,1\n", {"encoding": "utf-16"}, {(1, False): "not in the encoding UTF-16"}),
        ):
            with self.subTest(body=body[:40]):
                problems = self.refused(body, **params)
                self.assertEqual(problems.keys(), expected.keys(), problems)
                for place, text in expected.items():
                    self.assertRegex(problems[place], text)

    def test_rows_that_are_too_long_or_too_many(self):
        from ..engine import csv_rows

        self.patch(csv_rows, "MOST_CHARACTERS", 1000)
        self.assertRegex(self.refused("name,ref\nA," + "x" * 2000 + "\n")[2, False], "more than 1000 characters")
        self.assertRegex(self.refused('name,ref\nA,"' + "x\n" * 2000)[2, False], "never closed")
        with self.committed() as env:
            env["ir.config_parameter"].set_param("batch_executor.max_records", "5")
        self.addCleanup(self.forget_settings)
        self.patch(file_source, "PAGE_RECORDS", 2)
        problems = self.refused("name\n" + "A\n" * 100)
        self.assertRegex(problems[False, "operations"], "6 records are more than the 5")

    def forget_settings(self):
        with self.committed() as env:
            env["ir.config_parameter"].search([("key", "=like", "batch_executor.max_%")]).unlink()

    def test_many_columns_and_a_large_cell(self):
        from ..engine.csv_rows import MOST_COLUMNS, CsvRows, CsvTable
        from ..engine.problems import Problems

        problems = Problems()
        text = io.StringIO(",".join(f"c{n}" for n in range(MOST_COLUMNS)) + "\n" + "," * (MOST_COLUMNS - 1) + "x" * 10**6)
        [(number, row)] = CsvTable(CsvRows(text.readline, ",", '"', problems), problems)
        self.assertEqual((number, len(row), len(row[-1]), problems.count), (2, MOST_COLUMNS, 10**6, 0))
        [(place, message)] = self.refused(b"name" + b"," * 10**6 + b"\nA\n").items()
        self.assertEqual((place, message[:22]), ((1, "fields"), "has 1000001 columns, m"))

    def test_a_record_of_very_many_rows_is_refused(self):
        lines, text = b"name,child_ids/name\nA,a\n" + b",b\n" * 3, r"record that begins in row 2 has more than"
        self.patch(file_source, "RECORD_ROWS", 4)
        self.sent(lines, draft="1")
        for body, kind in ((lines + b",c\nB,b\n", "load"), (lines + b",c\n", "create"), (b"child_ids/name\n" + b"a\n" * 9, "load")):
            self.assertRegex(self.refused(body, type=kind)[6, False], text)
        self.patch(file_source, "RECORD_SIZE", 20)
        self.assertRegex(self.refused(lines + b"B,b\n,c\n," + b"x" * 20 + b"\n")[8, False], "begins in row 6")

    def test_a_piece_of_what_can_not_be_cut_is_refused(self):
        job = "jobs/{uuid}/append".format_map(self.sent("name\nA\n", draft="1"))
        body = "name\nポ\n"
        for encoding, params in (("utf-16", {}), ("utf-32", {}), ("iso2022_jp", {"encoding": "iso-2022-jp"}), ("cp932", {"encoding": "cp932"})):
            params = {"path": job, "model": "res.partner", "first_row": "3", **params}
            self.assertRegex(self.refused(body.encode(encoding), **params)[False, "encoding"], "byte by byte")
        for encoding in ("utf-8", "latin-1"):
            self.sent("name\nB\n".encode(encoding), path=job, model="res.partner", first_row="3", encoding=encoding)


class TestValues(ImportCase):
    """A CSV for an operation that takes values: converted as Odoo's import does it."""

    def test_create(self):
        result = self.imported("name,country_id,active,category_id/id\nA,Belgium,no,\nB,,yes,\n", type="create")
        [entry] = result["results"]
        self.assertEqual((entry["operation_type"], result["state"]), ("create", "completed"))
        with self.committed() as env:
            first, second = env["res.partner"].browse(entry["result"])
            self.assertEqual((first.country_id.code, first.active, second.country_id.code, second.active), ("BE", False, False, True))

    def test_update_by_database_ids_and_external_ids(self):
        with self.committed() as env:
            one, two, three = env["res.partner"].create([{"name": name, "ref": f"{self.mark}-{name}"} for name in "abc"])
            env["ir.model.data"].create({"module": "files", "name": "two", "model": "res.partner", "res_id": two.id})
            ids = one.id, two.id, three.id
        result = self.imported(f"id,name\n{ids[0]},A\nfiles.two,B\n", type="update")
        self.assertEqual((result["state"], result["results"][0]["updated_records"]), ("completed", 2))
        self.imported(f".id,name\n{ids[2]},C\n", type="update")
        with self.committed() as env:
            self.assertEqual(env["res.partner"].browse(ids).mapped("name"), ["A", "B", "C"])
        problems = self.refused(f"id,name\nfiles.none,A\n,B\n{ids[0]},C\n", type="update")
        self.assertEqual(problems.keys(), {(2, "id"), (3, "id")})
        self.assertIn("fields", {key for _row, key in self.refused("name\nA\n", type="update")})

    def test_upsert(self):
        body = f"ref,name,country_id\n{self.mark}-1,One,Belgium\n{self.mark}-2,Two,\n"
        result = self.imported(body, type="upsert", key="ref")
        self.assertEqual(result["results"][0]["created_records"], 2)
        result = self.imported(body.replace("One", "Uno"), type="upsert", key="ref", skip_unchanged="true")
        self.assertEqual((result["results"][0]["updated_records"], result["results"][0]["unchanged_records"]), (1, 1))
        problems = self.refused("name\nA\n", type="upsert", key="ref,company_id")
        self.assertRegex(problems[False, "fields"], "company_id")

    def test_what_can_not_be_converted_is_a_problem_of_its_row(self):
        body = "name,country_id,color,type,active\nA,Nowhere,1,contact,1\nB,,x,contact,1\nC,,1,nonsense,1\n\nD,,1,contact,perhaps\n"
        problems = self.refused(body, type="create")
        self.assertEqual(problems.keys(), {(2, "country_id"), (3, "color"), (4, "type"), (6, "active")})
        self.assertRegex(problems[2, "country_id"], "Nowhere")
        problems = self.refused("id,name,child_ids/id,child_ids/name\nx.y,A,x.z,B\n", type="create")
        self.assertRegex(problems[False, "fields"], "type=load")
        self.assertRegex(self.refused("name,child_ids/id,child_ids/name\nA,x.z,B\n", type="create")[2, False], "external ids")

    def test_rights(self):
        problems = self.refused("name\nA\n", type="create", model="ir.model")
        self.assertRegex(problems[False, "model"], "no create access")
        problems = self.refused("name\nA\n", model="ir.model")
        self.assertRegex(problems[False, "model"], "no write access")
        self.assertRegex(self.refused("name\nA\n", model="no.such")[False, "model"], "no.such")


class TestJsonLines(ImportCase):
    def test_types(self):
        body = f'\ufeff{{"ref": "{self.mark}-1", "name": "A"}}\n\n{{"ref": "{self.mark}-2", "name": "B"}}'
        result = self.imported(body, NDJSON)
        self.assertEqual((result["results"][0]["operation_type"], result["state"]), ("create", "completed"))
        ids = result["results"][0]["result"]
        result = self.imported(body.replace('"A"', '"C"'), "application/jsonl", type="upsert", key="ref")
        self.assertEqual((result["results"][0]["result"], result["state"]), (ids, "completed"))
        result = self.imported(f'{{"id": {ids[1]}, "name": "D"}}\n{{"id": {ids[1]}, "name": "E"}}', NDJSON, type="update")
        self.assertEqual(self.names_of(ids), ["C", "E"])

    def test_what_is_wrong_is_said_at_once_with_its_line(self):
        problems = self.refused(b'{"name": "A"}\n\n{"nmae": 1}\n{\n[]\n{"name": "\xe4"}\n{"name": "B"}\n', NDJSON)
        self.assertEqual(problems.keys(), {(3, "data"), (4, False), (5, False), (6, False)})
        self.assertRegex(self.refused(b"\n\n", NDJSON)[False, False], "no records")
        self.assertEqual(self.refused('{"name": "A"}\n{"id": "x"}\n', NDJSON, type="update").keys(), {(1, "data"), (2, "data")})
        self.patch(file_source, "MOST_BYTES", 100)
        self.assertRegex(self.refused('{"name": "A"}\n{"name": "' + "x" * 200 + '"}\n', NDJSON)[2, False], "more than 100 bytes")
