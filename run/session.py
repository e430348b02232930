"""Save and restore the settings of a database session around user code."""

from odoo.tools import SQL

#: Names and values of the settings that a statement may change. `pg_settings` does not list `role`.
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
    """The settings at the time of creation, to be restored later.

    If user code left a statement timeout, a search path or a role set, the engine's own statements would fail, and so would those
    for the next records.

    :param cr: the cursor
    :param execute: its original `execute` method
    """

    def __init__(self, cr, execute):
        self.cr = cr
        self.before = dict(self._read(execute))

    def _read(self, execute):
        execute(CURRENT)
        return self.cr.fetchall()

    def restore(self):
        """Set changed settings back to their old values, for the rest of the transaction.

        :raises psycopg2.Error: one can't be set back, for example if the transaction was made read-only
        """
        self.cr.execute("SET LOCAL statement_timeout TO 0")
        for name, value in self._read(self.cr.execute):
            if self.before.get(name, value) != value:
                self.cr.execute("SELECT pg_catalog.set_config(%s, %s, true)", [name, self.before[name]])
