"""Exceptions of user work -> what the user may read, or why the whole attempt has to go."""

import re
import traceback

import psycopg2
from psycopg2 import errors as pg
from psycopg2.pool import PoolError

from odoo.exceptions import ConcurrencyError, UserError
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY

from ..engine import verdict
from ..engine.outcome import Failure
from ..engine.problems import sayable
from ..exceptions import ChunkTimeout, TransactionControlError

#: Characters kept of an error's text and of its traceback.
MESSAGE_LIMIT = 2_000
TRACEBACK_LIMIT = 20_000

#: The connection is gone, or the server is going down.
CONNECTION_ERRORS = (
    pg.AdminShutdown,
    pg.CrashShutdown,
    pg.CannotConnectNow,
    pg.ConnectionException,
    pg.IdleInTransactionSessionTimeout,
)
#: Detail of a reference to a missing record (of a deletion it reads "is still referenced").
ABSENT_KEY = re.compile(r"\((?P<column>\w+)\)=\((?P<id>\d+)\) is not present")
#: The transaction has been ended behind our back: our savepoint is gone.
SAVEPOINT_ERRORS = (pg.InvalidSavepointSpecification, pg.NoActiveSqlTransaction)


class Trouble(Exception):
    """An attempt that must be rolled back as a whole: `kind` is one of `engine.verdict`."""

    def __init__(self, kind, message):
        super().__init__(message)
        self.kind = kind
        self.message = message


def trouble_of(error):
    """Why this error ends the whole attempt, or None where it is the records' own.

    A conflict stays one when user code has wrapped it: the causes are looked at as well. But for a lock that was not to
    be had: what goes wrong *after* that was dealt with is an error of its own.
    """
    seen = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, Trouble):
            return error.kind
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


def failure_of(error, env, model_name):
    """What the user of the job may read about an error of a record: no SQL, no traceback."""
    return Failure(
        error_type=_error_type(error),
        message=storable(_message(error, env, model_name), MESSAGE_LIMIT),
        traceback=storable("".join(traceback.format_exception(error))[-TRACEBACK_LIMIT:], TRACEBACK_LIMIT),
    )


def failure(error_type, message):
    """A failure of our own making; there is no traceback to it."""
    return Failure(error_type=error_type, message=storable(message, MESSAGE_LIMIT))


def storable(text, limit):
    """A text PostgreSQL takes and any answer can carry, whatever user code has put into it."""
    return sayable(text, limit)


def _error_type(error):
    if isinstance(error, psycopg2.IntegrityError):
        return "ValidationError"  # as Odoo's own RPC has it
    if isinstance(error, psycopg2.DataError):
        return "ValueError"
    if isinstance(error, SAVEPOINT_ERRORS):
        return TransactionControlError.__name__
    return type(error).__name__


def _message(error, env, model_name):
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, SAVEPOINT_ERRORS):
        return transaction_control_message(env)
    if isinstance(error, psycopg2.IntegrityError):
        return integrity_message(error, env, model_name)
    if isinstance(error, psycopg2.DataError):
        return env._("The database refused a value: %s", error.diag.message_primary or type(error).__name__)
    if isinstance(error, psycopg2.Error):
        return env._("The database refused the operation (%s).", type(error).__name__)
    if isinstance(error, KeyError):
        return env._("Not found: %s", error)
    return str(error) or type(error).__name__


def integrity_message(error, env, model_name):
    """The constraint's own words, looked up on the model whose table it belongs to."""
    model = env[model_name]
    table = error.diag.table_name
    if isinstance(error, pg.ForeignKeyViolation) and (found := ABSENT_KEY.search(error.diag.message_detail or "")):
        # Odoo words every such error as a deletion; here, most are values that refer to what is not there
        return env._("%(field)s refers to record %(id)s, which does not exist.", field=found["column"], id=found["id"])
    if table and table != model._table:
        model = next((env[name] for name, cls in env.registry.items() if cls._table == table), model)
    return model._sql_error_to_message(error)


def transaction_control_message(env):
    return env._(
        "The code run for these records tried to commit or roll back the transaction. A batch commits each chunk together "
        "with its outcome, so that code it calls must not do this; let it use a cursor of its own, or leave it out."
    )
