"""PostgreSQL's COPY: the fastest way to insert many rows."""

import re
from itertools import chain, islice, repeat

from odoo.tools import SQL

#: Rows written at once, and their text: enough to be fast; no more than a socket takes, so that PostgreSQL has something to do
#: while the next ones are made.
PAGE_ROWS = 250
PAGE_LENGTH = 64 * 1024
#: What has a meaning of its own in COPY's text format.
SPECIAL = re.compile(r"[\\\t\n\r]")


def copy_rows(cr, table, columns, rows):
    """Insert rows of plain values: numbers, texts, booleans, lists of numbers, None.

    All in one statement, which PostgreSQL works on while `rows` makes the next ones.

    :param list columns: names, in the order of the values
    :param rows: iterable of tuples; what it raises is raised here, and leaves the transaction usable
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
    """The file that psycopg2 reads rows from."""

    def __init__(self, rows):
        self.rows = rows
        self.page_rows = 1
        self.problem = None

    def read(self, _size):  # pylint: disable=method-required-super
        """The next rows as text, however long; empty at the end, or where there is no next one because of `problem`."""
        try:
            page = list(islice(self.rows, self.page_rows))
            # column by column: most hold one value, or values of one kind, and are written without a look at each
            columns = map(_column, zip(*page, strict=True))
            text = "".join(map("%s\n".__mod__, map("\t".join, zip(*columns, strict=True))))
        except Exception as problem:  # noqa: BLE001  # psycopg2 would make an error of the database out of it
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
    """A value in COPY's text format; whatever it is a kind of, by what it is."""
    if value is None:
        return r"\N"
    if isinstance(value, list):
        return "{" + ",".join(map(_cell, value)) + "}"
    if isinstance(value, bool):
        return str(value)
    for plain in (int, float):
        if isinstance(value, plain):
            return plain.__repr__(value)  # an enumeration's own text is its name
    text = str.__str__(value) if isinstance(value, str) else str(value)
    return text.replace("\\", r"\\").replace("\t", r"\t").replace("\n", r"\n").replace("\r", r"\r")
