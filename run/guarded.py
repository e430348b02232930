"""Code that a user can reach: the one way to run it.

Searching, preparing, running and calling back are all the same to the engine: code of models, actions and rules that may do
whatever it likes.
"""

import time
from contextlib import nullcontext

from odoo.tools import SQL

from ..engine.isolation import Culprit, Suspects
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

#: Answers of `pg_xact_status`.
IN_PROGRESS, ABORTED = "in progress", "aborted"
#: How often, and at most how many times, it is asked while it says 'in progress'.
ASK_EVERY_S = 0.05
ASKED_TIMES = 100


class UserCode:
    """Runs the body of its `with` in a savepoint, under guard, before a deadline; what it raises becomes an outcome.

    Afterwards `error` says what became of it: None where all went well, else the `Failure`, or the `Suspects` or `Culprit`
    that a handler named. What failed has been undone.

    :param env: the user's environment
    :param model_name: the model it is about, for errors of the database
    :param Deadline deadline: when it must have ended
    :param str transaction: number of the lane's transaction it runs in; None: it is the caller's
    :param is_wanted: asked while it takes long, whether to go on; None: there is no question
    :param dict values: what it is to write, where it is one record's
    :param hides_conflicts: whether what it raises may be said of a conflict with another transaction
    :param timeout_fails: whether a timeout is the failure of its records, as there will be no other attempt
    :param has_savepoint: whether it has a savepoint of its own
    :raises NeedsSavepoint: it has failed, and has none
    :raises Interruption: the attempt must be rolled back as a whole
    :raises TransactionEnded: it has committed behind our back; what it is about must not be run again
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
            error = _raised_by(self.env.cr.flush)  # what fails only now still belongs to it, and to its time
        error = _raised_by(self.guard.__exit__, type(error) if error else None, error, None) or error
        error = self._close_savepoint(error)
        if error is not None:
            if is_shutdown(error):
                raise error
            if not (self.has_savepoint or self.guard.transaction_ended):
                raise NeedsSavepoint from error
            self.error = self._judge(error)
        self.guard.errors.clear()  # what they refer to must not live longer
        return True

    def _close_savepoint(self, error):
        """Keep what was done, or undo it; returns the error it comes to."""
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
        # whatever code makes of its statements being cancelled
        is_late = guard.deadline.expired or interruption_of(error) == TIMEOUT
        if is_late and self.timeout_fails:
            return failure("TimeoutError", timeout_message(self.env, self.deadline.timeout_s))
        if is_late:
            raise Interruption(TIMEOUT, text_of(error)) from error
        # these without the frames of the one that was raised
        if isinstance(error, Culprit):
            return Culprit(error.positions, self._judge(error.error))
        if isinstance(error, Suspects):
            return Suspects(error.positions)
        if isinstance(error, WarningRefused):
            return failure(error.warning_type, error.message)
        return judge(error, self.env, self.model_name, self.values, words)

    def judge_end(self, error):
        """The transaction has been ended behind our back: only if nothing of it was committed may any of it run again."""
        if self.transaction is None or self._was_committed():
            raise TransactionEnded(committed_message(self.env)) from error
        raise Interruption(ENDED, transaction_control_message(self.env)) from error

    def _was_committed(self):
        # drop what is left: a transaction that is not ours, or ours without its savepoint
        if not self.guard.is_closed:
            self.env.cr.rollback()  # pylint: disable=invalid-commit
        elif not self.guard.connection.closed:
            self.guard.connection.rollback()  # pylint: disable=invalid-commit
        with self.env.registry.cursor() as cr:
            for _ in range(ASKED_TIMES):
                cr.execute(SQL("SELECT pg_xact_status(%s::xid8)", self.transaction))
                [(status,)] = cr.fetchall()
                if status != IN_PROGRESS:
                    break
                time.sleep(ASK_EVERY_S)  # a closed connection: until its server has noticed
        return status != ABORTED


def timeout_message(env, timeout_s):
    if not timeout_s:
        return env._("Cancelled by the database server.")
    return env._("It took longer than the %g seconds an attempt may take.", timeout_s)


def _raised_by(function, *args):
    """The exception a call raises, or None."""
    try:
        function(*args)
    except BaseException as error:  # noqa: BLE001  # user code may raise anything, and leave anything to be raised
        return error
    return None
