"""Which values can't be what their field holds."""

from datetime import date, datetime

from odoo.tests.common import BaseCase

from ..engine.values import is_wrong

LONE, NUL, NAN, HUGE = "a\ud800", "a\x00", float("nan"), 2**31
TABLE = {
    ("char", "text", "html", "selection"): (["x", 5, 1.5, True, "\x01"], [{}, {"a": 1}, [1], LONE, NUL]),
    ("integer", "many2one_reference"): ([5, "5", 1.5, True, -1], ["x", NAN, HUGE, 10**4000, {"id": 1}, [5], "1.5"]),
    ("float", "monetary"): ([5, "5.5", 1e300, True], ["x", NAN, float("inf"), 10**4000, {"id": 1}, [5], LONE]),
    ("many2one",): ([5, "5"], [True, "x", NAN, HUGE, {"id": 1}, [5, "five"], LONE]),
    ("one2many", "many2many"): ([[], [5], [[6, 0, [1]], [0, 0, {"name": "x"}], (4, 1)]], ["x", 5, True, {"id": 1}, [[1], {}], [[0, 0, {"n": NUL}]], [[9, 0]]]),
    ("date", "datetime"): (["2026-01-31", "2026-01-31 10:00:00", date(2026, 1, 1), datetime(2026, 1, 1)], ["x", 5, True, LONE, [1], {}]),
    ("boolean", "binary", "json", "properties"): (["x", 5, {"a": NUL}, [1]], []),
    ("reference",): (["res.partner,5", 5], [LONE]),
}  # fmt: skip


class TestValues(BaseCase):
    def test_by_kind_of_field(self):
        for kinds, (right, wrong) in TABLE.items():
            for kind in kinds:
                for values, expected in (([*right, None, False], False), (wrong, True)):
                    for value in values:
                        with self.subTest(kind=kind, value=value):
                            self.assertEqual(is_wrong(kind, value), expected)
