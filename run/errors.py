"""Exceptions of user work -> what the user may read, or why the whole attempt has to go."""

import re
import threading
import traceback

import psycopg2
from psycopg2 import errors as pg
from psycopg2.pool import PoolError

import odoo
from odoo.exceptions import ConcurrencyError, UserError
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY

from ..engine import verdict
from ..engine.outcome import Failure
from ..engine.problems import sayable
from ..engine.values import is_wrong
from ..exceptions import ChunkTimeout, TransactionControlError, TransactionEnded

#: Characters kept of an error's text and of its traceback.
MESSAGE_LIMIT = 2_000
TRACEBACK_LIMIT = 20_000
#: Characters kept of the name of an exception's class.
NAME_LIMIT = 100
#: Exceptions of a chain whose tracebacks are kept, and frames of each.
TRACEBACKS = 5
TRACEBACK_FRAMES = 50

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


#: What says little by itself, and is most often due to a value of the wrong form.
UNCLEAR = (TypeError, ValueError, ArithmeticError, LookupError, AttributeError, psycopg2.DataError, psycopg2.ProgrammingError)


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
    return _safely(_interruption_of, error)


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


def judge(error, env, model_name, values=None, words=None):
    """What an error comes to: the `Failure` of what it is about.

    :param str words: what the code that met it made of it for people to read, where that is not the error itself
    :raises Interruption: it ends the whole attempt
    """
    if interruption := interruption_of(error):
        raise Interruption(interruption, text_of(error), words) from error
    return failure_of(error, env, model_name, values)


def failure_of(error, env, model_name, values=None):
    """What the user of the job may read about an error of a record: no SQL, no traceback.

    Never raises, and needs little memory, whatever user code has made of its errors.

    :param dict values: what was to be written, where that is known
    """
    return Failure(
        error_type=storable(_safely(_error_type, error) or "Exception", NAME_LIMIT),
        message=storable(_safely(_message, error, env, model_name, values) or _name_of(error), MESSAGE_LIMIT),
        traceback=storable(_safely(_traceback, error) or text_of(error), TRACEBACK_LIMIT),
    )


def failure(error_type, message):
    """A failure of our own making; there is no traceback to it."""
    return Failure(error_type=error_type, message=storable(message, MESSAGE_LIMIT))


def storable(text, limit):
    """A text PostgreSQL takes and any answer can carry, whatever user code has put into it."""
    return sayable(str.__str__(text if isinstance(text, str) else str(text)), limit)  # of a subclass, the very characters


def text_of(error):
    """The text of any exception, or its name where it has none; no longer than what is stored of one."""
    return storable(_safely(str, error) or _name_of(error), MESSAGE_LIMIT)


def _name_of(error):
    return _safely(lambda: str(type(error).__name__)) or "Exception"


def _safely(function, *args):
    """What a function makes of an exception; None where the exception's own methods raise or return nonsense."""
    try:
        return function(*args)
    except BaseException as error:  # it is user code that is asked here
        if is_shutdown(error):
            raise
        return None


def _traceback(error):
    """The traceback of an exception and of those before it, the newest last: a few of them, and the end of each."""
    parts, seen = [], set()
    while error is not None and id(error) not in seen and len(parts) < TRACEBACKS:
        seen.add(id(error))
        frames = "".join(traceback.format_tb(error.__traceback__, limit=-TRACEBACK_FRAMES))
        head = "Traceback (most recent call last):\n" if frames else ""
        parts.append(f"{head}{frames}{_name_of(error)[:NAME_LIMIT]}: {text_of(error)}\n")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n".join(reversed(parts))[-TRACEBACK_LIMIT:]


def _is_psycopgs_own(error):
    """Whether psycopg2 could not even put it into a statement."""
    return type(error) is psycopg2.ProgrammingError and not error.pgcode


def _error_type(error):
    if isinstance(error, psycopg2.IntegrityError):
        return "ValidationError"  # as Odoo's own RPC has it
    if isinstance(error, (psycopg2.DataError, pg.DatatypeMismatch)) or _is_psycopgs_own(error):
        return "ValueError"
    if isinstance(error, SAVEPOINT_ERRORS):
        return TransactionControlError.__name__
    return _name_of(error)


def own_words(error):
    """What the code that met a conflict made of it for people to read; None where it said nothing of its own."""
    if isinstance(error, Interruption):
        if error.words:
            return error.words
        error = error.__cause__
    return text_of(error) if isinstance(error, UserError) else None


def import_words(text, seen, env, model_name):
    """A message of Odoo's import: where it repeats what PostgreSQL said, as any other door would say it.

    :param seen: the database's errors that were seen meanwhile
    """
    for error in seen:
        if _repeats(text, error) or text == _safely(env[model_name]._sql_error_to_message, error):
            return _message(error, env, model_name)
    return text


def words_beside(texts, seen):
    """What messages of Odoo's import say besides repeating the database's errors; None where that is nothing."""
    own = [text for text in dict.fromkeys(texts) if not any(_repeats(text, error) for error in seen)]
    return storable("\n".join(own), MESSAGE_LIMIT) or None


def _repeats(text, error):
    said = text_of(error).strip()
    return bool(said) and said in text


def _message(error, env, model_name, values=None):
    if isinstance(error, UserError):
        return text_of(error)
    if values and isinstance(error, UNCLEAR) and (name := _wrong_field(env[model_name], values)):
        return env._(
            "%(field)s can't take %(value)s: %(reason)s", field=name, value=f"{values[name]!r:.100}", reason=_reason(error)
        )
    if isinstance(error, SAVEPOINT_ERRORS):
        return transaction_control_message(env)
    if isinstance(error, psycopg2.IntegrityError):
        with env.cr.savepoint(flush=False):  # the model is asked for its own words, and may ask the database
            return integrity_message(error, env, model_name)
    if isinstance(error, psycopg2.DataError):
        return env._("The database refused a value: %s", error.diag.message_primary or type(error).__name__)
    if isinstance(error, psycopg2.Error):
        return env._("The database refused the operation (%s).", _name_of(error) if error.pgcode else text_of(error))
    if isinstance(error, KeyError):
        return env._("Not found: %s", text_of(error))
    return text_of(error)


def _wrong_field(model, values):
    """The first field whose value can't be one of its own."""
    fields = model._fields
    return next((name for name, value in values.items() if name in fields and is_wrong(fields[name].type, value)), None)


def _reason(error):
    """What plain Odoo would have said, without the statement that psycopg2 adds."""
    said = error.diag.message_primary if isinstance(error, psycopg2.Error) else None
    return said or text_of(error).partition("\n")[0]


def integrity_message(error, env, model_name):
    """The constraint's own words, looked up on the model whose table it belongs to."""
    model = env[model_name]
    table = error.diag.table_name
    if isinstance(error, pg.ForeignKeyViolation) and (found := ABSENT_KEY.search(error.diag.message_detail or "")):
        # Odoo words every such error as a deletion; here, most are values that refer to what is not there
        return env._("%(field)s refers to record %(id)s, which does not exist.", field=found["column"], id=found["id"])
    if table and table != model._table:
        model = next((env[name] for name, cls in env.registry.items() if cls._table == table), model)
    message = model._sql_error_to_message(error)
    if (error.diag.message_primary or "") in message and error.diag.constraint_name:
        # Odoo had no words of its own: PostgreSQL's hold the row
        return env._("%(model)s: the constraint %(name)s is not met.", model=model._name, name=error.diag.constraint_name)
    return message


def transaction_control_message(env):
    return env._(
        "The code run for these records tried to commit or roll back the transaction. A batch commits each chunk together "
        "with its outcome, so that code it calls must not do this; let it use a cursor of its own, or leave it out."
    )


def committed_message(env):
    return env._(
        "The code run for these records has ended the transaction itself, past all that keeps it from doing so. What it had "
        "done by then may have been committed, so nothing of it is tried again: look at these records before you retry them."
    )


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
