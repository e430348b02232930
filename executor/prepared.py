"""Statements that a lane runs for every chunk, parsed and planned by PostgreSQL once per cursor."""

import re
from itertools import count

from odoo.tools import SQL

_numbers = count(1)


def fetch_prepared(cr, query):
    """Run a query whose text is always the same; returns its rows as dicts.

    What is prepared outlives transactions, and ends with the cursor: the pool resets a connection before it lends it again.

    :param SQL query: without anything that differs from one call to the next but its parameters
    """
    prepared = vars(cr).setdefault("batch_executor_prepared", {})
    name = prepared.get(query.code)
    if name is None:
        places = count(1)
        text = re.sub(r"%s", lambda _match: f"${next(places)}", query.code)
        name = SQL.identifier(f"batch_executor_{next(_numbers)}")
        cr.execute(SQL("PREPARE %s AS %s", name, SQL(text)))
        prepared[query.code] = name
    arguments = SQL("(%s)", SQL(", ").join(query.params)) if query.params else SQL()
    cr.execute(SQL("EXECUTE %s%s", name, arguments))
    return cr.dictfetchall()
