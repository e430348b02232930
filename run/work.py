"""The connection a lane's work is done on, and the transaction of each chunk."""

import select
from contextlib import closing, contextmanager, suppress

import psycopg2

from odoo import SUPERUSER_ID, api
from odoo.sql_db import Cursor
from odoo.tools import SQL

from ..store.settle import hold
from .environments import keep_environments
from .interruption import is_shutdown
from .upsert_lock import key_locks

#: Makes a session forget all it has set or holds: what `DISCARD ALL` does, but for DISCARD PLANS.
FORGET = SQL(
    """
    CLOSE ALL;
    SET SESSION AUTHORIZATION DEFAULT;
    RESET ALL;
    DEALLOCATE ALL;
    UNLISTEN *;
    SELECT pg_advisory_unlock_all();
    DISCARD TEMP;
    DISCARD SEQUENCES
    """
)


class Work:
    """Transactions that run chunks, one after the other.

    :param registry: the database's registry
    :param signals: the lane's `Signals`
    """

    def __init__(self, registry, signals):
        self.registry = registry
        self.signals = signals
        self.connection = WorkConnection(registry)

    @contextmanager
    def transaction(self, claim):
        """Hold a claimed chunk's row while the body runs and settles it; then commit both at once.

        Where the body raises, all of it is rolled back, and the chunk is free for others.

        :returns: an environment of the superuser
        :raises ClaimLost: another lane has taken the chunk over
        """
        try:
            # what must be locked before the work's snapshot is taken: see `upsert_lock`
            with key_locks(self.registry, claim), closing(self.connection.cursor()) as cr:
                system = api.Environment(cr, SUPERUSER_ID, {})
                keep_environments(system.transaction)
                hold(cr, claim, first=FORGET)
                yield system
                cr.flush()
                self.signals.announce(cr)
                # the one commit of the work: what was done and the note that it is done
                cr.commit()  # pylint: disable=invalid-commit
                self.signals.after_commit()
        except BaseException as error:
            if not is_shutdown(error):
                self.connection.unlock()
                self.registry.reset_changes()
            raise

    def close(self):
        """Give the connection back."""
        self.connection.close()


class WorkConnection:
    """One connection out of Odoo's pool, lent to a fresh cursor for each chunk.

    A connection lent by the pool has forgotten all of its session, also PostgreSQL's plans for checking foreign keys: made anew
    for each chunk, they cost it a millisecond. Here all is forgotten but these plans, which depend on nothing that a session sets.
    The first statement on each cursor must be `FORGET`: sent together with another one, it costs no round trip.

    Stands in for Odoo's `ConnectionPool`, with what a cursor uses of it: `borrow`, `give_back`, `readonly`.
    """

    readonly = False

    def __init__(self, registry):
        self.registry = registry
        self.lender = None  # a cursor nobody else works with: the pool's own way to lend a connection

    def cursor(self):
        """A cursor in which nothing of the last chunk is cached."""
        return Cursor(self, self.registry.db_name, {})

    def borrow(self, connection_info):
        if self.lender and _is_lost(self.lender.connection):
            self.close()
        if not self.lender:
            self.lender = self.registry.cursor()
        # what a cursor has set for its transactions
        self.lender.connection.set_session("DEFAULT", "DEFAULT", "DEFAULT")
        return self.lender.connection

    def give_back(self, connection, keep_in_pool=True):
        pass  # kept for the next chunk

    def unlock(self):
        """Let go of the session's locks: what it was at came to nothing, and others may take it over."""
        if self.lender and not self.lender.connection.closed:
            with suppress(psycopg2.Error):  # lost: they are gone as well
                self.lender.execute("SELECT pg_advisory_unlock_all()", log_exceptions=False)
                self.lender.rollback()  # pylint: disable=invalid-commit

    def close(self):
        self.unlock()
        lender, self.lender = self.lender, None
        if lender and not lender.connection.closed:
            lender.close()


def _is_lost(connection):
    """Whether its server has gone: that is all it says without being asked."""
    return bool(connection.closed or select.select([connection], [], [], 0)[0])
