"""Guard the cursor of a chunk while user code uses it: no commit, no rollback, no statement after the deadline."""

from collections import deque

import psycopg2
from psycopg2.extensions import TRANSACTION_STATUS_IDLE, TRANSACTION_STATUS_INERROR
from psycopg2.sql import Composable

from odoo.tools import SQL

from ..engine.transaction_sql import END, RELEASE, SAVEPOINT, SETTING, UNDO, controls
from ..exceptions import ChunkTimeout, TransactionControlError, TransactionEnded
from .fast import searches
from .interruption import is_conflict
from .session import SessionSettings
from .watchdog import Watchdog

#: Most database errors kept of one attempt.
SEEN = 50


class Guard:
    """Context manager: inside its `with`, code can neither end the transaction nor run statements after the deadline.

    It replaces methods of this cursor instance, and puts them back at the end. Failing statements are not logged as errors of the
    server: their errors are expected, and are stored with the record.

    A refused commit, a passed deadline or a failed transaction is raised again at the end, in case user code has caught the
    exception. Code that uses the connection directly can't be stopped: an ended transaction is then detected at the next
    statement or at the end.

    :param cr: the cursor
    :param Deadline deadline: when the code must have ended
    :param str message: error message for code that tries to commit or roll back
    :param is_wanted: see `Watchdog`
    :raises TransactionEnded: at the end of the `with`: the code ended the transaction
    :raises TransactionControlError: at the end: the code tried to end the transaction
    :raises ChunkTimeout: at the end: the deadline has passed
    """

    def __init__(self, cr, deadline, message, is_wanted=None):
        self.cr = cr
        self.deadline = deadline
        self.message = message
        self.connection = cr.connection
        self.raw = cr._obj
        self.watchdog = Watchdog(self.connection, deadline, is_wanted)
        self.errors = deque(maxlen=SEEN)  # all database errors, also those that user code has caught
        self.conflict = None  # the first conflict with another transaction, also if user code has caught it
        self.error = None  # the last database error that is not just "transaction is aborted"
        self.refused = False
        self.is_behind = False  # whether earlier calls may have left values that are not flushed yet
        self.transaction_ended = False
        self.savepoints = []  # names of user code's own savepoints: it may roll back to and release only these
        self.settings = None  # the `SessionSettings` before the first statement that may change them
        self.shadows = {
            "execute": self.execute,
            "executemany": self.executemany,
            "copy_expert": self.copy_expert,
            "copy_from": self.copy_from,
            "callproc": self.callproc,
            **dict.fromkeys(("commit", "rollback", "close"), self.refuse),
        }

    def __enter__(self):
        self.original = self.cr.execute
        # if user code of a batch executes another batch, these are the replacements of the outer guard
        self.outer = {name: vars(self.cr)[name] for name in self.shadows if name in vars(self.cr)}
        vars(self.cr).update(self.shadows)
        searches.begin(self.cr)
        self.watchdog.start()
        return self

    def __exit__(self, exc_type, exc_value, traceback):
        self.watchdog.stop()
        searches.end(self.cr)
        for name in self.shadows:
            vars(self.cr).pop(name, None)
        vars(self.cr).update(self.outer)
        error, self.error = self.error, None  # releases the frames that the error refers to
        if self.look_for_end():
            raise TransactionEnded
        if error and isinstance(exc_value, psycopg2.errors.InFailedSqlTransaction):
            raise error  # the cause, which user code has caught
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
        """Whether the deadline has passed, or the job is no longer wanted."""
        return self.watchdog.must_end

    @property
    def is_closed(self):
        """Whether user code has closed the connection or its cursor. False for a connection that was lost."""
        closed = self.connection.closed
        return closed == 1 or (not closed and self.raw.closed)

    def look_for_end(self):
        """Whether user code has ended the transaction, as far as psycopg2 knows without a query."""
        self.transaction_ended = (
            self.transaction_ended or self.is_closed or self.connection.get_transaction_status() == TRANSACTION_STATUS_IDLE
        )
        return self.transaction_ended

    def execute(self, query, params=None, log_exceptions=True):
        """Replaces the cursor's `execute`.

        :raises TransactionControlError, TransactionEnded, ChunkTimeout: see `check`
        """
        if self.is_behind and not isinstance(query, SQL):
            # the ORM flushes before its own queries. A raw query must see the results of earlier calls, as if each of them had
            # been committed
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
        """Replaces the cursor's `executemany`: see `execute`."""
        return self.raw.executemany(self.check(query), *args, **kwargs)

    def copy_expert(self, query, *args, **kwargs):
        """Replaces the cursor's `copy_expert`: see `execute`."""
        return self.raw.copy_expert(self.check(query), *args, **kwargs)

    def copy_from(self, *args, **kwargs):
        """Replaces the cursor's `copy_from`: see `execute`."""
        self.check("COPY")
        return self.raw.copy_from(*args, **kwargs)

    def callproc(self, *args, **kwargs):
        """Replaces the cursor's `callproc`: see `execute`."""
        self.check("CALL")
        return self.raw.callproc(*args, **kwargs)

    def check(self, query):
        """Check that a query may be executed.

        :param query: anything that psycopg2's or Odoo's cursor takes
        :returns: the query to execute
        :raises TransactionControlError: it would end the transaction
        :raises TransactionEnded: the transaction has ended already
        :raises ChunkTimeout: the deadline has passed, or the job is no longer wanted
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
        searches.note_statement(self.cr, text)
        if self.connection.get_transaction_status() == TRANSACTION_STATUS_IDLE:
            self.transaction_ended = True
            raise TransactionEnded
        if not undoes and self.watchdog.must_end:
            raise ChunkTimeout
        return query

    def _text(self, query):
        """The query to execute, and the exact text that is sent to PostgreSQL."""
        if isinstance(query, SQL):
            return query, query.code
        if isinstance(query, (bytes, bytearray)):
            return query, query.decode("latin-1")
        if isinstance(query, Composable):
            query = query.as_string(self.raw)
        return query, str.__str__(query) if isinstance(query, str) else ""

    def _check_control(self, kind, name):
        """Check one transaction statement of a query; returns whether it only rolls back to or releases a savepoint.

        :raises TransactionControlError: user code must not run it
        """
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
        """Replaces the cursor's `commit`, `rollback` and `close`.

        :raises TransactionControlError: always
        """
        self.refused = True
        raise TransactionControlError(self.message)
