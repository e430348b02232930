"""Turn exceptions of user code into failures that users can read."""

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
#: Most exceptions of a chain whose tracebacks are kept, and most frames of each.
TRACEBACKS = 5
TRACEBACK_FRAMES = 50

#: PostgreSQL's detail for a reference to a missing record. (For a deletion it reads "is still referenced".)
ABSENT_KEY = re.compile(r"\((?P<column>\w+)\)=\((?P<id>\d+)\) is not present")
#: Raised if user code ended the transaction: the engine's savepoint no longer exists.
SAVEPOINT_ERRORS = (pg.InvalidSavepointSpecification, pg.NoActiveSqlTransaction)


#: Errors with unclear texts; the usual cause is a value of the wrong type.
UNCLEAR = (TypeError, ValueError, ArithmeticError, LookupError, AttributeError, psycopg2.DataError, psycopg2.ProgrammingError)


def judge(error, env, model_name, values=None, words=None):
    """The `Failure` of the records that an exception was raised for.

    :param error: the exception
    :param env: the user's environment
    :param str model_name: model of the records
    :param dict values: values that were to be written, if it is one record
    :param str words: message that user code made of a conflict, if it differs from the error's own
    :raises Interruption: the error ends the whole attempt
    """
    if kind := interruption_of(error):
        raise Interruption(kind, text_of(error), words) from error
    return failure_of(error, env, model_name, values)


def failure_of(error, env, model_name, values=None):
    """The `Failure` for an exception. Its message is for the job's user: no SQL, no traceback.

    Never raises (except a shutdown of the process), and limits the memory used, whatever the exception's own methods do.

    :param error: the exception
    :param env: the user's environment
    :param str model_name: model of the records
    :param dict values: values that were to be written, if known
    """
    return Failure(
        error_type=storable(safely(_error_type, error) or "Exception", NAME_LIMIT),
        message=storable(safely(_message, error, env, model_name, values) or _name_of(error), MESSAGE_LIMIT),
        traceback=storable(safely(_traceback, error) or text_of(error), TRACEBACK_LIMIT),
    )


def failure(error_type, message):
    """A `Failure` that the engine itself reports; it has no traceback.

    :param str error_type: name of an exception class
    :param str message: translated text
    """
    return Failure(error_type=error_type, message=storable(message, MESSAGE_LIMIT))


def missing_model(env, model_name):
    """The `Failure` of records whose model is gone since they were submitted; None where it is there.

    :param env: the user's environment
    :param str model_name: model of the records
    """
    if model_name in env:
        return None
    return failure("MissingModelError", env._("The model '%s' no longer exists.", model_name))


def missing_field(model, names):
    """The text about the first name that is no field of a model, in Odoo's own words; None where all are.

    :param model: the model
    :param names: of fields
    """
    return next((f"Invalid field {name!r} in {model._name!r}" for name in names if name not in model._fields), None)


def storable(text, limit):
    """A text of at most `limit` characters that PostgreSQL can store and JSON and XML can carry."""
    return sayable(str.__str__(text if isinstance(text, str) else str(text)), limit)  # ignores the `__str__` of a subclass


def text_of(error):
    """The text of an exception, or the name of its class if it has none; at most `MESSAGE_LIMIT` characters."""
    return storable(safely(str, error) or _name_of(error), MESSAGE_LIMIT)


def _name_of(error):
    return safely(lambda: str(type(error).__name__)) or "Exception"


def _traceback(error):
    """The traceback of an exception and of its causes, newest last: at most `TRACEBACKS`, and the last frames of each."""
    parts, seen = [], set()
    while error is not None and id(error) not in seen and len(parts) < TRACEBACKS:
        seen.add(id(error))
        frames = "".join(traceback.format_tb(error.__traceback__, limit=-TRACEBACK_FRAMES))
        head = "Traceback (most recent call last):\n" if frames else ""
        parts.append(f"{head}{frames}{_name_of(error)[:NAME_LIMIT]}: {text_of(error)}\n")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n".join(reversed(parts))[-TRACEBACK_LIMIT:]


def _is_psycopgs_own(error):
    """Whether psycopg2 raised the error itself, because it could not put a value into the statement."""
    return type(error) is psycopg2.ProgrammingError and not error.pgcode


def _error_type(error):
    if isinstance(error, psycopg2.IntegrityError):
        return "ValidationError"  # as in Odoo's own RPC
    if isinstance(error, (psycopg2.DataError, pg.DatatypeMismatch)) or _is_psycopgs_own(error):
        return "ValueError"
    if isinstance(error, SAVEPOINT_ERRORS):
        return TransactionControlError.__name__
    return _name_of(error)


def own_words(error):
    """The message that user code made of a conflict; None if it made none.

    :param error: the exception that ended the attempt
    """
    if isinstance(error, Interruption):
        if error.words:
            return error.words
        error = error.__cause__
    return text_of(error) if isinstance(error, UserError) else None


def import_words(text, seen, env, model_name):
    """A message of Odoo's import; if it repeats a database error, the message that other operations give for that error.

    :param str text: the import's message
    :param seen: database errors raised during the import
    :param str model_name: model that rows are imported into
    """
    for error in seen:
        if _repeats(text, error) or text == safely(env[model_name]._sql_error_to_message, error):
            return _message(error, env, model_name)
    return text


def words_beside(texts, seen):
    """The import's messages without those that repeat database errors, as one text; None if none is left.

    :param texts: the import's messages
    :param seen: database errors raised during the import
    """
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
        with env.cr.savepoint(flush=False):  # the model's code makes the message, and may run queries
            return integrity_message(error, env, model_name)
    if isinstance(error, psycopg2.DataError):
        return env._("The database refused a value: %s", error.diag.message_primary or type(error).__name__)
    if isinstance(error, psycopg2.Error):
        return env._("The database refused the operation (%s).", _name_of(error) if error.pgcode else text_of(error))
    if isinstance(error, KeyError):
        return env._("Not found: %s", text_of(error))
    return text_of(error)


def _wrong_field(model, values):
    """The name of the first field whose value has a type the field can't take; None if there is none."""
    fields = model._fields
    return next((name for name, value in values.items() if name in fields and is_wrong(fields[name].type, value)), None)


def _reason(error):
    """The error's own text, without the statement that psycopg2 appends."""
    said = error.diag.message_primary if isinstance(error, psycopg2.Error) else None
    return said or text_of(error).partition("\n")[0]


def integrity_message(error, env, model_name):
    """The message of the violated constraint, from the model whose table it belongs to.

    :param error: a `psycopg2.IntegrityError`
    :param str model_name: model to use if no model has the table
    """
    model = env[model_name]
    table = error.diag.table_name
    if isinstance(error, pg.ForeignKeyViolation) and (found := ABSENT_KEY.search(error.diag.message_detail or "")):
        # Odoo's message for this error is about a deletion; here the cause is a value that refers to a missing record
        return env._("%(field)s refers to record %(id)s, which does not exist.", field=found["column"], id=found["id"])
    if table and table != model._table:
        model = next((env[name] for name, cls in env.registry.items() if cls._table == table), model)
    message = model._sql_error_to_message(error)
    if (error.diag.message_primary or "") in message and error.diag.constraint_name:
        # Odoo has no message of its own and repeats PostgreSQL's, which contains the row's values
        return env._("%(model)s: the constraint %(name)s is not met.", model=model._name, name=error.diag.constraint_name)
    return message


def transaction_control_message(env):
    """The message for records whose code tried to end the transaction."""
    return env._(
        "The code run for these records tried to commit or roll back the transaction. A batch commits each chunk together "
        "with its outcome, so that code it calls must not do this; let it use a cursor of its own, or leave it out."
    )


def committed_message(env):
    """The message for records whose code did end the transaction."""
    return env._(
        "The code run for these records ended the transaction by itself. What it had done by then may have been committed, "
        "so it is not run again: check these records before you retry them."
    )
