"""Makes PostgreSQL's planner use an index, even if its statistics are outdated."""

from contextlib import contextmanager

from odoo.tools import SQL


@contextmanager
def by_index(cr):
    """Context manager: disable sequential and bitmap scans, as on the connections of lanes.

    With outdated statistics PostgreSQL might read all chunks of a job, or of all jobs, for each page of them. If the body
    raises, the caller's rollback of the transaction or savepoint restores the settings.
    """
    cr.execute("SELECT current_setting('enable_seqscan'), current_setting('enable_bitmapscan')")
    before = cr.fetchone()
    _set(cr, ("off", "off"))
    yield
    _set(cr, before)


def rows_of(column, owner, after=0):
    """Condition for the rows of one owner; the query must have ORDER BY owner column, id.

    :param str column: name of the owner column
    :param owner: the owner's id, or SQL for it
    :param int after: only rows with a greater id
    """
    # A row comparison instead of `=`: only this index matches the ORDER BY, whatever the statistics say.
    return SQL(
        "(%(column)s, id) > (%(owner)s, %(after)s) AND %(column)s <= %(owner)s",
        column=SQL.identifier(column),
        owner=owner,
        after=after,
    )


def _set(cr, values):
    cr.execute("SELECT set_config('enable_seqscan', %s, true), set_config('enable_bitmapscan', %s, true)", values)
