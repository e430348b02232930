"""The connection a lane's work is done on, chunk after chunk."""

import psycopg2

from odoo.sql_db import Cursor

#: What `DISCARD ALL` does, in one round trip, but for DISCARD PLANS.
DISCARD = """
    CLOSE ALL;
    SET SESSION AUTHORIZATION DEFAULT;
    RESET ALL;
    DEALLOCATE ALL;
    UNLISTEN *;
    SELECT pg_advisory_unlock_all();
    DISCARD TEMP;
    DISCARD SEQUENCES
"""


class WorkConnection:
    """One connection out of Odoo's pool, lent to a fresh cursor for each chunk.

    Lending a connection, the pool makes it forget all of its session, PostgreSQL's plans for checking foreign keys among it:
    made anew for each chunk, they would take longer than claiming it. Here all is forgotten but the plans, which depend on
    nothing a session has set.

    To its cursors it is the pool.
    """

    readonly = False

    def __init__(self, registry):
        self.registry = registry
        self.lender = None  # a cursor nobody else works with: the pool's own way to lend a connection

    def cursor(self):
        """A cursor in which nothing of the last chunk is left, neither cache nor setting."""
        return Cursor(self, self.registry.db_name, {})

    def borrow(self, connection_info):
        if self.lender:
            try:
                _forget(self.lender.connection)
            except psycopg2.Error:  # it was lost
                self.close()
        if not self.lender:
            self.lender = self.registry.cursor()
        return self.lender.connection

    def give_back(self, connection, keep_in_pool=True):
        pass  # kept for the next chunk

    def close(self):
        lender, self.lender = self.lender, None
        if lender and not lender.connection.closed:
            lender.close()


def _forget(connection):
    connection.rollback()
    # autocommit: for the settings to stay as they are now, whatever becomes of the chunk. What a cursor has set for its
    # transactions psycopg2 would first make the default of the session, by statements of their own.
    connection.set_session("DEFAULT", "DEFAULT", "DEFAULT")
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(DISCARD)
