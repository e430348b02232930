"""Files as they are sent: whole, or in pieces that each hold whole records."""

from __future__ import annotations

import codecs
import contextlib
import csv
import hashlib
import io
import itertools
import os
import re
import tempfile
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, BinaryIO

from .errors import BatchError, Refused
from .rows import Names, Row, csv_rows, divided
from .wire import encoded

#: Most bytes of a file in one request.
PIECE_BYTES = 32 << 20
#: Bytes read at once.
CHUNK = 1 << 16
CSV, NDJSON = "text/csv", "application/x-ndjson"
#: What a CSV file may have between its cells, the likeliest first; and how many rows tell which it is.
SEPARATORS, ROWS_TRIED = (",", ";", "\t", "|"), 20
#: What a file may begin with, and its encoding then. The marks of UTF-32 begin like those of UTF-16.
MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
#: Encodings in which the bytes of ASCII are never part of another character. A file in any other one is sent in UTF-8.
PLAIN = re.compile(r"utf-8(-sig)?|ascii|iso8859-\d+|cp125\d|koi8-\w")
#: Codecs of Python that are no encodings of files.
NO_ENCODINGS = ("idna", "punycode", "raw-unicode-escape", "unicode-escape", "undefined", "mbcs", "oem")


def digest(asked: Any, chunks: Iterable[bytes]) -> str:
    """A hash of what is to be done, and of the content it is done with.

    :param asked: has a form in JSON
    """
    found = hashlib.sha256(encoded(asked))
    for chunk in chunks:
        found.update(chunk)
    return found.hexdigest()


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
                opened = Path(file).open("rb")  # noqa: SIM115
                self.file = self._bytes_of(opened)
                if self.file is not opened:  # a pipe, which is copied
                    opened.close()
            except OSError as error:
                raise BatchError(f"{file} can't be read: {error.strerror}") from error
        else:
            self.name = Path(str(getattr(file, "name", ""))).name
            self.file = self._bytes_of(file)
        self.start = 0 if self._own else self.file.tell()
        self.size = self.file.seek(0, io.SEEK_END) - self.start
        self.media_type = self._media_type()
        self.encoding = "utf-8"

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
        """The parameters for reading it, from those that were given; makes of a file that could not be cut byte by byte one in UTF-8.

        :raises Refused: it is not in the encoding that was given
        """
        encoding = self._encoding(given.get("encoding"))
        if PLAIN.fullmatch(encoding):
            self.encoding = encoding
        else:
            self._recode(encoding)
            given = {**given, "encoding": "utf-8"}
        if Path(self.name).suffix.lower() == ".tsv":
            given.setdefault("separator", "\t")
        return given

    def _encoding(self, given: str | None) -> str:
        """The encoding it is in, found as the server finds it."""
        self.file.seek(self.start)
        start = self.file.read(4)
        if marked := next((name for mark, name in MARKS if start.startswith(mark)), None):
            return marked
        try:
            codec = codecs.lookup(given or "utf-8")
        except (LookupError, ValueError):
            return "utf-8"  # the server says which there are
        is_one = getattr(codec, "_is_text_encoding", True) and codec.name.replace("_", "-") not in NO_ENCODINGS
        return codec.name.replace("_", "-") if is_one else "utf-8"

    def _recode(self, encoding: str) -> None:
        self.file.seek(self.start)
        copy = tempfile.TemporaryFile()  # noqa: SIM115
        reader = codecs.getreader(encoding)(self.file)
        try:
            while chunk := reader.read(CHUNK):
                copy.write(chunk.encode())
        except UnicodeError as error:
            raise Refused(f"{self.name or 'The file'} is not in the encoding {encoding}: {error}") from error
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
        records = divided(rows, limit, head_size, head_rows)
        begin = here = (self.start + head_size, 0, head_rows + 1)  # the byte, and the records and rows before it

        def piece() -> Piece:
            return Piece(self.file, begin[0], here[0], self.media_type, head, begin[1], begin[2], self.size, tell)

        last = 0
        for number, record in records:
            if number > last:
                yield piece()
                begin, last = here, number
            here = (here[0] + record.size, here[1] + record.filled, here[2] + record.rows)
        if here > begin:
            yield piece()

    def refers_ahead(self, limit: int, parameters: dict[str, Any], lines: Container[str]) -> bool:
        """Whether a row names, by its external id, a record that only comes in a later piece: then the file must be sent whole.

        :param limit: as for `pieces`, as are the other parameters
        """
        if self.media_type != CSV:
            return False
        rows, head_size, head_rows, columns = self._read(parameters, lines)
        names = Names(columns, lines)
        if not names.are_there:
            return False
        records = divided(rows, limit, head_size, head_rows)
        return any(names.refers_ahead(cells, piece) for piece, record in records for cells in record.cells)

    def _read(self, parameters: dict[str, Any], lines: Container[str]) -> tuple[Iterator[Row], int, int, list[str]]:
        """The rows below the names of the columns; bytes and rows as far as to those, and the names."""
        if self.media_type != CSV:
            return (Row(len(line), not line.isspace(), not line.isspace(), []) for line in self._lines()), 0, 0, []
        quoting = parameters.get("quoting") or '"'
        if not parameters.get("separator"):
            parameters["separator"] = self.separator(quoting)
        rows = csv_rows(self._lines(), self.encoding, parameters["separator"], quoting, lines)
        size = count = 0
        for row in rows:
            size, count = size + row.size, count + 1
            if row.is_filled:
                return rows, size, count, row.cells
        return rows, size, count, []

    def separator(self, quoting: str = '"') -> str:
        """What stands between the cells: what divides the first rows into equally many, else the header. The server finds it likewise."""
        start = self._start(CHUNK)
        sample = start.decode(self.encoding, "replace")
        if len(start) < self.size:
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
