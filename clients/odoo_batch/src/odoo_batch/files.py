"""Files as they are sent: whole, or in pieces that each hold whole records."""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
import itertools
import os
import tempfile
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, BinaryIO

from .errors import BatchError
from .parts import ABOUT

#: Most bytes of a file in one request.
PIECE_BYTES = 32 << 20
#: Bytes read at once.
CHUNK = 1 << 16
CSV, NDJSON = "text/csv", "application/x-ndjson"
#: What a CSV file may have between its cells, the likeliest first; and how many rows tell which it is.
SEPARATORS, ROWS_TRIED = (",", ";", "\t", "|"), 20
#: Most characters of a cell.
CELL = 32 << 20
#: Encodings whose line ends, quotes and separators are not those bytes of ASCII: such a file is sent in UTF-8.
WIDE = ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be")


@dataclass
class Piece:
    """A range of a file, with the line of column names before it.

    :ivar first: number of records (rows, lines) of the file before it, without blank ones
    :ivar first_row: number of its first row in the file, from 1, that of the column names counted
    """

    file: BinaryIO
    start: int
    end: int
    media_type: str
    head: bytes = b""
    first: int = 0
    first_row: int = 1
    total: int = 0
    tell: Callable[[int, int], object] = field(default=lambda sent, total: None, repr=False)

    @property
    def size(self) -> int:
        """Bytes of the request."""
        return len(self.head) + self.end - self.start

    def chunks(self) -> Iterator[bytes]:
        """Its content, from its beginning at each call."""
        if self.head:
            yield self.head
        place = self.start
        while place < self.end:
            self.file.seek(place)
            chunk = self.file.read(min(CHUNK, self.end - place))
            if not chunk:
                raise BatchError("The file has become shorter while it was sent.")
            place += len(chunk)
            yield chunk
            self.tell(place, self.total)


class Source:
    """A CSV or NDJSON file; what it is, is told by its name, else by its first character.

    :param file: a path, or an open file: a text file is sent in UTF-8, one without `seek` is copied first
    :raises BatchError: it can't be read
    """

    def __init__(self, file: str | os.PathLike[str] | IO[Any]):
        self._own = isinstance(file, (str, os.PathLike))
        if isinstance(file, (str, os.PathLike)):
            self.name = Path(file).name
            try:
                self.file: BinaryIO = Path(file).open("rb")  # noqa: SIM115
            except OSError as error:
                raise BatchError(f"{file} can't be read: {error.strerror}") from error
        else:
            self.name = Path(str(getattr(file, "name", ""))).name
            self.file = self._bytes_of(file)
        self.start = 0 if self._own else self.file.tell()
        self.size = self.file.seek(0, io.SEEK_END) - self.start
        self.media_type = self._media_type()

    def __enter__(self) -> Source:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        if self._own:
            self.file.close()

    def _bytes_of(self, file: IO[Any]) -> BinaryIO:
        """An open file as one of bytes that can be read again."""
        if isinstance(file.read(0), bytes) and file.seekable():
            return file  # type: ignore[return-value]
        copy = tempfile.TemporaryFile()  # noqa: SIM115
        while chunk := file.read(CHUNK):
            copy.write(chunk.encode() if isinstance(chunk, str) else chunk)
        copy.seek(0)
        self._own = True
        return copy

    def _media_type(self) -> str:
        suffix = Path(self.name).suffix.lower()
        if suffix in (".ndjson", ".jsonl"):
            return NDJSON
        if suffix in (".csv", ".tsv", ".txt"):
            return CSV
        return NDJSON if self._start(64).lstrip().startswith(b"{") else CSV

    def _start(self, size: int) -> bytes:
        self.file.seek(self.start)
        return self.file.read(size).removeprefix(codecs.BOM_UTF8)

    def settings(self, given: dict[str, Any]) -> dict[str, Any]:
        """The parameters for reading it, from those that were given; makes of a file of wide characters one in UTF-8.

        :raises BatchError: it is not in the encoding that was given
        """
        encoding = self._wide_encoding(given.get("encoding"))
        if encoding:
            self._recode(encoding)
            given = {**given, "encoding": "utf-8"}
        if Path(self.name).suffix.lower() == ".tsv":
            given.setdefault("separator", "\t")
        return given

    def _wide_encoding(self, given: str | None) -> str | None:
        if given:
            try:
                name = codecs.lookup(given).name
            except LookupError:
                return None  # the server says which there are
            return name if name in WIDE else None
        start = self._start(4)
        return "utf-16" if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else None

    def _recode(self, encoding: str) -> None:
        self.file.seek(self.start)
        copy = tempfile.TemporaryFile()  # noqa: SIM115
        reader = codecs.getreader(encoding)(self.file)
        try:
            while chunk := reader.read(CHUNK):
                copy.write(chunk.encode())
        except UnicodeError as error:
            raise BatchError(f"{self.name or 'The file'} is not in the encoding {encoding}: {error}") from error
        if self._own:
            self.file.close()
        self.file, self._own, self.start = copy, True, 0
        self.size = copy.tell()

    # -- as requests -------------------------------------------------------------------------------

    def whole(self, tell: Callable[[int, int], object]) -> Piece:
        """All of it.

        :param tell: called with the number of bytes sent, and of all
        """
        return Piece(self.file, self.start, self.start + self.size, self.media_type, total=self.size, tell=tell)

    def pieces(
        self, limit: int, parameters: dict[str, Any], tell: Callable[[int, int], object], lines: Container[str] = ()
    ) -> Iterator[Piece]:
        """Pieces of at most so many bytes, unless a record is larger. Each is to be read before the next one is asked for.

        :param parameters: how a CSV file is read; the separator is added where it is missing, so that all pieces are read alike
        :param tell: as for `whole`
        :param lines: names of the model's one2many fields: a row with nothing but those belongs to the record above it
        :raises BatchError: the rows can't be told apart
        """
        rows, head_size, head_rows, _columns = self._read(parameters, lines)
        self.file.seek(self.start)
        head = self.file.read(head_size)
        begin = here = (self.start + head_size, 0, head_rows + 1)  # the byte, and the records and rows before it

        def piece() -> Piece:
            return Piece(self.file, begin[0], here[0], self.media_type, head, begin[1], begin[2], self.size, tell)

        last = 0
        for number, record in _divided(rows, limit, head_size):
            if number > last:
                yield piece()
                begin, last = here, number
            size, filled = sum(row.size for row in record), sum(row.is_filled for row in record)
            here = (here[0] + size, here[1] + filled, here[2] + len(record))
        if here > begin:
            yield piece()

    def refers_ahead(self, limit: int, parameters: dict[str, Any], lines: Container[str]) -> bool:
        """Whether a row names, by its external id, a record that only comes in a later piece: then the file must be sent whole.

        :param limit: as for `pieces`, as are the other parameters
        """
        if self.media_type != CSV:
            return False
        rows, head_size, _head_rows, columns = self._read(parameters, lines)
        names = _Names(columns, lines)
        if not names.are_there:
            return False
        return any(
            names.refers_ahead(row.cells, piece) for piece, record in _divided(rows, limit, head_size) for row in record
        )

    def _read(self, parameters: dict[str, Any], lines: Container[str]) -> tuple[Iterator[Row], int, int, list[str]]:
        """The rows below the names of the columns; bytes and rows as far as to those, and the names."""
        if self.media_type != CSV:
            return (Row(len(line), not line.isspace(), not line.isspace(), []) for line in self._lines()), 0, 0, []
        quoting = parameters.get("quoting") or '"'
        if not parameters.get("separator"):
            parameters["separator"] = self.separator(quoting)
        rows = _csv_rows(self._lines(), parameters["separator"], quoting, lines)
        size = count = 0
        for row in rows:
            size, count = size + row.size, count + 1
            if row.is_filled:
                return rows, size, count, [name.removeprefix("\xef\xbb\xbf") for name in row.cells]
        return rows, size, count, []

    def count_lines(self, most: int) -> int:
        """How many lines it has; counted as far as to this number."""
        return sum(1 for _line in itertools.islice(self._lines(), most))

    def separator(self, quoting: str = '"') -> str:
        """What stands between the cells: what divides the first rows into equally many, else the header. The server finds it likewise."""
        sample = self._start(CHUNK).decode("latin-1")
        if len(sample) < self.size:
            sample = sample[: sample.rfind("\n") + 1] or sample
        best, best_rank = SEPARATORS[0], (False, 1)
        for separator in SEPARATORS:
            reader = csv.reader(io.StringIO(sample, newline=""), delimiter=separator, quotechar=quoting)
            with contextlib.suppress(csv.Error):
                widths = [len(row) for row in itertools.islice(reader, ROWS_TRIED) if any(map(str.strip, row))]
                rank = len(set(widths)) == 1, widths[0] if widths else 0
                if rank[1] > 1 and rank > best_rank:
                    best, best_rank = separator, rank
        return best

    def _lines(self) -> Iterator[bytes]:
        """Its lines, from where it begins; the file may be read elsewhere between two of them."""
        place = self.start
        end = self.start + self.size
        rest = b""
        while place < end:
            self.file.seek(place)
            chunk = self.file.read(1 << 20)
            if not chunk:
                break
            place += len(chunk)
            lines = (rest + chunk).split(b"\n")
            rest = lines.pop()
            for line in lines:
                yield line + b"\n"
        if rest:
            yield rest


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


def _divided(rows: Iterator[Row], limit: int, head_size: int) -> Iterator[tuple[int, list[Row]]]:
    """The records, each with the number of the piece it is in: pieces have at most so many bytes, unless a record has more."""
    piece, size = 0, head_size
    for record in _records(rows):
        record_size = sum(row.size for row in record)
        if size > head_size and size + record_size > limit:
            piece, size = piece + 1, head_size
        size += record_size
        yield piece, record


def _records(rows: Iterator[Row]) -> Iterator[list[Row]]:
    """The rows of each record; blank ones belong to the record above."""
    record: list[Row] = []
    for row in rows:
        if row.is_start and record:
            yield record
            record = []
        record.append(row)
    if record:
        yield record


def _csv_rows(lines: Iterator[bytes], separator: str, quoting: str, one2many: Container[str]) -> Iterator[Row]:
    """The rows of a CSV file; a quoted cell may hold line ends.

    :raises BatchError: a cell is too large
    """
    size = 0

    def sized() -> Iterator[str]:
        nonlocal size
        for line in lines:
            size += len(line)
            yield line.decode("latin-1")  # byte by byte: only the signs of ASCII matter here

    before = csv.field_size_limit(CELL)
    names: list[str] = []
    own: list[int] = []
    inner: list[int] = []
    try:
        for cells in csv.reader(sized(), delimiter=separator, quotechar=quoting):
            is_filled = any(map(str.strip, cells))
            if not names and is_filled:
                names = [name.strip().partition("/")[0] for name in cells]
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


class _Names:
    """The external ids of a file: which rows are called by them, and which refer to them.

    :param columns: the names of its columns
    :param one2many: names of the model's one2many fields: their ids are those of lines, which the row makes
    """

    def __init__(self, columns: list[str], one2many: Container[str]):
        places = [(place, name.strip()) for place, name in enumerate(columns)]
        named = [place for place, name in places if name == "id" or (name.endswith("/id") and name.partition("/")[0] in one2many)]
        self._named = named
        self._foreign = [place for place, name in places if name.endswith("/id") and place not in named]
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
