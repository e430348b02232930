"""PostgreSQL's COPY: the fastest way to insert many rows."""

import io
from itertools import islice

from odoo.tools import SQL

#: Rows sent at once: enough to be fast, few enough to hold twice in memory.
PAGE_SIZE = 1000


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
        lines = ["\t".join(map(_cell, row)) for row in page]
        cr._obj.copy_expert(statement, io.StringIO("\n".join(lines)))


def _cell(value):
    if value is None:
        return r"\N"
    if value.__class__ is str:
        return value.replace("\\", r"\\").replace("\t", r"\t").replace("\n", r"\n").replace("\r", r"\r")
    if value.__class__ is list:
        return "{" + ",".join(map(str, value)) + "}"
    return str(value)
