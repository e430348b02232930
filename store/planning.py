"""What PostgreSQL's planner is told, where it can't know how much there is."""

from contextlib import contextmanager

from odoo.tools import SQL


@contextmanager
def by_index(cr):
    """Have statements read rows in the order of an index, as on the connections of lanes.

    With statistics of other days PostgreSQL might rather read all chunks of a job, or of all jobs, for each step through them.
    Where the body raises, the transaction or savepoint that is undone takes it back.
    """
    cr.execute("SELECT current_setting('enable_seqscan'), current_setting('enable_bitmapscan')")
    before = cr.fetchone()
    _set(cr, ("off", "off"))
    yield
    _set(cr, before)


def rows_of(column, owner, after=0):
    """The condition for the rows of one owner, to be read in the order of that owner and of their ids.

    :param str column: of the owner's id
    :param owner: the id, or the SQL of one
    :param int after: the id of the row they come after
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
