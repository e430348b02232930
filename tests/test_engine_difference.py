"""What differs between two texts is marked, and long texts are cut around it."""

from odoo.tests.common import BaseCase

from ..engine.difference import GAP, Difference, difference, shortened
from .properties import given, st

TEXTS = st.text("ab é\u0301\u202e1\n", max_size=12)


class TestDifferences(BaseCase):
    def test_what_is_common_at_the_ends_is_not_marked(self):
        for before, after, found in (
            ("12 rue de Paris", "14 rue de Paris", ("1", "2", "4", " rue de Paris")),
            ("Basel", "Bern", ("", "Basel", "Bern", "")),  # no word is divided
            ("Azure Interior", "Azure Exterior", ("Azure ", "Interior", "Exterior", "")),
            ("DE0012345678", "DE0012345679", ("DE001234567", "8", "9", "")),
            ("100", "1000", ("100", "", "0", "")),
            ("", "new", ("", "", "new", "")),
            ("aa", "aaa", ("", "aa", "aaa", "")),
            ("1 1", "1 1 1", ("1 1", "", " 1", "")),  # head and tail do not overlap
            ("cafe", "cafe\u0301", ("", "cafe", "cafe\u0301", "")),  # an accent goes with its letter
            ("漢" * 40 + "一", "漢" * 40 + "二", ("漢" * 40, "一", "二", "")),  # not one word
            ("same", "same", ("same", "", "", "")),
        ):
            with self.subTest(before=before, after=after):
                self.assertEqual(difference(before, after, 100, 100), Difference(*found))

    def test_long_texts_are_cut_around_what_differs(self):
        found = difference("x" * 5 + " " * 500 + "old" + " " * 500, "x" * 5 + " " * 500 + "n" * 90 + " " * 500, 10, 20)
        self.assertEqual(found, Difference(GAP + " " * 10, "old", "n" * 19 + GAP, " " * 10 + GAP))
        self.assertEqual(shortened("abc", 3), "abc")

    @given(TEXTS, TEXTS)
    def test_the_parts_make_up_the_texts(self, before, after):
        found = difference(before, after, 100, 100)
        self.assertEqual((found.head + found.before + found.tail, found.head + found.after + found.tail), (before, after))
        self.assertEqual(found.before == found.after == "", before == after)
