"""Settings of a database session that user code may change: they last as long as its run."""

from odoo.tools import SQL

#: Settings that a statement may change, by name; `role` is none of the listed ones.
CURRENT = SQL(
    """
    SELECT name, setting
      FROM pg_catalog.pg_settings
     WHERE context IN ('user', 'superuser')
     UNION ALL
    SELECT 'role', pg_catalog.current_setting('role')
    """
)


class SessionSettings:
    """The settings as they are now, to be restored later.

    A time limit, a search path or another role that is left behind would make the engine's own statements fail, and those for
    the next records.
    """

    def __init__(self, cr, execute):
        self.cr = cr
        self.before = dict(self._read(execute))

    def _read(self, execute):
        execute(CURRENT)
        return self.cr.fetchall()

    def restore(self):
        """Set those that have changed to what they were, for the rest of the transaction.

        :raises psycopg2.Error: one of them can't be taken back, such as a transaction made read only
        """
        self.cr.execute("SET LOCAL statement_timeout TO 0")
        for name, value in self._read(self.cr.execute):
            if self.before.get(name, value) != value:
                self.cr.execute("SELECT pg_catalog.set_config(%s, %s, true)", [name, self.before[name]])
