"""How a statement is run, and the fragments that many of them share."""

from odoo.tools import SQL

#: This very moment, not the start of the transaction, as Odoo stores times.
NOW = SQL("clock_timestamp() AT TIME ZONE 'UTC'")


def fetch(cr, query):
    """Run a statement; returns its rows as tuples."""
    cr.execute(query)
    return cr.fetchall()


def fetch_dicts(cr, query):
    """Run a statement; returns its rows as dicts."""
    cr.execute(query)
    return cr.dictfetchall()


def seconds(number):
    """An interval of so many seconds."""
    return SQL("%s * interval '1 second'", number)
