"""PostgreSQL's COPY: the fastest way to insert many rows."""

import io
import re
from itertools import islice, repeat

from odoo.tools import SQL

#: Rows sent at once: enough to be fast, few enough to hold twice in memory.
PAGE_SIZE = 1000
#: What has a meaning of its own in COPY's text format.
SPECIAL = re.compile(r"[\\\t\n\r]")


def copy_rows(cr, table, columns, rows):
    """Insert rows of plain values: numbers, texts, booleans, lists of numbers, None.

    :param list columns: names, in the order of the values
    :param rows: iterable of tuples
    """
    statement = SQL(
        "COPY %s (%s) FROM STDIN", SQL.identifier(table), SQL(", ").join(SQL.identifier(name) for name in columns)
    ).code
    rows = iter(rows)
    while page := list(islice(rows, PAGE_SIZE)):
        # column by column: most hold values of one kind, and are written without a look at each
        lines = map("\t".join, zip(*map(_column, zip(*page, strict=True)), strict=True))
        cr._obj.copy_expert(statement, io.StringIO("\n".join(lines)))


def _column(values):
    kinds = set(map(type, values))
    if kinds <= {int, bool, float}:
        return list(map(str, values))
    if kinds == {type(None)}:
        return list(repeat(r"\N", len(values)))
    if kinds == {str} and not any(map(SPECIAL.search, set(values))):
        return values
    return list(map(_cell, values))


def _cell(value):
    if value is None:
        return r"\N"
    if value.__class__ is str:
        return value.replace("\\", r"\\").replace("\t", r"\t").replace("\n", r"\n").replace("\r", r"\r")
    if value.__class__ is list:
        return "{" + ",".join(map(str, value)) + "}"
    return str(value)
