"""The records of a file that is imported, read as often as need be, page by page, from a file on the disk."""

import codecs
import io
import json
import tempfile
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field

from ..engine.csv_rows import CsvRows, CsvTable, Unreadable, guess_separator, separator_of_ours
from ..engine.file_parameters import CSV, keeps_ascii
from ..engine.ndjson import read_line
from ..engine.payload import dumps

#: Most records, and characters or bytes, of a page. A page becomes an operation.
PAGE_RECORDS, PAGE_SIZE = 10_000, 4 * 2**20
#: Bytes read to find out how a file is written.
SAMPLE = 64 * 1024
#: Most rows of a record, and most characters of those after its first one: they are in the memory together.
RECORD_ROWS, RECORD_SIZE = 100_000, 32 * 2**20
#: Most bytes of a line of JSON.
MOST_BYTES = 32 * 2**20
#: What a file may begin with, and the encoding it says. The marks of UTF-32 begin like those of UTF-16.
MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(slots=True)
class Page:
    """Some records of a file."""

    data: list = field(default_factory=list)  # as the operation takes them
    numbers: list = field(default_factory=list)  # of the rows in the file
    starts: list = field(default_factory=list)  # places in `data` where a record begins

    def records(self):
        """Yield `(numbers, data)` of each record."""
        ends = [*self.starts[1:], len(self.data)]
        for first, end in zip(self.starts, ends, strict=True):
            yield self.numbers[first:end], self.data[first:end]

    def add(self, numbers, data):
        """Add a record."""
        self.starts.append(len(self.data))
        self.numbers += numbers
        self.data += data


def pages(rows, problems, begins=None):
    """Yield the pages of a file; the same ones each time. A record that is too large ends it.

    :param rows: yields `(number, row)`, and has the `size` that was read so far
    :param Problems problems: a record that is too large is added to it
    :param begins: function that tells whether a row begins a record; None: each does
    """
    page, size = Page(), rows.size
    began = size  # `size` with the first row of the present record
    for number, row in rows:
        if begins is None or not page.data or begins(row):
            if page.data and (len(page.starts) >= PAGE_RECORDS or rows.size - size >= PAGE_SIZE):
                yield page
                page, size = Page(), rows.size
            page.starts.append(len(page.data))
            began = rows.size
        elif len(page.data) - page.starts[-1] >= RECORD_ROWS or rows.size - began > RECORD_SIZE:
            first = page.numbers[page.starts[-1]]
            problems.add(
                f"the record that begins in row {first} has more than {RECORD_ROWS} rows, or {RECORD_SIZE} characters: a row begins a "
                "record if it has a value in a column that is no line (one2many)",
                row=number,
            )
            return
        page.data.append(row)
        page.numbers.append(number)
    if page.data:
        yield page


@contextmanager
def opened(file, parameters, problems):
    """Read the rows of a file, from its beginning.

    :param file: binary file
    :param FileParameters parameters: how it is to be read
    :param Problems problems: what can't be read is added to it
    :returns: context manager of a `CsvTable` or a `JsonLines`
    """
    file.seek(0)
    if parameters.format != CSV:
        yield JsonLines(file, problems, parameters.first_row or 1)
        return
    sample = file.read(SAMPLE)
    reading = parameters.reading
    encoding = next((name for mark, name in MARKS if sample.startswith(mark)), reading.get("encoding", "utf-8"))
    if parameters.first_row is not None and not keeps_ascii(encoding):
        problems.add(
            f"a piece of a file can't be in {encoding.upper()}: whoever cuts it can't tell its line ends and quotes byte by byte. Send it as UTF-8",
            key="encoding",
        )
    start = _start_of_text(sample, encoding)
    if separator := separator_of_ours(start):
        quoting = '"'
    else:
        quoting = reading.get("quoting", '"')
        separator = reading.get("separator") or guess_separator(start, quoting)
    text = _Text(file, encoding, lines_before=max((parameters.first_row or 0) - 2, 0))
    try:
        yield CsvTable(CsvRows(text.readline, separator, quoting, problems), problems, parameters.first_row)
    finally:
        text.detach()  # which closes nothing: the file is read again


def _start_of_text(sample, encoding):
    """The first lines of a file, whole ones as far as possible."""
    try:
        text = codecs.getincrementaldecoder(encoding)("replace").decode(sample).removeprefix("\ufeff")
    except UnicodeError:  # UTF-16 without its mark: reading says so
        return ""
    return text[: text.rfind("\n") + 1] or text if len(sample) == SAMPLE else text


class JsonLines:
    """The objects of a file of JSON lines, as `(number of the line, values)`."""

    columns = ()

    def __init__(self, file, problems, first_row=1):
        self._file = file
        self._problems = problems
        self._first_row = first_row
        self.size = 0
        self.is_empty = False

    def __iter__(self):
        number = self._first_row - 1
        while line := self._file.readline(MOST_BYTES + 1):
            number += 1
            if not self.size:
                line = line.removeprefix(codecs.BOM_UTF8)
            self.size += len(line)
            if len(line) > MOST_BYTES:
                self._problems.add(f"the line has more than {MOST_BYTES} bytes", row=number)
                return
            if not line.strip():
                continue
            try:
                text = line.decode()
            except UnicodeDecodeError:
                self._problems.add("is not UTF-8: save the file in this encoding", row=number)
                continue
            try:
                yield number, read_line(text)
            except ValueError as error:
                self._problems.add(str(error), row=number)


class Kept:
    """JSON values on the disk, to be read again: in their order, or each by its place."""

    def __init__(self):
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 pylint: disable=consider-using-with  # `close` closes it
        self.close = self._file.close
        self.end = 0

    def add(self, value):
        """Write a value behind all others; returns its place.

        :raises TypeError, ValueError: it has no JSON form
        """
        line = f"{dumps(value)}\n".encode()
        place, self.end = self.end, self.end + len(line)
        self._file.write(line)
        return place

    def at(self, place):
        """The value at a place, and its size."""
        self._file.seek(place)
        line = self._file.readline()
        return json.loads(line), len(line)

    def opened(self):
        """As `opened`, of the values."""
        return nullcontext(_KeptRows(self._file))


class _KeptRows:
    """The values of a `Kept`."""

    columns = ()

    def __init__(self, file):
        self._file = file
        self.size = 0

    def __iter__(self):
        self._file.seek(0)
        for line in self._file:
            self.size += len(line)
            yield json.loads(line)


class _Text:
    """The text of a file in some encoding, line by line."""

    def __init__(self, file, encoding, lines_before=0):
        file.seek(0)
        self._lines_before = lines_before
        self._file = file
        self._encoding = encoding
        self._text = io.TextIOWrapper(file, encoding, newline="")
        self.detach = self._text.detach

    def readline(self, most):
        """The next line; an empty text at the end.

        :raises Unreadable: the file is not in this encoding
        """
        try:
            return self._text.readline(most)
        except UnicodeError as error:
            hint = ": save it as UTF-8, or say its encoding, as encoding=latin-1" if self._encoding == "utf-8" else ""
            raise Unreadable(f"the line is not in the encoding {self._encoding.upper()}{hint}", self._line_of_error()) from error

    def _line_of_error(self):
        """The number of the first line that can't be decoded."""
        self._file.seek(0)
        decoder, line = codecs.getincrementaldecoder(self._encoding)(), 1 + self._lines_before
        while block := self._file.read(SAMPLE):
            try:
                line += decoder.decode(block).count("\n")
            except UnicodeDecodeError as error:
                return line + error.object[: error.start].decode(self._encoding, "ignore").count("\n")
            except UnicodeError:
                break
        return line
