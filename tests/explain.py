"""What PostgreSQL does for the statements that code really executes: each is explained just before it runs."""

import re
from contextlib import contextmanager
from dataclasses import dataclass, field

from odoo.tools import SQL

#: What lists the locks of the whole server: how many there are is a matter of who else is at work, not of our tables.
LOCKS = "pg_lock_status"
EXPLAINED = re.compile(r"[\s(]*(SELECT|UPDATE|INSERT|DELETE|WITH|EXECUTE)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Plan:
    """One executed statement with its plan."""

    text: str
    root: dict
    nodes: list = field(repr=False)

    @property
    def scanned_through(self):
        """Tables that are read from end to end."""
        return {node["Relation Name"] for node in self.nodes if node["Node Type"] == "Seq Scan"}

    @property
    def tables(self):
        return {node["Relation Name"] for node in self.nodes if "Relation Name" in node}

    @property
    def indexes(self):
        return {node["Index Name"] for node in self.nodes if "Index Name" in node}

    @property
    def rows_read(self):
        """Rows that were looked at, whether they were wanted or not; locks aside."""
        return sum(
            node["Actual Loops"]
            * (
                node["Actual Rows"]
                + node.get("Rows Removed by Filter", 0)
                + node.get("Rows Removed by Index Recheck", 0)
            )
            for node in self.nodes
            if "Scan" in node["Node Type"] and "Actual Loops" in node and node.get("Function Name") != LOCKS
        )

    @property
    def buffers(self):
        """Pages that were touched, of tables and indexes, in memory or not."""
        return self.root["Shared Hit Blocks"] + self.root["Shared Read Blocks"]

    def __str__(self):
        lines = [
            f"  {node['Node Type']} {node.get('Index Name') or node.get('Relation Name') or ''}"
            f" rows {node['Actual Rows']:g} x {node['Actual Loops']}, filtered {node.get('Rows Removed by Filter', 0):g},"
            f" pages {node['Shared Hit Blocks'] + node['Shared Read Blocks']}"
            for node in self.nodes
        ]
        summary = f"rows read {self.rows_read:g}, pages {self.buffers}"
        return "\n".join([" ".join(self.text.split())[:1500], summary, *lines])


@contextmanager
def explained(cr):
    """Collect the plans of everything that is executed on a cursor meanwhile.

    Each statement runs twice: once explained and undone, once for good.
    """
    plans = []
    execute = cr.execute

    def explain(query, params=None, log_exceptions=True):
        text = cr.mogrify(query.code, query.params) if isinstance(query, SQL) else cr.mogrify(query, params)
        text = text.decode() if isinstance(text, bytes) else text
        # of one message, which may build on each other
        if statements := [statement for statement in text.split(";\n") if EXPLAINED.match(statement)]:
            begin, undo = _undoable(cr)
            execute(begin)
            plans.extend(_explain(cr, statement) for statement in statements)
            execute(undo)
        return execute(query, params, log_exceptions)

    cr.execute = explain
    try:
        yield plans
    finally:
        del cr.execute


def _undoable(cr):
    """What begins something that can be undone, and what undoes it."""
    if cr.connection.autocommit:
        return "BEGIN", "ROLLBACK"
    return "SAVEPOINT explained", "ROLLBACK TO SAVEPOINT explained; RELEASE SAVEPOINT explained"


def _explain(cr, statement):
    # without parameters, as they are in the text already
    cr._obj.execute("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + statement)
    [(plan,)] = cr._obj.fetchall()
    return Plan(statement, plan[0]["Plan"], list(_nodes(plan[0]["Plan"])))


def _nodes(node):
    yield node
    for child in node.get("Plans", ()):
        yield from _nodes(child)
