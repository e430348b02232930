"""Classify exceptions: those that end a whole attempt, and those that end the process."""

import threading
import traceback

import psycopg2
from psycopg2 import errors as pg
from psycopg2.pool import PoolError

import odoo
from odoo.exceptions import ConcurrencyError
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY

from ..engine import verdict
from ..exceptions import ChunkTimeout, TransactionEnded

#: The connection is lost, or PostgreSQL is shutting down.
CONNECTION_ERRORS = (
    pg.AdminShutdown,
    pg.CrashShutdown,
    pg.CannotConnectNow,
    pg.ConnectionException,
    pg.IdleInTransactionSessionTimeout,
)


class Interruption(Exception):
    """The whole attempt must be rolled back.

    :param str kind: why, one of the constants of `engine.verdict`
    :param str message: text of the error
    :param str words: message that user code made of the error, or None
    """

    def __init__(self, kind, message, words=None):
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.words = words


def interruption_of(error):
    """Why an error ends the whole attempt.

    The causes of the error are checked too, as user code may wrap a conflict in another exception. One exception to this is a lock
    that was not available (NOWAIT): if user code handled it, an error raised later in the handler is the records' own.

    Never raises, except a shutdown of the process.

    :param error: the exception
    :returns: one of the constants of `engine.verdict`; None if the error is that of a record
    """
    return safely(_interruption_of, error)


def _interruption_of(error):
    seen = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, Interruption):
            return error.kind
        if isinstance(error, TransactionEnded):
            return None  # the transaction was committed, so it must not run again, whatever the cause
        if isinstance(error, (ChunkTimeout, pg.QueryCanceled)):
            return verdict.TIMEOUT
        if is_conflict(error):
            return verdict.CONFLICT
        error = error.__cause__ or _context_of(error)
    return None


def is_conflict(error):
    """Whether an exception is a conflict with another transaction, or a lost or missing connection."""
    return isinstance(error, (*PG_CONCURRENCY_EXCEPTIONS_TO_RETRY, ConcurrencyError, PoolError)) or is_disconnect(error)


def _context_of(error):
    """The exception that was being handled when this one was raised.

    A `LockNotAvailable` counts only if this one was raised in the very frame that caught it.
    """
    context = error.__context__
    if not isinstance(context, pg.LockNotAvailable) or not (context.__traceback__ and error.__traceback__):
        return context
    *_outer, (raised_in, _line) = traceback.walk_tb(error.__traceback__)
    return context if raised_in is context.__traceback__.tb_frame else None


def is_disconnect(error):
    """Whether an exception says that the connection is lost."""
    if isinstance(error, CONNECTION_ERRORS):
        return True
    # libpq's own errors ("server closed the connection unexpectedly") have no code, and psycopg2 has no class for some
    is_libpq = (
        isinstance(error, (psycopg2.OperationalError, psycopg2.InterfaceError)) or type(error) is psycopg2.DatabaseError
    )
    return is_libpq and not getattr(error, "pgcode", None)


def safely(function, *args):
    """Call a function that inspects an exception, and return its result; None if it raises.

    An exception class of user code may override methods such as `__str__`, which may raise.

    :param function: called with `args`
    :raises BaseException: only to shut down the process, see `is_shutdown`
    """
    try:
        return function(*args)
    except BaseException as error:  # methods of the exception are user code
        if is_shutdown(error):
            raise
        return None


def is_shutdown(error):
    """Whether an exception means that the process is being stopped.

    Python raises the KeyboardInterrupt of a signal in the main thread. A shell or a script runs user code there, and Ctrl-C must
    end it. Odoo's servers run requests and scheduled actions in other threads; in those, a KeyboardInterrupt was raised by the
    code itself and is an ordinary error. Other ways to stop a server raise nothing in its threads: prefork workers are killed or
    end between two requests, and a threaded server abandons its threads. In the evented server all greenlets share one thread:
    there, KeyboardInterrupt and GreenletExit come from the server.
    """
    if getattr(odoo, "evented", False):
        return isinstance(error, KeyboardInterrupt) or type(error).__name__ == "GreenletExit"
    return isinstance(error, KeyboardInterrupt) and threading.current_thread() is threading.main_thread()
