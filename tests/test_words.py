"""What a failure says: the words of the model, never PostgreSQL's, and never those of this addon in the place of the method's own."""

import itertools
from unittest.mock import patch

from psycopg2.errors import LockNotAvailable

from odoo.exceptions import UserError

from .api_case import ApiCase
from .case import create, update
from .doors import RouteDoor

#: What a row looks like in PostgreSQL's words, and how psycopg2 and PostgreSQL begin.
RAW = ("Failing row", "DETAIL", "CONTEXT", "LINE 1", "duplicate key", "violates", "psycopg2")
_numbers = itertools.count(1)


class TestWords(ApiCase):
    def setUp(self):
        super().setUp()
        self.mark = f"words{next(_numbers)}"
        self.boss = RouteDoor(self.admin)

    def error_of(self, operation, **options):
        """What the only failure of an operation says, queued and inline."""
        texts = set()
        for result in (self.run_job([operation], self.boss, **options), self.boss.execute([operation], **options)):
            [entry] = result["results"]
            [failure] = entry["failures"]
            self.assertReadable(failure["error"])
            for sign in RAW:
                self.assertNotIn(sign, failure["error"])
            texts.add((failure["error_type"], failure["error"]))
        [told] = texts
        return told

    def test_an_import_says_of_another_table_what_a_create_says(self):
        banks = [[0, 0, {"acc_number": "XX 1"}], [0, 0, {"acc_number": "XX1"}]]
        created = self.error_of({**create(), "data": [{"name": self.mark, "bank_ids": banks}]})
        fields = ["name", "bank_ids/acc_number"]
        rows = [[self.mark, "XX 1"], ["", "XX1"]]
        loaded = self.error_of({"operation_type": "load", "model": "res.partner", "fields": fields, "data": rows})
        self.assertEqual((loaded[0], loaded[1]), ("LoadError", created[1]))
        data = {"module": self.mark, "name": "with space", "model": "res.partner", "res_id": 1}
        created = self.error_of({**create(model="ir.model.data"), "data": [data]})
        rows = [[f"{self.mark}.with space", "x"]]
        loaded = self.error_of({"operation_type": "load", "model": "res.partner", "fields": ["id", "name"], "data": rows})
        self.assertEqual(loaded[1], created[1])

    def test_an_import_of_many_rows_says_it_of_the_guilty_one(self):
        rows = [[f"{self.mark}.{n}" if n != 3 else f"{self.mark}.not so", "x"] for n in range(6)]
        operation = {"operation_type": "load", "model": "res.partner", "fields": ["id", "name"], "data": rows}
        [entry] = self.run_job([operation], self.boss)["results"]
        self.assertEqual((entry["processed_records"], [failure["index"] for failure in entry["failures"]]), (5, [3]))
        for sign in RAW:
            self.assertNotIn(sign, entry["error"])

    def test_a_value_of_the_wrong_form_is_named_with_what_plain_odoo_says(self):
        for values, name, reason in (
            ({"parent_id": {"id": 1}}, "parent_id", "can't adapt type 'dict'"),
            ({"parent_id": True}, "parent_id", "boolean"),
            ({"parent_id": "hello"}, "parent_id", "integer"),
            ({"color": 2**40}, "color", "out of range"),
            ({"color": [1]}, "color", "int()"),
            ({"partner_latitude": "far"}, "partner_latitude", "float"),
            ({"category_id": [[1], {}]}, "category_id", "index"),
            ({"type": {"a": 1}}, "type", "unhashable"),
            ({"ref": "a\x00b"}, "ref", "NUL"),
            ({"ref": "a\ud800b"}, "ref", "surrogates"),
        ):
            with self.subTest(values=values):
                error_type, text = self.error_of({**create(), "data": [{"name": self.mark, **values}]})
                self.assertIn(f"{name} can't take", text)
                self.assertIn(reason, text)
                self.assertNotIn("ProgrammingError", error_type + text)
        partner = self.boss.execute([create(self.mark)])["results"][0]["result"][0]
        for operation in (
            update({"color": [1]}, partner),
            {"operation_type": "update", "model": "res.partner", "data": [{"id": partner, "color": [1]}]},
            {"operation_type": "upsert", "model": "res.partner", "key": ["ref"], "data": [{"ref": self.mark, "name": "x", "color": [1]}]},
        ):  # fmt: skip
            self.assertIn("color can't take [1]", self.error_of(operation)[1])

    def test_a_conflict_given_up_tells_the_methods_own_words(self):
        code = """
import_error = None
try:
    env.cr.execute("SELECT id FROM res_country WHERE code = 'BE' FOR UPDATE NOWAIT")
except Exception:
    raise UserError("Somebody else is at it. Come back later.")
"""
        with self.committed() as env:
            action = env["ir.actions.server"].create(
                {"name": self.mark, "state": "code", "model_id": env.ref("base.model_res_partner").id, "code": code}
            )
        operation = {"operation_type": "call", "model": "ir.actions.server", "method": "run", "record_ids": [action.id]}
        self.assertGivenUp(operation)

    def test_an_import_that_met_a_conflict_tells_its_own_words_too(self):
        def create_locked(partners, vals_list):
            try:
                partners.env.cr.execute("SELECT id FROM res_country WHERE code = 'BE' FOR UPDATE NOWAIT")
            except LockNotAvailable as error:
                raise UserError("Somebody else is at it. Come back later.") from error

        operation = {"operation_type": "load", "model": "res.partner", "fields": ["name"], "data": [["x"]]}
        with patch.object(self.registry["res.partner"], "create", create_locked):
            self.assertGivenUp(operation)

    def assertGivenUp(self, operation):
        with self.registry.cursor() as cr:
            cr.execute("SELECT id FROM res_country WHERE code = 'BE' FOR UPDATE")
            result = self.run_job([operation], self.boss, retry_attempts=1)
        [failure] = result["results"][0]["failures"]
        self.assertEqual(failure["error_type"], "ConcurrencyError")
        self.assertIn("Somebody else is at it. Come back later.", failure["error"])
        self.assertIn("It conflicted with other transactions; given up after 2 attempts", failure["error"])
