"""PostgreSQL's COPY: the fastest way to insert many rows."""

import re
from itertools import chain, islice, repeat

from odoo.tools import SQL

#: Rows, and characters, sent at once: enough to be fast, but small enough for the socket buffer, so that PostgreSQL works while
#: the next rows are made.
PAGE_ROWS = 250
PAGE_LENGTH = 64 * 1024
#: Characters to be escaped in COPY's text format.
SPECIAL = re.compile(r"[\\\t\n\r]")


def copy_rows(cr, table, columns, rows):
    """Insert rows by one COPY statement. PostgreSQL stores rows while `rows` yields the next ones.

    :param str table: its name
    :param columns: names, in the order of the values
    :param rows: iterable of tuples of plain values: numbers, texts, booleans, lists of numbers, None
    :raises Exception: whatever `rows` raises; the transaction stays usable
    """
    rows = iter(rows)
    first = list(islice(rows, 1))
    if not first:
        return
    statement = SQL(
        "COPY %s (%s) FROM STDIN", SQL.identifier(table), SQL(", ").join(SQL.identifier(name) for name in columns)
    ).code
    stream = _Stream(chain(first, rows))
    cr._obj.copy_expert(statement, stream)
    if stream.problem:
        raise stream.problem


class _Stream:
    """The file object from which psycopg2 reads the rows."""

    def __init__(self, rows):
        self.rows = rows
        self.page_rows = 1
        self.problem = None

    def read(self, _size):  # pylint: disable=unknown-option-value,method-required-super
        """The next rows as text, of any length; empty at the end or after an error, which is kept in `problem`."""
        try:
            page = list(islice(self.rows, self.page_rows))
            # column by column: most have one value, or values of one type, and need no check of each value
            columns = map(_column, zip(*page, strict=True))
            text = "".join(map("%s\n".__mod__, map("\t".join, zip(*columns, strict=True))))
        except Exception as problem:  # noqa: BLE001  # psycopg2 would turn it into a database error
            self.problem = problem
            return ""
        self.page_rows = min(PAGE_ROWS, PAGE_LENGTH * len(page) // len(text) + 1) if page else 1
        return text


def _column(values):
    kinds = set(map(type, values))
    if len(kinds) == 1 and values.count(values[0]) == len(values):
        return list(repeat(_cell(values[0]), len(values)))
    if kinds <= {int, bool, float}:
        return list(map(str, values))
    if kinds == {str} and not any(map(SPECIAL.search, set(values))):
        return values
    return list(map(_cell, values))


def _cell(value):
    """A value in COPY's text format; a value of a subclass is written as one of its base type."""
    if value is None:
        return r"\N"
    if isinstance(value, list):
        return "{" + ",".join(map(_cell, value)) + "}"
    if isinstance(value, bool):
        return str(value)
    for plain in (int, float):
        if isinstance(value, plain):
            return plain.__repr__(value)  # str() of an enumeration member may be its name
    text = str.__str__(value) if isinstance(value, str) else str(value)
    return text.replace("\\", r"\\").replace("\t", r"\t").replace("\n", r"\n").replace("\r", r"\r")
