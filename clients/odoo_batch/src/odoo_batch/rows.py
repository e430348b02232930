"""The rows of a file, and the records that they make up: where a file may be cut."""

from __future__ import annotations

import csv
from collections.abc import Container, Iterator
from dataclasses import dataclass, field

from .errors import BatchError, Refused
from .parts import ABOUT, column_path

#: Most characters of a cell.
CELL = 32 << 20
#: Most rows of a record, and bytes of those below its first one: they are in the memory together. The server takes no more either.
RECORD_ROWS, RECORD_BYTES = 100_000, 64 << 20


@dataclass
class Row:
    """A row of a file.

    :ivar size: its bytes
    :ivar is_filled: whether it is not blank
    :ivar is_start: whether it begins a record
    :ivar cells: of a CSV
    """

    size: int
    is_filled: bool
    is_start: bool
    cells: list[str]


@dataclass
class Record:
    """A record of a file, which may have several rows: those of its lines, and blank ones.

    :ivar size: its bytes
    :ivar rows: how many it has
    :ivar filled: how many of them are not blank
    :ivar cells: of those
    :ivar below: bytes of all rows but the first one, without blank ones
    """

    size: int = 0
    below: int = 0
    rows: int = 0
    filled: int = 0
    cells: list[list[str]] = field(default_factory=list)

    def add(self, row: Row) -> None:
        """Add a row."""
        self.size += row.size
        self.rows += 1
        if row.is_filled:
            self.below += row.size if self.filled else 0
            self.filled += 1
            self.cells.append(row.cells)


def divided(rows: Iterator[Row], limit: int, head_size: int, rows_before: int) -> Iterator[tuple[int, Record]]:
    """The records, each with the number of the piece it is in: pieces have at most so many bytes, unless a record has more."""
    piece, size = 0, head_size
    for record in _records(rows, rows_before):
        if size > head_size and size + record.size > limit:
            piece, size = piece + 1, head_size
        size += record.size
        yield piece, record


def _records(rows: Iterator[Row], rows_before: int) -> Iterator[Record]:
    """The records; blank rows belong to the one above.

    :raises Refused: one is too large
    """
    record, first = Record(), rows_before + 1
    for number, row in enumerate(rows, first):
        if row.is_start and record.rows:
            yield record
            record, first = Record(), number
        elif record.filled >= RECORD_ROWS or record.below > RECORD_BYTES:
            message = (
                f"the record that begins in row {first} has more than {RECORD_ROWS} rows, or {RECORD_BYTES >> 20} MiB: a row begins a "
                "record if it has a value in a column that is no line (one2many)"
            )
            problem = {"operation": 0, "record": False, "row": number, "key": False, "message": message}
            raise Refused(f"Row {number}: {message}", [problem])
        record.add(row)
    if record.rows:
        yield record


def csv_rows(
    lines: Iterator[bytes], encoding: str, separator: str, quoting: str, one2many: Container[str]
) -> Iterator[Row]:
    """The rows of a CSV file; a quoted cell may hold line ends.

    :raises BatchError: a cell is too large
    """
    size = 0

    def sized() -> Iterator[str]:
        nonlocal size
        for line in lines:
            size += len(line)
            yield line.decode(encoding, "replace")

    before = csv.field_size_limit(CELL)
    names: list[str] = []
    own: list[int] = []
    inner: list[int] = []
    try:
        for cells in csv.reader(sized(), delimiter=separator, quotechar=quoting):
            is_filled = any(map(str.strip, cells))
            if not names and is_filled:
                cells[0] = cells[0].removeprefix("\ufeff")
                names = [column_path(name)[0] for name in cells]
                own = [place for place, name in enumerate(names) if name not in one2many and name not in ABOUT]
                inner = [place for place, name in enumerate(names) if name in one2many]
            is_line = is_filled and _any(cells, inner) and not _any(cells, own)
            yield Row(size, is_filled, is_filled and not is_line, cells)
            size = 0
    except csv.Error as error:
        raise BatchError(f"The file can't be cut: {error}. Is a quote opened that is never closed?") from error
    finally:
        csv.field_size_limit(before)


def _any(cells: list[str], places: list[int]) -> bool:
    return any(cells[place] for place in places if place < len(cells))


class Names:
    """The external ids of a file: which rows are called by them, and which refer to them.

    :param columns: the names of its columns
    :param one2many: names of the model's one2many fields: their ids are those of lines, which the row makes
    """

    def __init__(self, columns: list[str], one2many: Container[str]):
        ids = [(place, path) for place, path in enumerate(map(column_path, columns)) if path[-1] == "id"]
        self._named = [place for place, path in ids if len(path) == 1 or path[0] in one2many]
        self._foreign = [place for place, _path in ids if place not in self._named]
        self.are_there = bool(self._named and self._foreign)
        self._known: set[int] = set()
        self._missed: dict[int, int] = {}  # names that were referred to before they were known: in which piece, at first

    def refers_ahead(self, cells: list[str], piece: int) -> bool:
        """Take note of a row; tells whether a row of an earlier piece refers to it."""
        names = _names(cells, self._named)
        if any(self._missed.get(name, piece) < piece for name in names):
            return True
        self._known.update(names)
        for name in _names(cells, self._foreign):
            if name not in self._known:
                self._missed.setdefault(name, piece)
        return False


def _names(cells: list[str], places: list[int]) -> list[int]:
    """The external ids in these cells, as hashes: there may be millions."""
    return [
        hash(name.strip().removeprefix("__import__."))
        for place in places
        if place < len(cells) and cells[place]
        for name in cells[place].split(",")
    ]
