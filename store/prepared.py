"""Prepared statements: PostgreSQL parses and plans the statements that a lane runs for every chunk once per cursor."""

import re
from itertools import count

from odoo.tools import SQL

_numbers = count(1)


def fetch_prepared(cr, *queries):
    """Run queries in one message to PostgreSQL, each prepared at its first use; returns the rows of the last one as dicts.

    Prepared statements outlive transactions and end with the cursor: the pool resets a connection before it is used again.

    :param queries: `SQL` whose text is the same at every call; only its parameters may differ
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
    """Prepare a statement; returns the EXECUTE statement that runs it."""
    places = count(1)
    name = f"batch_executor_{next(_numbers)}"
    text = re.sub(r"%s", lambda _match: f"${next(places)}", code)
    cr.execute(SQL("PREPARE %s AS %s", SQL.identifier(name), SQL(text)))
    arguments = ", ".join(["%s"] * (next(places) - 1))
    return f"EXECUTE {name}({arguments})" if arguments else f"EXECUTE {name}"
