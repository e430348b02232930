"""Run user code: the engine runs all code of models, actions and record rules through `UserCode`.

That includes searching records, preparing a chunk, running it, and the action on completion: each may run code that does
anything.
"""

import time
from contextlib import nullcontext

from odoo.tools import SQL

from ..engine.isolation import Culprit, InParts, Suspects
from ..engine.verdict import CONFLICT, ENDED, TIMEOUT
from ..exceptions import LoadError, NeedsSavepoint, TransactionEnded
from .errors import (
    SAVEPOINT_ERRORS,
    committed_message,
    failure,
    import_words,
    judge,
    text_of,
    transaction_control_message,
    words_beside,
)
from .guard import Guard
from .interruption import Interruption, interruption_of, is_shutdown
from .savepoint import UndoableSavepoint
from .warning import WarningRefused

#: Values of PostgreSQL's `pg_xact_status`.
IN_PROGRESS, ABORTED = "in progress", "aborted"
#: Seconds between two calls of it, and most calls, while it returns 'in progress'.
ASK_EVERY_S = 0.05
ASKED_TIMES = 100


class UserCode:
    """Context manager: runs its body in a savepoint, with a guarded cursor and a deadline, and catches what it raises.

    Afterwards `error` is None if the body succeeded. Otherwise its effects are rolled back, and `error` is the `Failure`, or the
    `Suspects`, `Culprit` or `InParts` that a handler raised.

    :param env: the user's environment
    :param str model_name: model of the records, for messages of database errors
    :param Deadline deadline: when the body must have ended
    :param str transaction: PostgreSQL's number of the lane's transaction; None: the body runs in the caller's transaction
    :param is_wanted: function called about once a second, returns whether to continue; None: always continue
    :param dict values: values that the body writes, if it is about one record
    :param bool hides_conflicts: whether the body may turn a conflict with another transaction into an error of its own
    :param bool timeout_fails: whether a timeout is a failure of the records, because there is no other attempt
    :param bool has_savepoint: whether to make a savepoint
    :raises NeedsSavepoint: the body failed, and `has_savepoint` is False
    :raises Interruption: the whole attempt must be rolled back
    :raises TransactionEnded: the body may have committed; its records must not run again
    """

    def __init__(
        self,
        env,
        model_name,
        deadline,
        *,
        transaction=None,
        is_wanted=None,
        values=None,
        hides_conflicts=False,
        timeout_fails=False,
        has_savepoint=True,
    ):
        self.env = env
        self.model_name = model_name
        self.deadline = deadline
        self.transaction = transaction
        self.values = values
        self.hides_conflicts = hides_conflicts
        self.timeout_fails = timeout_fails
        self.has_savepoint = has_savepoint
        self.guard = Guard(env.cr, deadline, transaction_control_message(env), is_wanted)
        self.error = None

    def __enter__(self):
        self.savepoint = (UndoableSavepoint(self.env) if self.has_savepoint else nullcontext()).__enter__()
        self.guard.__enter__()
        return self

    def __exit__(self, _type, error, _traceback):
        if error is None:
            error = _raised_by(self.env.cr.flush)  # still inside the savepoint and before the deadline
        error = _raised_by(self.guard.__exit__, type(error) if error else None, error, None) or error
        error = self._close_savepoint(error)
        if error is not None:
            if is_shutdown(error):
                raise error
            if not (self.has_savepoint or self.guard.transaction_ended):
                raise NeedsSavepoint from error
            self.error = self._judge(error)
        self.guard.errors.clear()  # releases the frames that the errors refer to
        return True

    def _close_savepoint(self, error):
        """Release the savepoint, or roll back to it after an error; returns the error, or the one that this raised."""
        if self.guard.transaction_ended or not self.has_savepoint:
            return error
        raised = _raised_by(self.savepoint.__exit__, type(error) if error else None, error, None)
        self.guard.transaction_ended = isinstance(raised, SAVEPOINT_ERRORS)
        return raised or error

    def _judge(self, error):
        guard = self.guard
        refused = error.__cause__ if isinstance(error, Suspects) else error
        words = None
        if self.hides_conflicts and guard.conflict:
            error = guard.conflict
            words = words_beside(refused.texts, guard.errors) if isinstance(refused, LoadError) else None
        elif isinstance(error, LoadError):
            error.texts = [import_words(text, guard.errors, self.env, self.model_name) for text in error.texts]
        guard.conflict = None
        guard.errors.clear()
        if guard.transaction_ended:
            self.judge_end(error)
        if guard.watchdog.unwanted:
            raise Interruption(CONFLICT, "the job was cancelled") from error
        # code may turn the error of a cancelled statement into any other error
        is_late = guard.deadline.expired or interruption_of(error) == TIMEOUT
        if is_late and self.timeout_fails:
            return failure("TimeoutError", timeout_message(self.env, self.deadline.timeout_s))
        if is_late:
            raise Interruption(TIMEOUT, text_of(error)) from error
        # new ones, as those raised refer to the frames of the code
        if isinstance(error, Culprit):
            return Culprit(error.positions, self._judge(error.error))
        if isinstance(error, Suspects):
            return Suspects(error.positions)
        if isinstance(error, InParts):
            return InParts(error.ends)
        if isinstance(error, WarningRefused):
            return failure(error.warning_type, error.message)
        return judge(error, self.env, self.model_name, self.values, words)

    def judge_end(self, error):
        """Decide what happens after user code ended the transaction: it may run again only if nothing was committed.

        :param error: the exception that showed it
        :raises TransactionEnded: the transaction was committed, or may have been
        :raises Interruption: the transaction was rolled back
        """
        if self.transaction is None or self._was_committed():
            raise TransactionEnded(committed_message(self.env)) from error
        raise Interruption(ENDED, transaction_control_message(self.env)) from error

    def _was_committed(self):
        # roll back what is open now: a new transaction of the user code, or ours without its savepoint
        if not self.guard.is_closed:
            self.env.cr.rollback()  # pylint: disable=unknown-option-value,invalid-commit
        elif not self.guard.connection.closed:
            self.guard.connection.rollback()  # pylint: disable=unknown-option-value,invalid-commit
        with self.env.registry.cursor() as cr:
            for _ in range(ASKED_TIMES):
                cr.execute(SQL("SELECT pg_xact_status(%s::xid8)", self.transaction))
                [(status,)] = cr.fetchall()
                if status != IN_PROGRESS:
                    break
                time.sleep(ASK_EVERY_S)  # user code closed the connection, and the server has not noticed yet
        return status != ABORTED


def timeout_message(env, timeout_s):
    """The message for an attempt that took too long.

    :param float timeout_s: the job's timeout in seconds; None: it has none, and PostgreSQL cancelled the statement
    """
    if not timeout_s:
        return env._("Cancelled by the database server.")
    return env._("It took longer than the %g seconds an attempt may take.", timeout_s)


def _raised_by(function, *args):
    """The exception a call raises, or None."""
    try:
        function(*args)
    except BaseException as error:  # noqa: BLE001  # user code may raise anything, also in hooks that run here
        return error
    return None
