"""The rows of the file: kept as runs, cut with the chunks, never off by one."""

from odoo.tests.common import BaseCase

from odoo.addons.batch_executor.engine.payload import Payload
from odoo.addons.batch_executor.engine.planner import plan
from odoo.addons.batch_executor.engine.problems import Problems
from odoo.addons.batch_executor.engine.row_numbers import ROWS, number_at, runs_of, within
from odoo.addons.batch_executor.engine.spec import parse_operations

from .properties import given, st


def numbered(numbers, **keys):
    """A parsed operation whose records have these numbers, and what is wrong with it."""
    data = [{"name": str(place)} for place in range(len(numbers))]
    problems = Problems()
    raw = {"operation_type": "create", "model": "m", "data": data, "row_numbers": numbers, **keys}
    return parse_operations([raw], problems), problems.lines()


class TestRowNumbers(BaseCase):
    def test_a_file_without_blank_rows_is_one_run(self):
        self.assertEqual(runs_of(list(range(2, 1000))), [[0, 2]])
        self.assertEqual(runs_of([2, 3, 7, 8, 10]), [[0, 2], [2, 7], [4, 10]])
        self.assertEqual(runs_of([]), [])

    def test_what_is_not_known_is_none(self):
        self.assertIsNone(number_at(None, 3))
        self.assertIsNone(number_at([[5, 2]], 3))

    @given(st.lists(st.integers(1, 60), max_size=40), st.integers(1, 7))
    def test_each_chunk_knows_the_numbers_of_its_records(self, numbers, size):
        operations, problems = numbered(numbers)
        self.assertFalse(problems)
        found = {}
        for chunk in plan(operations, size):
            for part in Payload.decode(chunk.payload.encode()).split(2):
                found.update((place, number_at(part.params[ROWS], place)) for place in part.indexes)
        self.assertEqual(found, dict(enumerate(numbers)))

    @given(st.lists(st.integers(1, 60), min_size=1, max_size=40), st.data())
    def test_a_part_keeps_no_more_runs_than_it_has_places(self, numbers, data):
        places = data.draw(st.lists(st.integers(0, len(numbers) - 1), min_size=1, unique=True))
        runs = within(runs_of(numbers), places)
        self.assertEqual([number_at(runs, place) for place in places], [numbers[place] for place in places])
        self.assertLessEqual(len(runs), max(places) - min(places) + 1)

    def test_what_is_no_row_number_is_refused(self):
        for numbers in (["2", "3"], [0, 1], [2**31, 1], "23", 5):
            _operations, problems = numbered([2, 3], row_numbers=numbers)
            self.assertIn("row_numbers", problems[0])
        _operations, problems = numbered([2, 3], row_numbers=[2])
        self.assertIn("a number for each row", problems[0])
