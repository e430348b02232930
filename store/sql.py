"""Runs statements, and has the SQL fragments that many of them share."""

from odoo.tools import SQL

#: The current time, not the start of the transaction, as Odoo stores times: naive, in UTC.
NOW = SQL("clock_timestamp() AT TIME ZONE 'UTC'")
#: The start of the statement: PostgreSQL looks it up in an index, unlike the current time, which changes while it looks.
STATEMENT_NOW = SQL("statement_timestamp() AT TIME ZONE 'UTC'")


def fetch(cr, query):
    """Run a statement; returns its rows as tuples."""
    assert isinstance(query, SQL)
    cr.execute(query)
    return cr.fetchall()


def fetch_dicts(cr, query):
    """Run a statement; returns its rows as dicts."""
    assert isinstance(query, SQL)
    cr.execute(query)
    return cr.dictfetchall()


def seconds(number):
    """SQL for an interval of `number` seconds."""
    return SQL("%s * interval '1 second'", number)
