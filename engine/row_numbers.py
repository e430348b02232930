"""The numbers that records have in the file they come from: for an operation as runs of consecutive numbers, which are short.

A run is `[place, number]`: from this place in the operation's data on, rows follow each other in the file, beginning with this
number. A file without blank rows is one run.
"""

from bisect import bisect_right
from operator import itemgetter

#: Key of the parameters that holds the runs.
ROWS = "rows"


def runs_of(numbers: list[int]) -> list[list[int]]:
    """The runs of an operation's row numbers, given by place in its data."""
    runs, expected = [], None
    for place, number in enumerate(numbers):
        if number != expected:
            runs.append([place, number])
        expected = number + 1
    return runs


def number_at(runs: list[list[int]] | None, place: int) -> int | None:
    """The row number of a place; None where it is not known."""
    position = bisect_right(runs or [], place, key=itemgetter(0)) - 1
    if position < 0:
        return None
    first, number = runs[position]
    return number + place - first


def within(runs: list[list[int]], places: list[int]) -> list[list[int]]:
    """The runs that these places are in.

    :param places: not empty, in any order
    """
    first = max(bisect_right(runs, min(places), key=itemgetter(0)) - 1, 0)
    return runs[first : bisect_right(runs, max(places), key=itemgetter(0))]
