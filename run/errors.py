"""What people may read about the exceptions of user code."""

import re
import traceback

import psycopg2
from psycopg2 import errors as pg

from odoo.exceptions import UserError

from ..engine.outcome import Failure
from ..engine.problems import sayable
from ..engine.values import is_wrong
from ..exceptions import TransactionControlError
from .interruption import Interruption, interruption_of, safely

#: Characters kept of an error's text and of its traceback.
MESSAGE_LIMIT = 2_000
TRACEBACK_LIMIT = 20_000
#: Characters kept of the name of an exception's class.
NAME_LIMIT = 100
#: Exceptions of a chain whose tracebacks are kept, and frames of each.
TRACEBACKS = 5
TRACEBACK_FRAMES = 50

#: Detail of a reference to a missing record (of a deletion it reads "is still referenced").
ABSENT_KEY = re.compile(r"\((?P<column>\w+)\)=\((?P<id>\d+)\) is not present")
#: The transaction has been ended behind our back: our savepoint is gone.
SAVEPOINT_ERRORS = (pg.InvalidSavepointSpecification, pg.NoActiveSqlTransaction)


#: What says little by itself, and is most often due to a value of the wrong form.
UNCLEAR = (TypeError, ValueError, ArithmeticError, LookupError, AttributeError, psycopg2.DataError, psycopg2.ProgrammingError)


def judge(error, env, model_name, values=None, words=None):
    """What an error comes to: the `Failure` of what it is about.

    :param str words: what the code that met it made of it for people to read, where that is not the error itself
    :raises Interruption: it ends the whole attempt
    """
    if kind := interruption_of(error):
        raise Interruption(kind, text_of(error), words) from error
    return failure_of(error, env, model_name, values)


def failure_of(error, env, model_name, values=None):
    """What the user of the job may read about an error of a record: no SQL, no traceback.

    Never raises, and needs little memory, whatever user code has made of its errors.

    :param dict values: what was to be written, where that is known
    """
    return Failure(
        error_type=storable(safely(_error_type, error) or "Exception", NAME_LIMIT),
        message=storable(safely(_message, error, env, model_name, values) or _name_of(error), MESSAGE_LIMIT),
        traceback=storable(safely(_traceback, error) or text_of(error), TRACEBACK_LIMIT),
    )


def failure(error_type, message):
    """A failure of our own making; there is no traceback to it."""
    return Failure(error_type=error_type, message=storable(message, MESSAGE_LIMIT))


def storable(text, limit):
    """A text PostgreSQL takes and any answer can carry, whatever user code has put into it."""
    return sayable(str.__str__(text if isinstance(text, str) else str(text)), limit)  # of a subclass, the very characters


def text_of(error):
    """The text of any exception, or its name where it has none; no longer than what is stored of one."""
    return storable(safely(str, error) or _name_of(error), MESSAGE_LIMIT)


def _name_of(error):
    return safely(lambda: str(type(error).__name__)) or "Exception"


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
        if _repeats(text, error) or text == safely(env[model_name]._sql_error_to_message, error):
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
