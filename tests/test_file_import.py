"""Files sent to be imported: `POST /batch/v1/import` and `/batch/v1/jobs/<uuid>/append`."""

import concurrent.futures
import gzip
import http.client
import io
import json
import socket
from unittest.mock import patch

import requests

from odoo.service.server import RequestHandler
from odoo.tests.common import HOST, BaseCase

from ..engine.file_order import FileOrder
from ..engine.rounds import depths
from ..run import file_import, file_source
from .api_case import ApiCase
from .case import PATIENCE_S
from .doors import RouteDoor, SessionDoor, base_url
from .properties import given, st

CSV, NDJSON = "text/csv", "application/x-ndjson"


class ImportCase(ApiCase):
    def setUp(self):
        super().setUp()
        self.mark = self.new_mark()

    def new_mark(self):
        """What is part of references and external ids of this test alone."""
        ImportCase.marks += 1
        return f"m{ImportCase.marks}"

    marks = 0

    def result_of(self, job_id):
        return self.door.call("result", job_id)

    def patch(self, where, name, value):
        self.startPatcher(patch.object(where, name, value))

    def send(self, body, content_type=CSV, door=None, path="import", headers=(), **params):
        """The answer to a file."""
        door = door or self.door
        body = body.encode() if isinstance(body, str) else body
        params = {"model": "res.partner", **params} if path == "import" else params
        return door.http.post(
            f"{base_url()}/batch/v1/{path}",
            data=body,
            params={name: value for name, value in params.items() if value is not None},
            headers={**(door.headers or {}), "Content-Type": content_type, **dict(headers)},
            timeout=PATIENCE_S,
            allow_redirects=False,
        )

    def sent(self, *args, **params):
        """The status of a file that was taken."""
        answer = self.send(*args, **params)
        self.assertEqual(answer.status_code, 200, answer.text[:2000])
        status = answer.json()
        self.assertStatus(status)
        return status

    def refused(self, *args, status=422, **params):
        """The problems of a file that was refused, as `{(row, key): message}`; nothing is stored."""
        before = self.count_jobs()
        answer = self.send(*args, **params)
        self.assertEqual(answer.status_code, status, answer.text[:2000])
        self.assertEqual(answer.headers["Content-Type"], "application/json; charset=utf-8")
        self.assertEqual(self.count_jobs(), before)
        error = answer.json()["error"]
        return {(problem.get("row", False), problem["key"]): problem["message"] for problem in error.get("problems", ())} or error

    def imported(self, *args, **params):
        """The result of a file, after its job has run."""
        status = self.sent(*args, **params)
        self.work()
        return self.result_of(status["job_id"])

    def made(self, result, *names):
        ids = [id_ for entry in result["results"] for id_ in entry["result"] if id_]
        with self.committed() as env:
            return [tuple(row[name] for name in names) for row in env["res.partner"].browse(ids).read(names, load=None)]


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


class TestPages(ImportCase):
    """A file is stored in pages: nothing of what it does may show where they begin."""

    def setUp(self):
        super().setUp()
        self.patch(file_source, "PAGE_RECORDS", 3)

    def values_of(self, path, *names):
        """The values of a path of fields, of records by their external ids."""
        with self.committed() as env:
            return [env.ref(f"file.{self.mark}_{name}").mapped(path)[:1] for name in names]

    def rows(self, *rows):
        return "id,name,parent_id/id\n" + "".join(
            f"file.{self.mark}_{name},{label},{parent and f'file.{self.mark}_{parent}'}\n" for name, label, parent in rows
        )

    def waits(self, job_id):
        """The operations of a job, in their order: name, number of records, and the names of those that it waits for."""
        rows = self.sql(
            """
            SELECT operation.operation_id, operation.record_count, array_agg(DISTINCT other.operation_id ORDER BY other.operation_id)
              FROM batch_operation AS operation
              LEFT JOIN batch_chunk AS chunk ON chunk.operation_id = operation.id
              LEFT JOIN batch_operation AS other ON other.id = ANY(chunk.wait_ids)
             WHERE operation.job_id = %s
             GROUP BY operation.id ORDER BY operation.position
            """,
            job_id,
        )
        return [(name, count, [other for other in waits if other]) for name, count, waits in rows]

    def test_each_is_an_operation_with_the_numbers_of_its_rows(self):
        body = "name,type\n" + "".join(f"{n},{'bad' if n == 5 else 'contact'}\n\n" for n in range(8))
        status = self.sent(body, operation_id="mine", max_chunk_size="2")
        self.assertEqual([(name, count) for name, count, _waits in self.waits(status["job_id"])], [("mine", 3), ("mine-2", 3), ("mine-3", 2)])
        self.assertFalse(any(waits for _name, _count, waits in self.waits(status["job_id"])))
        self.work()
        result = self.result_of(status["job_id"])
        [failure] = [failure for entry in result["results"] for failure in entry["failures"]]
        self.assertEqual((failure["row"], failure["index"]), (12, 2))
        self.assertEqual((status["total"], status["name"]), (8, "Import 8 × Contact"))

    def test_rows_of_one_record_stay_together(self):
        body = "name,child_ids/name\n" + "".join(f"{n},a\n,b\n,c\n" for n in range(4))
        result = self.imported(body)
        self.assertEqual([entry["record_count"] for entry in result["results"]], [3, 1])
        self.assertEqual(result["state"], "completed")

    def test_parents_come_first_wherever_they_stand(self):
        names = [str(n) for n in range(12)]
        for parents in (
            {n: str(int(n) - 1) for n in names if n != "0"},  # each after its parent
            {n: str(int(n) + 1) for n in names if n != "11"},  # each before it
            {n: str((int(n) * 5 + 3) % 12) for n in names if n not in "024"},  # to and fro
        ):
            with self.subTest(parents=parents):
                self.mark = self.new_mark()
                result = self.imported(self.rows(*((n, n, parents.get(n, "")) for n in names)), max_chunk_size="1")
                self.assertEqual(result["state"], "completed", result)
                found = self.values_of("parent_id.name", *names)
                self.assertEqual(found, [[parents[name]] if name in parents else [] for name in names])

    def test_the_last_of_equal_external_ids_wins(self):
        for names in ("aaaaaaaaaa", "abcabcabcd", "aabbccaabb"):
            with self.subTest(names=names):
                self.mark = self.new_mark()
                body = self.rows(*((name, f"{name} {place}", "") for place, name in enumerate(names)))
                result = self.imported(body, max_chunk_size="1")
                self.assertEqual(result["state"], "completed")
                found = sorted(set(names))
                self.assertEqual(self.values_of("name", *found), [[f"{name} {names.rindex(name)}"] for name in found])

    def test_the_last_of_equal_keys_and_ids_wins(self):
        keys = "abcaabdeafgabca"
        lines = [{"ref": f"{self.mark}-{key}", "name": f"{key} {place}"} for place, key in enumerate(keys)]
        result = self.imported("\n".join(map(json.dumps, lines)), NDJSON, type="upsert", key="ref", max_chunk_size="1")
        self.assertEqual(result["state"], "completed", result)
        with self.committed() as env:
            partners = env["res.partner"].search([("ref", "like", f"{self.mark}-")])
            self.assertEqual({partner.ref[-1]: partner.name for partner in partners}, {key: f"{key} {keys.rindex(key)}" for key in keys})
            ids = {partner.ref[-1]: partner.id for partner in partners}
        lines = [{"id": ids[key], "name": f"{key} new {place}"} for place, key in enumerate(keys)]
        self.imported("\n".join(map(json.dumps, lines)), NDJSON, type="update", max_chunk_size="1")
        self.assertEqual(self.names_of(ids.values()), [f"{key} new {keys.rindex(key)}" for key in ids])

    def test_only_pages_that_have_to_do_with_each_other_wait(self):
        body = self.rows(*((str(n), str(n), "1" if n == 8 else "") for n in range(12)))
        status = self.sent(body, draft="1")
        self.assertEqual(self.waits(status["job_id"]), [("op-1", 3, []), ("op-2", 3, []), ("op-3", 3, ["op-1"]), ("op-4", 3, [])])
        body = self.rows(*((str(n), str(n), {1: "10", 4: "1"}.get(n, "")) for n in range(12)))
        status = self.sent(body, draft="1")
        self.assertEqual(
            self.waits(status["job_id"]),
            [("op-1", 2, []), ("op-2", 2, []), ("op-3", 3, []), ("op-4", 3, []), ("op-5", 2, ["op-4"])],
        )

    def test_a_draft_knows_what_it_has_already(self):
        uuid = self.sent(self.rows(("a", "A", ""), ("b", "B", "")), draft="true")["uuid"]
        status = self.sent(self.rows(("a", "A 2", ""), ("c", "C", "b"), ("d", "D", "c"), ("e", "E", "d")), path=f"jobs/{uuid}/append", model="res.partner")
        status = self.sent(self.rows(("x", "X", "")), path=f"jobs/{uuid}/append", model="res.partner", operation_id="x")
        self.assertEqual(
            self.waits(status["job_id"]), [("op-1", 2, []), ("op-2", 3, ["op-1"]), ("op-3", 1, ["op-2"]), ("x", 1, [])]
        )
        self.assertEqual((status["state"], status["total"]), ("draft", 7))
        self.door.call("start", status["job_id"])
        self.work()
        self.assertEqual(self.result_of(status["job_id"])["state"], "completed")
        self.assertEqual(self.values_of("name", "a", "e"), [["A 2"], ["E"]])
        again = self.send(self.rows(("y", "Y", "")), path=f"jobs/{uuid}/append", params={}, model="res.partner")
        self.assertEqual((again.status_code, again.json()["error"]["type"]), (409, "UserError"))

    def test_loads_of_one_job_follow_each_other_by_external_id(self):
        def load(model, columns, *rows):
            return {"operation_type": "load", "model": model, "fields": columns, "data": [[f"file.{self.mark}_{cell}" for cell in row] for row in rows]}

        ids = ["id", "name"]
        operations = [
            load("res.partner.category", ids, ["a", "A"], ["b", "B"]),
            load("res.partner", ids, ["x", "X"]),
            load("res.partner", [*ids, "category_id/id"], ["y", "Y", "b"]),
            load("res.partner", ids, ["x", "X 2"]),
            load("res.partner.category", ids, ["c", "C"]),
        ]
        expected = [("op-1", 2, []), ("op-2", 1, []), ("op-3", 1, ["op-1"]), ("op-4", 1, ["op-2"]), ("op-5", 1, [])]
        job_id = self.door.submit(operations, draft=True)["job_id"]
        self.assertEqual(self.waits(job_id), expected)
        job_id = self.door.submit(operations[:2], draft=True)["job_id"]
        self.door.call("append", job_id, operations=operations[2:])
        self.assertEqual(self.waits(job_id), expected)

    def test_a_dry_run_and_one_transaction_keep_the_order(self):
        body = self.rows(*((str(n), str(n), str(n + 1) if n < 9 else "") for n in range(10)))
        for options in ({"dry_run": "1"}, {"rollback": "job"}, {"max_concurrency": "1"}):
            with self.subTest(**options):
                result = self.imported(body, **options)
                self.assertEqual((result["state"], result["stats"]["failed_records"]), ("completed", 0), result)

    def test_nothing_is_stored_where_the_last_row_is_wrong(self):
        self.assertEqual(self.refused("name\n" + "A\n" * 10 + "B,C\n").keys(), {(12, False)})
        self.assertEqual(self.refused('{"name": "A"}\n' * 10 + '{"nmae": 1}', NDJSON).keys(), {(11, "data")})


class TestRequests(ImportCase):
    def test_who_may_and_how(self):
        body = "name\nA\n"
        self.assertEqual(self.sent(body, door=SessionDoor(self.user), draft="1")["state"], "draft")
        for answer, status, kind in (
            (requests.post(f"{base_url()}/batch/v1/import?model=res.partner", data=body, headers={"Content-Type": CSV}, timeout=PATIENCE_S, allow_redirects=False), 401, "SessionExpiredException"),
            (self.send(body, headers={"Authorization": "Bearer nonsense"}.items()), 401, "Unauthorized"),
            (self.send(body, "application/x-www-form-urlencoded", SessionDoor(self.user)), 415, "UnsupportedMediaType"),
            (self.send(body, "text/plain", SessionDoor(self.user)), 415, "UnsupportedMediaType"),
            (self.send(body, "multipart/form-data; boundary=x", SessionDoor(self.user)), 415, "UnsupportedMediaType"),
            (self.send(body, path="jobs/nonsense/append"), 404, "MissingError"),
            (self.send(body, headers={"Content-Encoding": "br"}.items()), 415, "UnsupportedMediaType"),
        ):  # fmt: skip
            self.assertEqual((answer.status_code, answer.json()["error"]["type"]), (status, kind), answer.text)
        answer = requests.get(f"{base_url()}/batch/v1/import", timeout=PATIENCE_S)
        self.assertEqual((answer.status_code, answer.json()["error"]["type"]), (405, "MethodNotAllowed"), answer.text)
        with self.committed() as env:
            plain = self.new_user(env, "file-plain", "base.group_user")
        self.assertEqual(self.refused(body, status=403, door=RouteDoor(plain))["type"], "AccessError")
        uuid = self.sent(body, draft="1")["uuid"]
        self.assertEqual(self.refused(body, status=404, door=RouteDoor(self.other), path=f"jobs/{uuid}/append")["type"], "MissingError")
        self.assertEqual(self.refused(body, status=403, door=RouteDoor(self.manager), path=f"jobs/{uuid}/append")["type"], "AccessError")

    def test_parameters(self):
        problems = self.refused("name\nA\n", status=400, modle="x", priority="high", quiet="perhaps", key="ref", context="[]")
        self.assertEqual(problems.keys(), {(False, key) for key in ("modle", "priority", "quiet", "key", "context")})
        self.assertRegex(problems[False, "modle"], "did you mean 'model'")
        problems = self.refused("name\nA\n", status=400, path="import?model=res.partner&self=1&uuid=x&endpoint=2")
        self.assertEqual({message[:17] for message in problems.values()}, {"unknown parameter"}, problems)
        self.assertEqual(problems.keys(), {(False, key) for key in ("self", "uuid", "endpoint")})
        self.assertEqual(self.refused("{}", NDJSON, status=400, model=None, type="load", separator=";").keys(), {(False, key) for key in ("model", "type", "separator")})
        uuid = self.sent("name\nA\n", draft="1")["uuid"]
        self.assertEqual(self.refused("name\nA\n", status=400, path=f"jobs/{uuid}/append", model="res.partner", quiet="1").keys(), {(False, "quiet")})
        self.assertEqual(self.refused("name\nA\n", status=400, context='{"allowed_company_ids": [999999]}').keys(), {(False, "context")})
        status = self.sent(
            "name\nA\n", name="File", quiet="1", max_failures="5%", priority="-3", run_at="2090-01-01T00:00:00Z", context='{"lang": "en_US", "x": 1}'
        )
        with self.committed() as env:
            job = env["batch.job"].browse(status["job_id"])
            self.assertEqual((job.name, job.quiet, job.max_failures_share, job.priority, job.run_at.year), ("File", True, 5.0, -3, 2090))
            self.assertEqual(json.loads(job.context)["x"], 1)

    def test_the_same_again_gives_the_first_job(self):
        first = self.sent("name\nA\n", idempotency_key="file-key")
        again = self.sent("name\nA\n", idempotency_key="file-key")
        self.assertEqual((again["job_id"], again["duplicate"], first["duplicate"]), (first["job_id"], True, False))
        for body, params in (("name\nB\n", {}), ("name\nA\n", {"quiet": "1"}), ("name\nA\n", {"separator": ";"})):
            self.assertIn("used before", self.refused(body, idempotency_key="file-key", **params)[False, "idempotency_key"])

    def test_twice_at_once_with_one_key_makes_one_job(self):
        with concurrent.futures.ThreadPoolExecutor() as pool:
            answers = [pool.submit(self.sent, "name\nA\n" * 500, door=RouteDoor(self.user), idempotency_key="file-twice") for _ in range(3)]
            statuses = [answer.result() for answer in answers]
        self.assertEqual(len({status["job_id"] for status in statuses}), 1)
        self.assertEqual(sorted(status["duplicate"] for status in statuses), [False, True, True])

    def test_gzip_and_chunks(self):
        body = b"name\n" + b"A\n" * 1000
        packed = gzip.compress(body[:2005]) + gzip.compress(body[2005:])
        headers = {"Content-Encoding": "gzip"}.items()
        self.assertEqual(self.sent(packed, headers=headers, draft="1")["total"], 1000)
        self.assertIn("no end", self.refused(packed[:-5], status=400, headers=headers)["message"])
        self.assertIn("no gzip", self.refused(body, status=400, headers=headers)["message"])
        pieces = (body[first : first + 700] for first in range(0, len(body), 700))
        answer = self.door.http.post(
            f"{base_url()}/batch/v1/import", params={"model": "res.partner"}, data=pieces, headers={**self.door.headers, "Content-Type": CSV}, timeout=PATIENCE_S
        )  # fmt: skip
        self.assertEqual(answer.json()["total"], 1000, answer.text)

    def test_a_body_that_breaks_off_stores_nothing(self):
        before = self.count_jobs()
        head = (
            f"POST /batch/v1/import?model=res.partner HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {self.user.key}\r\n"
            "Content-Type: text/csv\r\n"
        )
        chunked = f"{head}Transfer-Encoding: chunked\r\n\r\n5\r\nname\n\r\n5\r\nA"
        # the patience of the server, which is some seconds
        self.patch(RequestHandler, "timeout", property(lambda _handler: 0.5, lambda _handler, _value: None))
        for sent in (f"{head}Content-Length: 100\r\n\r\nname\nA\n", chunked):
            for closes, expected in (
                (True, (400, "ClientDisconnected", "The body broke off after")),
                (False, (408, "RequestTimeout", "The body stopped to arrive after")),
            ):
                with socket.create_connection((HOST, int(base_url().rpartition(":")[2])), timeout=PATIENCE_S) as connection:
                    connection.sendall(sent.encode())
                    if closes:
                        connection.shutdown(socket.SHUT_WR)
                    answer = http.client.HTTPResponse(connection)
                    answer.begin()
                    error = json.loads(answer.read())["error"]
                self.assertEqual((answer.status, error["type"], error["message"][: len(expected[2])]), expected)
        self.assertEqual(self.count_jobs(), before)

    def test_a_file_that_is_too_large(self):
        self.addCleanup(self.set_limits, False, False)
        self.set_limits("1", "1000")
        body = b"name\n" + b"A\n" * 600_000
        self.assertIn("max_file_mib", self.refused(body, status=413)["message"])
        self.assertIn("max_file_mib", self.refused(gzip.compress(body), status=413, headers={"Content-Encoding": "gzip"}.items())["message"])
        self.assertEqual(self.refused((body[first : first + 10**5] for first in range(0, len(body), 10**5)), status=413)["type"], "RequestEntityTooLarge")
        self.set_limits("1", str(4 * 2**20))  # the limit of all requests is higher

    def test_values_that_are_too_much_for_the_disk(self):
        self.patch(file_import, "MIB", 1)
        row = "name,email,phone,street,city\n" + "A,,,,\n" * 20
        self.sent(row, type="create", draft="1")
        problems = self.refused(row + "A,,,,\n" * 50, type="create")
        self.assertRegex(problems[False, False], "more than 4096 MiB, twice the setting max_file_mib")
        self.sent(row + "A,,,,\n" * 50, draft="1")  # which makes no values

    def set_limits(self, files, requests):
        with self.committed() as env:
            env["ir.config_parameter"].set_param("batch_executor.max_file_mib", files)
            env["ir.config_parameter"].set_param("web.max_file_upload_size", requests)


FILES = st.lists(st.tuples(st.integers(0, 8), st.lists(st.integers(0, 8), max_size=2)), max_size=14)


class TestOrder(BaseCase):
    """Whatever names and needs records have: operations in their order, each after those it waits for, do what one operation would."""

    @given(FILES, st.integers(1, 4), st.booleans(), max_examples=100, derandomize=True)
    def test_records_follow_what_they_need(self, records, size, keeps_apart):
        order = FileOrder(keeps_apart)
        pages = [list(range(first, min(first + size, len(records)))) for first in range(0, len(records), size)]
        for page in pages:
            needed = () if keeps_apart else [records[record][1] for record in page]
            order.add_page(len(page), [[records[record][0]] for record in page], needed)
        order.settle()
        late = [record for _level, record in order.late_records()]
        stored = [record for page in pages for record in page if not order.late[record]]
        self.assertEqual(sorted(stored + late), list(range(len(records))))
        place = {record: number for number, record in enumerate(stored + late)}
        waits, needs = order.waits(), order.late_needs()
        self.assertTrue(all(before < page for page, earlier in waits.items() for before in earlier))
        before = [set() for _record in records]
        for record, (name, needed) in enumerate(records):
            same = [other for other in range(record) if records[other][0] == name]
            before[record].update(same[-1:])
            for other in () if keeps_apart else needed:
                firsts = [number for number, (defined, _needed) in enumerate(records) if defined == other][:1]
                before[record].update(set(firsts) - {record})
        levels = depths(before)
        is_circular = [level == max(levels, default=0) and any(levels[other] == level for other in before[record]) for record, level in enumerate(levels)]
        for record, earlier in enumerate(before):
            for other in earlier:
                if is_circular[record] or is_circular[other]:
                    continue
                page, page_before = order.page_of(record), order.page_of(other)
                if order.late[record]:
                    self.assertIn(other, needs[record])
                    self.assertLess(place[other], place[record])
                elif page != page_before:
                    self.assertIn(page_before, waits[page])
                else:
                    self.assertFalse(keeps_apart, "two records with one key in one operation")
