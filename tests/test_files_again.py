"""The file of failures, mended and sent again with the same parameters: it makes what the first file would have made."""

import json

from .case import PATIENCE_S
from .doors import base_url
from .every_field import MODEL, make_model
from .import_case import CSV, NDJSON, ImportCase

#: A name that was missing, in what is stored for a record of values, or for a row.
NAMED = ('"name": false', '"name": "Mended"')
NAMED_ROW = ('[""', '["Mended"')


class TestFilesAgain(ImportCase):
    def items(self, job_id):
        """What the only chunk of a job is to run."""
        [(payload,)] = self.sql("SELECT payload FROM batch_chunk WHERE job_id = %s", job_id)
        return json.loads(payload)["items"]

    def assertAgain(self, body, mend, named=NAMED, kind="csv", then=str, **params):
        """A file all of whose records fail makes a file of failures; mended and sent, it stores what the first one has stored.

        :param mend: a text of the file of failures, and what stands in its place afterwards
        :param named: the same of what is stored
        :param then: what else becomes of that file
        :returns: what was stored, as JSON
        """
        content_type = NDJSON if kind == "ndjson" else CSV
        job = self.sent(body, content_type, draft="1", **params)["job_id"]
        before = self.items(job)
        self.let_create(params.get("model"), False)
        self.door.call("start", job)
        self.work()
        self.let_create(params.get("model"), True)
        status = self.door.call("status", job)
        self.assertEqual(status["stats"]["failed_records"], len(before), self.result_of(job))
        url = f"{base_url()}/batch/v1/jobs/{status['uuid']}/failures.{kind}"
        file = self.door.http.get(url, headers=self.door.headers, timeout=PATIENCE_S).content.decode()
        self.assertIn(mend[0], file)
        again = self.sent(then(file.replace(*mend)), content_type, draft="1", **params)
        stored = json.dumps(self.items(again["job_id"]))
        self.assertEqual(stored, json.dumps(before).replace(*named))
        return stored

    def let_create(self, model, may):
        with self.committed() as env:
            env["ir.model.access"].search([("name", "=", model)]).perm_create = may

    def test_numbers_in_a_notation_of_their_own(self):
        for kind, named in (("load", NAMED_ROW), ("create", NAMED)):
            with self.subTest(kind):
                stored = self.assertAgain(
                    "name;partner_latitude;partner_longitude\n;1,5;1.050,85034\n", ("\n,1.5", "\nMended,1.5"), named,
                    type=kind, float_decimal_separator=",", float_thousand_separator=".",
                )  # fmt: skip
                self.assertIn("1050.85034", stored)

    def test_a_field_of_each_type(self):
        drop = make_model()
        self.addCleanup(drop)
        with self.committed() as env:
            env["res.users"].browse(self.user.id).tz = "Europe/Brussels"
        cells = {
            "x_name": "A", "x_char": "=b", "x_html": "<p>c</p>", "x_integer": "3", "x_float": "1.5", "x_boolean": "no", "x_date": "01.07.2026",
            "x_datetime": "01.07.2026 10:00", "x_choice": "b", "x_country_id": "Belgium", "x_currency_id": "USD", "x_monetary": "2.25",
            "x_tag_ids/.id": "1", "x_line_ids/x_name": "Line", "x_own_float": "0.5", "x_own_datetime": "01.07.2026 23:30", "x_own_country_id": "France",
        }  # fmt: skip
        body = f"{','.join(cells)}\n{','.join(cells.values())}\n"
        for kind in ("load", "create"):
            with self.subTest(kind):
                self.assertAgain(body, ("", ""), ("", ""), model=MODEL, type=kind, date_format="%d.%m.%Y", datetime_format="%d.%m.%Y %H:%M")

    def test_relations(self):
        with self.committed() as env:
            right = env["res.partner"].create({"name": f"Right {self.mark}"})
            env["res.partner"].create({"name": f"Wrong {self.mark}", "ref": str(right.id)})
        for column, cell in (("parent_id", f"Right {self.mark}"), ("parent_id/.id", right.id)):
            with self.subTest(column):
                stored = self.assertAgain(
                    f"ref,name,{column}\n{self.mark}-1,,{cell}\n", (f"\n{self.mark}-1,,", f"\n{self.mark}-1,Mended,"), type="upsert", key="ref"
                )
                self.assertIn(f'"parent_id": {right.id}', stored)

    def test_lines(self):
        stored = self.assertAgain("ref,name,child_ids/name\nr,,Kid\n,,Other\n", ("\nr,,", "\nr,Mended,"), type="create")
        self.assertIn('"Kid"', stored)

    def test_updates(self):
        with self.committed() as env:
            partner, parent = env["res.partner"].create([{"name": "A"}, {"name": "B"}])
        self.assertAgain(f".id,name,parent_id/.id\n{partner.id},,{parent.id}\n", (f"\n{partner.id},,", f"\n{partner.id},Mended,"), type="update")

    def test_what_is_mended_badly_is_named_by_its_row(self):
        problems = self.refused("name,category_id,_operation,_index\nA,,op-1,0\nB,nonsense,op-1,1\n", type="create")
        self.assertEqual(list(problems), [(3, "category_id")])
        self.assertIn("not valid JSON", problems[3, "category_id"])

    def test_lines_of_json(self):
        stored = self.assertAgain(
            '{"ref": "r", "name": false, "active": true}\n', ('"name":false', '"name":"Mended"'), kind="ndjson", type="upsert", key="ref"
        )
        self.assertNotIn("_error", stored)

    def test_separators_and_quotes_of_the_first_file(self):
        body = "name;city\n;'Ghent, B'\n"
        for then in (str, lambda file: file.replace(",", ";").replace('"Ghent; B"', "Ghent, B")):  # as a spreadsheet may save it
            with self.subTest(then):
                self.assertAgain(body, ("\n,", "\nMended,"), NAMED_ROW, then=then, separator=";", quoting="'")
