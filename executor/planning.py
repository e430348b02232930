"""What PostgreSQL's planner is told, where it can't know how much there is."""

from contextlib import contextmanager


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


def _set(cr, values):
    cr.execute("SELECT set_config('enable_seqscan', %s, true), set_config('enable_bitmapscan', %s, true)", values)
