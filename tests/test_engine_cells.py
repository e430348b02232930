"""Values as cells of a spreadsheet, and back."""

from odoo.tests.common import BaseCase

from ..engine.cells import armed, cell_of, defused, held, looks_equal, rows_of_item, value_of, with_changes
from .properties import given, st

#: Texts like those that matter: some quotes, then what may start a formula.
NEARLY_FORMULAS = st.from_regex(r"'{0,3}[=+\-@\t\r\n\uff1d'a]?.{0,3}", fullmatch=True)


class TestCells(BaseCase):
    def test_a_text_is_never_a_formula_and_comes_back(self):
        for text in ("=1+1", "+41 44", "-5", "@x", "\t=1", "plain", "'quoted", ""):
            self.assertFalse(defused(text).startswith(("=", "+", "-", "@", "\t", "\r")))
            self.assertEqual(armed(defused(text)), text)
        self.assertEqual(defused(-5), "-5", "a number is no text")
        self.assertEqual((defused("'=1"), armed("''=1"), armed("'quoted")), ("''=1", "'=1", "'quoted"))

    @given(st.text() | NEARLY_FORMULAS, max_examples=500)
    def test_any_text_comes_back(self, text):
        cell = defused(text)
        self.assertEqual(armed(cell), text)
        self.assertNotIn(cell[:1], [*"=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"])

    def test_what_a_spreadsheet_does_to_a_text_is_no_change(self):
        self.assertTrue(looks_equal("a\r\nb", "a\nb"))
        self.assertTrue(looks_equal("a\x01b", "a\nb"))
        self.assertFalse(looks_equal("a", "b"))
        self.assertTrue(looks_equal("a", " a "))
        self.assertTrue(looks_equal("a\x01", "a"), "a control character that was lost")

    def test_blanks_that_were_removed_are_a_change(self):
        for before in ("a ", " a", "\xa0a", "a\n", "a  "):
            self.assertFalse(looks_equal(before, "a"))
        self.assertFalse(looks_equal(" ", ""))
        self.assertTrue(looks_equal("a  ", "a "))
        self.assertEqual(held("\ud800x"), "?x", "no file can hold half a character")

    def test_values_are_read_by_the_type_of_their_field(self):
        for text, field_type, before, value in (
            ("7", "integer", None, 7), ("7", "many2one", "x", 7), ("seven", "integer", None, "seven"),
            ("1.50", "float", None, 1.5), ("1e400", "float", None, "1e400"), ("9" * 400, "integer", None, "9" * 400),
            ("true", "boolean", None, True), ("", "boolean", None, False), ("perhaps", "boolean", None, "perhaps"),
            ("", "char", "x", False), ("007", "char", None, "007"), ("", None, "x", ""), ("7", None, "x", "7"),
            ("[[6,0,[1]]]", "many2many", None, [[6, 0, [1]]]), ('{"$ref":"a","index":0}', "many2one", {"$ref": "a"}, {"$ref": "a", "index": 0}),
        ):  # fmt: skip
            with self.subTest(text=text, type=field_type):
                found = value_of(text, field_type, before)
                self.assertEqual((found, type(found)), (value, type(value)))
        with self.assertRaises(ValueError):
            value_of("[1", "one2many", None)

    def test_an_item_of_each_type_is_rows_and_can_be_changed(self):
        for kind, item, rows, changes, changed in (
            ("create", {"name": "a"}, [{"name": "a"}], [{"city": "b"}], {"name": "a", "city": "b"}),
            ("update", [7, {"name": "a"}], [{"id": 7, "name": "a"}], [{"name": "b"}], [7, {"name": "b"}]),
            ("update", [7, {"name": "a"}], [{"id": 7, "name": "a"}], [{"id": 8}], [8, {"name": "a"}]),
            ("update", 7, [{"id": 7}], [{"id": 8}], 8),
            ("delete", 7, [{"id": 7}], [{}], 7),
            ("call", None, [{}], [{}], None),
            ("load", [["a", "b"], ["", "c"]], [{"x": "a", "y": "b"}, {"x": "", "y": "c"}], [{}, {"y": "d"}], [["a", "b"], ["", "d"]]),
        ):  # fmt: skip
            with self.subTest(kind=kind, item=item):
                self.assertEqual(rows_of_item(kind, item, ["x", "y"]), rows)
                self.assertEqual(with_changes(kind, item, changes, ["x", "y"]), changed)

    def test_nothing_false_or_absent_is_an_empty_cell(self):
        self.assertEqual([cell_of(value) for value in (None, False, "", 0, True, [1])], ["", "", "", "0", "true", "[1]"])
