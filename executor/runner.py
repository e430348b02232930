"""Run the records of one chunk inside savepoints and say what became of each: the one place for user work."""

from contextlib import contextmanager
from dataclasses import dataclass

from odoo.exceptions import AccessError

from ..engine.isolation import Culprit, Suspects, isolate
from ..engine.options import ROLLBACK_CHUNK
from ..engine.outcome import Outcome
from ..engine.payload import Payload
from ..engine.verdict import TIMEOUT
from ..exceptions import TransactionControlError
from .errors import SAVEPOINT_ERRORS, Trouble, failure, failure_of, transaction_control_message, trouble_of
from .guard import Deadline, Guard
from .handlers import HANDLERS
from .references import resolve_payload
from .warning import WarningRefused

#: Savepoints that wrote and were released, before an isolation is cut in parts. PostgreSQL slows all sessions down once
#: one transaction holds more than 64 of them; the rest is for the models' own savepoints.
SAVEPOINT_BUDGET = 24


@dataclass(slots=True)
class Work:
    """Records to be run, and how."""

    operation_type: str
    model: str
    payload: Payload
    rollback: str = "record"
    strict: bool = False  # what is warned of fails, unless the operation says otherwise
    timeout_s: float | None = None
    needs: dict | None = None  # operation -> operations that must have completed; None: nothing refers to others
    may_rest: bool = True  # whether what is left of a long isolation may become a chunk of its own
    keep_trying: bool = False  # a timeout is isolated here, as no lane can give a chunk another attempt


def run_chunk(env, work, references):
    """Apply an operation to the records of a chunk, as the user of `env`.

    The transaction is the caller's, and is neither committed nor rolled back here.

    :param env: an environment of the job's user, with the operation's context
    :returns: the `Outcome`
    :raises Trouble: the attempt must be rolled back as a whole (conflict, timeout, connection lost)
    """
    return _ChunkRun(env, work, references).run()


def refusal(env):
    """Why the user may run nothing now, by the rights there are at this moment; None where nothing is in the way."""
    user = env.user
    if env.su:
        return None
    if not env["batch.job"]._is_active(user.id):
        return failure(
            AccessError.__name__, env._("The user %s, who submitted the job, is archived.", user.sudo().login)
        )
    if not user.has_group("batch_executor.group_batch_user"):
        return failure(AccessError.__name__, env._("The user %s may no longer run batch jobs.", user.sudo().login))
    env.companies  # noqa: B018  # raises AccessError where a company was taken from the user meanwhile
    return None


class _ChunkRun:
    def __init__(self, env, work, references):
        self.env = env
        self.work = work
        self.references = references
        self.released = 0
        self.deadline = Deadline(work.timeout_s)

    def run(self):
        size = len(self.work.payload)
        try:
            if refusal := self._refusal():
                return Outcome.all_failed(size, refusal)
            failures, skipped = {}, {}
            if self.work.needs is not None:
                failures, skipped = resolve_payload(self.work.payload, self.references, self.work.needs, self.env)
            handler = HANDLERS[self.work.operation_type](self.env[self.work.model], self.work.payload, self.work.strict)
            positions = [position for position in range(size) if position not in failures and position not in skipped]
            if handler.reads_first:
                with self.env.cr.savepoint():  # should the database refuse, the chunk can still be settled
                    failures.update(handler.prepare(positions))
        except Exception as error:
            if trouble := trouble_of(error):
                raise Trouble(trouble, str(error)) from error
            return Outcome.all_failed(size, failure_of(error, self.env, self.work.model))
        outcome = Outcome(failures=failures, skipped=skipped)
        self._run_positions(handler, [position for position in positions if position not in failures], outcome)
        return outcome

    def _refusal(self):
        """Why nothing of this chunk may run at all."""
        if self.work.model not in self.env:
            return failure("MissingModelError", self.env._("The model %r no longer exists.", self.work.model))
        return refusal(self.env)

    def _run_positions(self, handler, positions, outcome):
        """Run what can be run; under `rollback="chunk"` one failure undoes them all."""
        by_chunk = self.work.rollback == ROLLBACK_CHUNK
        if by_chunk and outcome.failures:
            self._roll_back_all(positions, outcome)
            return
        with self._savepoint_if(by_chunk) as savepoint:
            found = isolate(
                positions,
                lambda part: self._attempt(handler, part, outcome),
                self._stop,
                groups=self.work.payload.operations if handler.keeps_operations_apart else None,
                whole=self.work.payload.is_whole,
            )
            outcome.calls = found.calls
            outcome.failures.update(found.failures)
            outcome.rest = found.rest
            if by_chunk and found.failures:
                savepoint.rollback()
                outcome.rest = []
                self._roll_back_all([position for position in positions if position not in found.failures], outcome)

    def _roll_back_all(self, positions, outcome):
        outcome.ids.clear()
        outcome.warnings.clear()
        outcome.answers.clear()
        reason = outcome.first_error  # the culprit's: what is undone with it must not hide it
        message = self.env._("Rolled back, because another record of its chunk failed: %s", reason)
        rolled_back = failure("RolledBack", message)
        outcome.failures.update(dict.fromkeys(positions, rolled_back))

    @contextmanager
    def _savepoint_if(self, wanted):
        if not wanted:
            yield None
            return
        with UndoableSavepoint(self.env) as savepoint:
            yield savepoint

    def _stop(self):
        return self.work.may_rest and self.work.rollback != ROLLBACK_CHUNK and self.released >= SAVEPOINT_BUDGET

    def _attempt(self, handler, positions, outcome):
        """Try some positions as a whole: None where they went well, else their failure (or `Suspects`)."""
        cr = self.env.cr
        guard = Guard(cr, self._attempt_deadline(), transaction_control_message(self.env))
        try:
            with UndoableSavepoint(self.env), guard:
                handler.answers, handler.warnings = {}, {}
                ids = handler.apply(positions)
                cr.flush()  # what fails only now still belongs to these records, and to their time
        except Exception as error:  # noqa: BLE001  # user code may raise anything: it is the record's outcome
            return self._judge(error, handler, guard)
        self.released += 1
        outcome.ids.update(ids)
        outcome.warnings.update(handler.warnings)
        outcome.answers.update(handler.answers)
        return None

    def _attempt_deadline(self):
        return Deadline(self.work.timeout_s) if self.work.keep_trying else self.deadline

    def _judge(self, error, handler, guard):
        if isinstance(error, Culprit):
            return Culprit(error.positions, self._judge(error.error, handler, guard))
        if handler.hides_conflicts and guard.conflict:
            error = guard.conflict
        # whatever code makes of its statements being cancelled
        trouble = TIMEOUT if guard.deadline.expired else trouble_of(error)
        if trouble == TIMEOUT and self.work.keep_trying:
            return failure("TimeoutError", timeout_message(self.env, self.work.timeout_s))
        if trouble:
            raise Trouble(trouble, str(error)) from error
        if isinstance(error, Suspects):
            return error
        if isinstance(error, WarningRefused):
            return failure(error.warning_type, error.message)
        if isinstance(error, SAVEPOINT_ERRORS):
            # something was committed behind our back: running any of it again would do it twice
            raise TransactionControlError(guard.message) from error
        return failure_of(error, self.env, self.work.model)


def timeout_message(env, timeout_s):
    if not timeout_s:
        return env._("Cancelled by the database server.")
    return env._("It took longer than the %g seconds an attempt may take.", timeout_s)


class UndoableSavepoint:
    """A flushing savepoint that also takes back what Odoo's does not: hooks for after the commit, and registry caches."""

    def __init__(self, env):
        self.env = env

    def __enter__(self):
        self.hooks = len(self.env.cr.postcommit._funcs)
        self.savepoint = self.env.cr.savepoint()
        return self

    def __exit__(self, exc_type, exc_value, traceback):
        kept = False
        try:
            self.savepoint.close(rollback=exc_type is not None)
            kept = exc_type is None
        finally:
            if not kept:
                self._forget()

    def rollback(self):
        self.savepoint.rollback()
        self._forget()

    def _forget(self):
        hooks = self.env.cr.postcommit._funcs
        while len(hooks) > self.hooks:
            hooks.pop()
        # drop what was cached from records that no longer exist; what earlier parts changed must still be signalled
        registry = self.env.registry
        changed = set(registry.cache_invalidated)
        registry.reset_changes()
        registry.cache_invalidated.update(changed)
