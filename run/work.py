"""The connection on which a lane runs chunks, and the transaction of each chunk."""

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

#: Resets a session: all of `DISCARD ALL` except DISCARD PLANS.
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
        """Lock a claimed chunk's row, run the body of the `with`, which runs and settles the chunk, and commit.

        If the body raises, the transaction is rolled back and all locks of the chunk are released.

        :param claim: the `Claim`
        :returns: a superuser environment on the transaction
        :raises ClaimLost: another lane has taken over the chunk
        """
        try:
            # the key locks must be taken before the snapshot of the work: see `upsert_lock`
            with key_locks(self.registry, claim), closing(self.connection.cursor()) as cr:
                system = api.Environment(cr, SUPERUSER_ID, {})
                keep_environments(system.transaction)
                hold(cr, claim, first=FORGET)
                yield system
                cr.flush()
                self.signals.announce(cr)
                # the only commit of the work: it contains the effects of the chunk and its outcome
                cr.commit()  # pylint: disable=unknown-option-value,invalid-commit
                self.signals.after_commit()
        except BaseException as error:
            if not is_shutdown(error):
                self.connection.unlock()
                self.registry.reset_changes()
            raise

    def close(self):
        """Give the connection back to Odoo's pool."""
        self.connection.close()


class WorkConnection:
    """One connection from Odoo's pool, used by a new cursor for each chunk.

    The pool resets a connection with DISCARD ALL when it lends it. That also drops PostgreSQL's plans for foreign key checks, and
    making them again costs each chunk a millisecond. `FORGET` resets the session but keeps these plans, which don't depend on
    session settings. It must be the first statement of each cursor; sent in one message with the next statement, it costs no round
    trip.

    Stands in for Odoo's `ConnectionPool` with the part that a cursor uses: `borrow`, `give_back`, `readonly`.

    :param registry: the database's registry
    """

    readonly = False

    def __init__(self, registry):
        self.registry = registry
        self.lender = None  # a cursor of Odoo's pool that owns the connection and is not used otherwise

    def cursor(self):
        """A new cursor on the connection, with empty caches."""
        return Cursor(self, self.registry.db_name, {})

    def borrow(self, connection_info):
        """As `ConnectionPool.borrow`: the connection, or a new one if it was lost."""
        if self.lender and _is_lost(self.lender.connection):
            self.close()
        if not self.lender:
            self.lender = self.registry.cursor()
        # undo what the last cursor set for its transactions
        self.lender.connection.set_session("DEFAULT", "DEFAULT", "DEFAULT")
        return self.lender.connection

    def give_back(self, connection, keep_in_pool=True):
        """As `ConnectionPool.give_back`, but keeps the connection for the next chunk."""

    def unlock(self):
        """Release the session's advisory locks after a failed chunk, so that other lanes can take it over."""
        if self.lender and not self.lender.connection.closed:
            with suppress(psycopg2.Error):  # a lost connection has no locks
                self.lender.execute("SELECT pg_advisory_unlock_all()", log_exceptions=False)
                self.lender.rollback()  # pylint: disable=unknown-option-value,invalid-commit

    def close(self):
        """Release all locks, and give the connection back to Odoo's pool."""
        self.unlock()
        lender, self.lender = self.lender, None
        if lender and not lender.connection.closed:
            lender.close()


def _is_lost(connection):
    """Whether a connection is lost. An idle connection only becomes readable when the server closes it."""
    return bool(connection.closed or select.select([connection], [], [], 0)[0])
