"""Statements that a lane runs for every chunk, parsed and planned by PostgreSQL once per cursor."""

import re
from itertools import count

from odoo.tools import SQL

_numbers = count(1)


def fetch_prepared(cr, *queries):
    """Run queries whose texts are always the same, in one message to PostgreSQL; returns the rows of the last one as dicts.

    What is prepared outlives transactions, and ends with the cursor: the pool resets a connection before it lends it again.

    :param queries: `SQL` without anything that differs from one call to the next but its parameters
    """
    prepared = vars(cr).setdefault("batch_executor_prepared", {})
    calls, params = [], []
    for query in queries:
        code = query.code
        if code not in prepared:
            prepared[code] = _prepare(cr, code)
        calls.append(prepared[code])
        params += query.params
    cr.execute(";\n".join(calls), params)
    return cr.dictfetchall()


def _prepare(cr, code):
    """Prepare a statement; returns how it is called."""
    places = count(1)
    name = f"batch_executor_{next(_numbers)}"
    text = re.sub(r"%s", lambda _match: f"${next(places)}", code)
    cr.execute(SQL("PREPARE %s AS %s", SQL.identifier(name), SQL(text)))
    arguments = ", ".join(["%s"] * (next(places) - 1))
    return f"EXECUTE {name}({arguments})" if arguments else f"EXECUTE {name}"
