"""Which exceptions end a whole attempt, or even the process, whatever code they come from."""

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

#: The connection is gone, or the server is going down.
CONNECTION_ERRORS = (
    pg.AdminShutdown,
    pg.CrashShutdown,
    pg.CannotConnectNow,
    pg.ConnectionException,
    pg.IdleInTransactionSessionTimeout,
)


class Interruption(Exception):
    """An attempt that must be rolled back as a whole: `kind` is one of `engine.verdict`."""

    def __init__(self, kind, message, words=None):
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.words = words  # what the code that met it said of it for people to read


def interruption_of(error):
    """Why this error ends the whole attempt, or None where it is the records' own.

    A conflict stays one when user code has wrapped it: the causes are looked at as well. But for a lock that was not to
    be had: what goes wrong *after* that was dealt with is an error of its own. Never raises.
    """
    return safely(_interruption_of, error)


def _interruption_of(error):
    seen = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, Interruption):
            return error.kind
        if isinstance(error, TransactionEnded):
            return None  # it was committed: nothing that came before is a reason to run it again
        if isinstance(error, (ChunkTimeout, pg.QueryCanceled)):
            return verdict.TIMEOUT
        if is_conflict(error):
            return verdict.CONFLICT
        error = error.__cause__ or _context_of(error)
    return None


def is_conflict(error):
    return isinstance(error, (*PG_CONCURRENCY_EXCEPTIONS_TO_RETRY, ConcurrencyError, PoolError)) or is_disconnect(error)


def _context_of(error):
    """The error during whose handling this one was raised; for a lock not available only if it was raised right there."""
    context = error.__context__
    if not isinstance(context, pg.LockNotAvailable) or not (context.__traceback__ and error.__traceback__):
        return context
    *_outer, (raised_in, _line) = traceback.walk_tb(error.__traceback__)
    return context if raised_in is context.__traceback__.tb_frame else None


def is_disconnect(error):
    if isinstance(error, CONNECTION_ERRORS):
        return True
    # libpq's own errors ("server closed the connection unexpectedly") carry no code, and psycopg2 has no class for some
    is_libpq = (
        isinstance(error, (psycopg2.OperationalError, psycopg2.InterfaceError)) or type(error) is psycopg2.DatabaseError
    )
    return is_libpq and not getattr(error, "pgcode", None)


def safely(function, *args):
    """What a function makes of an exception; None where the exception's own methods raise or return nonsense."""
    try:
        return function(*args)
    except BaseException as error:  # it is user code that is asked here
        if is_shutdown(error):
            raise
        return None


def is_shutdown(error):
    """Whether an exception is not the code's own: somebody is stopping the process.

    Python raises the KeyboardInterrupt of a signal in the main thread. Odoo's servers run requests and scheduled actions in
    others; in those it can only come from the code itself, and is an error like any other. The main thread runs user code in
    a shell or a script: there, Ctrl-C ends it all. Other ways to stop a server raise nothing in its threads: prefork workers
    are killed or end between two pieces of work, a threaded server leaves its threads behind. In the evented server, whose
    greenlets share one thread, the exceptions that end a greenlet are the server's own.
    """
    if getattr(odoo, "evented", False):
        return isinstance(error, KeyboardInterrupt) or type(error).__name__ == "GreenletExit"
    return isinstance(error, KeyboardInterrupt) and threading.current_thread() is threading.main_thread()
