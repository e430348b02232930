"""Reads the rows of a CSV, with their numbers, and its header."""

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice

from .cells import OURS, PLACE, armed
from .problems import Problems

#: Most characters of a row. A quote that is never closed makes all that follows one row.
MOST_CHARACTERS = 32 * 2**20
#: Most columns of a file: each costs memory and time, and problems of its own.
MOST_COLUMNS = 10_000
#: Separators that are tried where none is given, and on how many rows.
SEPARATORS, ROWS_TRIED = ",;\t|", 20


class Unreadable(Exception):
    """A line can't be read. It is raised by what reads lines.

    :param str message: why
    :param int line: its number, from 1
    """

    def __init__(self, message, line):
        super().__init__(message)
        self.line = line


class CsvRows:
    """The rows of a CSV, as `(number, cells)`; the first row has the number 1. Blank rows are counted and left out.

    :param readline: returns the next line, of at most as many characters as it is told; an empty text at the end. It may raise `Unreadable`
    :param separator: between cells
    :param quoting: around cells that hold separators or line ends
    :param problems: what can't be read is added to it
    """

    def __init__(self, readline: Callable[[int], str], separator: str, quoting: str, problems: Problems):
        self.readline = readline
        self.problems = problems
        self.size = 0  # characters read so far
        self.number = 0  # of the last row
        self._reader = csv.reader(self._lines(), delimiter=separator, quotechar=quoting)
        self._began = 0  # `size` before the present row
        self._is_cut = self._is_over = self._has_nul = False

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        while True:
            self._began = self.size
            try:
                row = next(self._reader, None)
            except Unreadable as error:
                self.problems.add(str(error), row=error.line)
                return
            except csv.Error as error:
                self.problems.add(str(error), row=self.number + 1)
                return
            if self._is_cut:
                self.problems.add(
                    f"has more than {MOST_CHARACTERS} characters: is a quote opened that is never closed?", row=self.number + 1
                )
                return
            if row is None:
                return
            self.number += 1
            if self._is_over:  # the reader asked for another line in the middle of a row
                self.problems.add("a quote is opened that is never closed", row=self.number)
                return
            if self._has_nul:
                self._has_nul = False
                self.problems.add("holds a NUL character: is the encoding right, as encoding=utf-16?", row=self.number)
            elif any(map(str.strip, row)):
                yield self.number, row

    def _lines(self):
        while line := self.readline(MOST_CHARACTERS + 1):
            if not self.size:
                line = line.removeprefix("\ufeff")
            self.size += len(line)
            if self.size - self._began > MOST_CHARACTERS:
                self._is_cut = True
                return
            if "\0" in line:
                self._has_nul = True
                line = line.replace("\0", "")
            yield line
        self._is_over = True


class CsvTable:
    """The rows of a CSV below its header, each with as many cells as there are columns.

    :param rows: of the file
    :param problems: what is wrong with the header or with rows is added to it
    :param first_row: number of the first row below the header, where this is a piece of a file; None: as it stands
    """

    def __init__(self, rows: CsvRows, problems: Problems, first_row: int | None = None):
        self._rows = rows
        self._problems = problems
        self._left = iter(rows)
        self._number, header = next(self._left, (0, []))
        if first_row is not None:
            rows.number = first_row - 1
        if len(header) > MOST_COLUMNS:
            problems.add(f"has {len(header)} columns, more than {MOST_COLUMNS}: is the separator right?", row=self._number, key="fields")
            header = []
        header = [name.strip() for name in header]
        self.is_empty = not header
        self._width = len(header)
        self._kept = [place for place, name in enumerate(header) if name not in OURS]
        self.is_ours = len(self._kept) < len(header)  # a file of failures, mended
        self.columns = [header[place] for place in self._kept]
        for place in self._kept:
            if not header[place]:
                problems.add(f"column {place + 1} has no name", row=self._number, key="fields")
        for name, count in Counter(self.columns).items():
            if name and count > 1:
                problems.add(f"the column {name!r} is there twice", row=self._number, key="fields")

    @property
    def size(self) -> int:
        """Characters read so far."""
        return self._rows.size

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        for number, row in self._left:
            if len(row) != self._width:
                self._problems.add(
                    f"has {len(row)} cells, the header has {self._width}: is the separator right, as separator=;?", row=number
                )
            elif self.is_ours:
                yield number, [armed(row[place]) for place in self._kept]
            else:
                yield number, row


def separator_of_ours(sample: str) -> str | None:
    """The separator of a file of failures, whatever its first version was separated by; None of other files.

    :param sample: the first lines
    """
    header = sample.partition("\n")[0]
    return next((one for one in SEPARATORS if set(PLACE) <= {name.strip().strip('"') for name in header.split(one)}), None)


def guess_separator(sample: str, quoting: str) -> str:
    """The separator of a CSV: the one that gives all rows the same number of cells, else the one that stands most often in the header.

    :param sample: the first lines
    """
    best, best_rank = SEPARATORS[0], (False, 1)
    for separator in SEPARATORS:
        try:
            rows = list(islice(csv.reader(io.StringIO(sample, newline=""), delimiter=separator, quotechar=quoting), ROWS_TRIED))
        except csv.Error:
            continue
        widths = [len(row) for row in rows if any(map(str.strip, row))]
        if widths and widths[0] > 1:
            rank = len(set(widths)) == 1, widths[0]
            if rank > best_rank:
                best, best_rank = separator, rank
    return best
