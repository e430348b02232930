"""Makes PostgreSQL's planner use an index, even if its statistics are outdated."""

from contextlib import contextmanager

from odoo.tools import SQL


@contextmanager
def by_index(cr, *more):
    """Context manager: disable sequential and bitmap scans, as on the connections of lanes.

    With outdated statistics PostgreSQL might read all chunks of a job, or of all jobs, for each page of them. If the body
    raises, the caller's rollback of the transaction or savepoint restores the settings.

    :param more: names of other settings of the planner to disable
    """
    names = ("enable_seqscan", "enable_bitmapscan", *more)
    cr.execute(SQL("SELECT %s", SQL(", ").join(SQL("current_setting(%s)", name) for name in names)))
    before = cr.fetchone()
    _set(cr, names, ["off"] * len(names))
    yield
    _set(cr, names, before)


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


def _set(cr, names, values):
    settings = (SQL("set_config(%s, %s, true)", name, value) for name, value in zip(names, values, strict=True))
    cr.execute(SQL("SELECT %s", SQL(", ").join(settings)))
