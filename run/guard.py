"""The cursor of a chunk while user code has it: what it must not do, and how long it may take."""

from collections import deque

import psycopg2
from psycopg2.extensions import TRANSACTION_STATUS_IDLE, TRANSACTION_STATUS_INERROR
from psycopg2.sql import Composable

from odoo.tools import SQL

from ..engine.transaction_sql import END, RELEASE, SAVEPOINT, SETTING, UNDO, controls
from ..exceptions import ChunkTimeout, TransactionControlError, TransactionEnded
from .interruption import is_conflict
from .session import SessionSettings
from .watchdog import Watchdog

#: Errors of the database that are kept of an attempt.
SEEN = 50


class Guard:
    """Lends a cursor to user code: it can neither end the transaction nor go on past the deadline.

    The cursor's own methods are shadowed on the instance, for this while only. Expected errors of the data are
    stored with the record, so that failing statements are not logged as the server's errors.

    What user code has caught must not pass for success: a refused commit, a passed deadline and a failed transaction are
    raised again at the end. What goes round the cursor, by its connection, can't be prevented: there, that the transaction
    has ended is noticed at the next statement or at the end.

    :param Deadline deadline: when it must have ended
    :param message: what to tell code that tries to commit or roll back
    :param is_wanted: see `Watchdog`
    """

    def __init__(self, cr, deadline, message, is_wanted=None):
        self.cr = cr
        self.deadline = deadline
        self.message = message
        self.connection = cr.connection
        self.raw = cr._obj
        self.watchdog = Watchdog(self.connection, deadline, is_wanted)
        self.errors = deque(maxlen=SEEN)  # what the database refused, whatever became of it
        self.conflict = None  # the first conflict with another transaction, whatever became of it
        self.error = None  # the last error of a statement, but for those that followed from one
        self.refused = False
        self.is_behind = False  # whether calls before the present one have left something to be written
        self.transaction_ended = False
        self.savepoints = []  # names of those that user code has made: it may undo and release no others
        self.settings = None  # of the session as they were, once a statement may have changed some
        self.shadows = {
            "execute": self.execute,
            "executemany": self.executemany,
            "copy_expert": self.copy_expert,
            **dict.fromkeys(("commit", "rollback", "close"), self.refuse),
        }

    def __enter__(self):
        self.original = self.cr.execute
        # a batch run by the code of another one finds the guard of the outer one here
        self.outer = {name: vars(self.cr)[name] for name in self.shadows if name in vars(self.cr)}
        vars(self.cr).update(self.shadows)
        self.watchdog.start()
        return self

    def __exit__(self, exc_type, exc_value, traceback):
        self.watchdog.stop()
        for name in self.shadows:
            vars(self.cr).pop(name, None)
        vars(self.cr).update(self.outer)
        error, self.error = self.error, None  # what it refers to must not live longer
        if self.look_for_end():
            raise TransactionEnded
        if error and isinstance(exc_value, psycopg2.errors.InFailedSqlTransaction):
            raise error  # what failed it before, and was caught
        if exc_type is not None:
            return
        if self.refused:
            raise TransactionControlError(self.message)
        if self.must_end:
            raise ChunkTimeout
        if self.connection.get_transaction_status() == TRANSACTION_STATUS_INERROR:
            raise error or psycopg2.errors.InFailedSqlTransaction
        if self.settings:
            self.settings.restore()

    @property
    def must_end(self):
        return self.watchdog.must_end

    @property
    def is_closed(self):
        """Whether user code has closed the connection or its cursor; a lost one is no such thing."""
        closed = self.connection.closed
        return closed == 1 or (not closed and self.raw.closed)

    def look_for_end(self):
        """Whether the transaction has been ended behind our back, as far as can be told without asking PostgreSQL."""
        self.transaction_ended = (
            self.transaction_ended or self.is_closed or self.connection.get_transaction_status() == TRANSACTION_STATUS_IDLE
        )
        return self.transaction_ended

    def execute(self, query, params=None, log_exceptions=True):
        if self.is_behind and not isinstance(query, SQL):
            # the ORM writes what its own statements have to see; a statement of somebody else's finds in the database what it
            # would find there had each call been committed
            self.is_behind = False
            self.cr.transaction.flush()
        query = self.check(query)
        try:
            return self.original(query, params, log_exceptions=False)
        except psycopg2.Error as error:
            if not isinstance(error, psycopg2.errors.InFailedSqlTransaction):
                self.error = error
            self.errors.append(error)
            if self.conflict is None and is_conflict(error):
                self.conflict = error
            raise

    def executemany(self, query, *args, **kwargs):
        return self.raw.executemany(self.check(query), *args, **kwargs)

    def copy_expert(self, query, *args, **kwargs):
        return self.raw.copy_expert(self.check(query), *args, **kwargs)

    def check(self, query):
        """The query as it may be executed.

        :raises TransactionControlError: it would end the transaction
        :raises TransactionEnded: the transaction has been ended before
        :raises ChunkTimeout: no time is left for it
        """
        if query.__class__ is SQL:
            text = query.code
        elif query.__class__ is str:
            text = query
        else:
            query, text = self._text(query)
        undoes = False
        for kind, name in controls(text):
            undoes = self._check_control(kind, name)
        if self.connection.get_transaction_status() == TRANSACTION_STATUS_IDLE:
            self.transaction_ended = True
            raise TransactionEnded
        if not undoes and self.watchdog.must_end:
            raise ChunkTimeout
        return query

    def _text(self, query):
        """A query as it is to be executed, and its text: the very characters that are sent."""
        if isinstance(query, SQL):
            return query, query.code
        if isinstance(query, (bytes, bytearray)):
            return query, query.decode("latin-1")
        if isinstance(query, Composable):
            query = query.as_string(self.raw)
        return query, str.__str__(query) if isinstance(query, str) else ""

    def _check_control(self, kind, name):
        """Refuse what user code must not do; returns whether it just takes something back."""
        if kind == END or (kind in (UNDO, RELEASE) and name not in self.savepoints):
            self.refuse()
        if kind == SAVEPOINT:
            self.savepoints.append(name)
        elif kind == RELEASE:
            self.savepoints.remove(name)
        elif kind == SETTING and not self.settings:
            self.settings = SessionSettings(self.cr, self.original)
        return kind in (UNDO, RELEASE)

    def refuse(self, *args, **kwargs):
        self.refused = True
        raise TransactionControlError(self.message)
