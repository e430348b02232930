"""Files of JSON lines: read, checked as `submit` does, problems and failures by line."""

from odoo.tests.common import BaseCase

from ..engine.ndjson import read_lines
from ..engine.problems import Problems
from ..run.ndjson import read_operation
from .case import BatchCase


class TestLines(BaseCase):
    def read(self, content):
        problems = Problems()
        records, numbers = read_lines(content, problems)
        return records, numbers, {problem.record: problem.message for problem in problems.kept}

    def test_objects_with_the_numbers_of_their_lines(self):
        content = "\ufeff" + '{"name": "Ä"}\r\n\n  \n{"name": "B\u2028C", "n": 1.5}\n'
        self.assertEqual(self.read(content.encode()), ([{"name": "Ä"}, {"name": "B\u2028C", "n": 1.5}], [1, 4], {}))
        self.assertEqual(self.read(b""), ([], [], {}))

    def test_each_line_that_is_none_is_named(self):
        records, numbers, problems = self.read(b'{"a": 1}\n{"a": \n[1]\n7\n{"a": NaN}\n' + b"[" * 100_000 + b"\n{}\n")
        self.assertEqual((records, numbers), ([{"a": 1}, {}], [1, 7]))
        self.assertEqual(set(problems), {2, 3, 4, 5, 6})
        self.assertIn("NaN", problems[5])

    def test_another_encoding_is_named_with_its_line(self):
        self.assertEqual(set(self.read(b'{"a": 1}\n\n{"a": "\xe4"}\n')[2]), {3})


class TestOperationOfLines(BatchCase):
    def read(self, text, kind="create", **keys):
        operation, problems = read_operation(self.jobs.env, text.encode(), kind, keys.pop("model", "res.partner"), **keys)
        return operation, {problem.record: problem.message for problem in problems.kept}

    def test_records_are_created_and_failures_name_their_line(self):
        operation, problems = self.read('{"name": "A"}\n\n{"name": false}\n{"name": "B"}\n')
        self.assertEqual(problems, {})
        [entry] = self.jobs.execute([operation])["results"]
        self.assertEqual([bool(id_) for id_ in entry["result"]], [True, False, True])
        self.assertEqual([failure["row"] for failure in entry["failures"]], [3])

    def test_update_and_upsert(self):
        partner = self.env["res.partner"].create({"name": "Old", "ref": "lines-1"})
        operation, problems = self.read(f'\n{{"id": {partner.id}, "name": "New"}}', "update")
        self.assertEqual(problems, {})
        self.jobs.execute([operation])
        self.assertEqual(partner.name, "New")
        text = '{"ref": "lines-1", "name": "Newer"}\n{"ref": "lines-2", "name": "Other"}'
        operation, problems = self.read(text, "upsert", key=["ref"])
        self.assertEqual(problems, {})
        self.jobs.execute([operation])
        self.assertEqual(self.env["res.partner"].search([("ref", "like", "lines-_")], order="ref").mapped("name"), ["Newer", "Other"])

    def test_problems_name_their_line(self):
        _operation, problems = self.read('{"name": "A"}\n\n{"nonsense": 1}\n{\n')
        self.assertEqual(set(problems), {3, 4})
        self.assertIn("nonsense", problems[3])
        _operation, problems = self.read('\n{"name": "A"}', "update")
        self.assertEqual(set(problems), {2})
        _operation, problems = self.read('\n{"name": "A"}', "upsert", key=["ref"])
        self.assertEqual(set(problems), {2})
        self.assertIn(False, self.read('{"name": "A"}', model="no.such.model")[1])
        self.assertIn(False, self.read("\n\n")[1])
