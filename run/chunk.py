"""Run the records of one chunk inside savepoints and return the outcome of each. Every operation runs through here."""

from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from itertools import pairwise

from odoo.exceptions import AccessError, UserError

from ..engine.isolation import InParts, isolate
from ..engine.options import ROLLBACK_CHUNK
from ..engine.outcome import Outcome
from ..engine.payload import Payload
from ..exceptions import ChangedSinceError, TransactionControlError, TransactionEnded
from ..store.apply import PLAN
from .changes.approved import Approved
from .errors import failure, failure_of, missing_model, text_of
from .guarded import UserCode
from .handlers import HANDLERS
from .references import resolve_payload
from .savepoint import UndoableSavepoint
from .share import Share
from .watchdog import Deadline

#: Successful attempts in one transaction; after these, the records left become a new chunk. Each is a savepoint that wrote, and
#: PostgreSQL slows all sessions down once one transaction has more than 64 of them. The rest is for the models' own savepoints.
SAVEPOINT_BUDGET = 24


@dataclass(slots=True)
class Records:
    """Records of one operation type, and how to run them."""

    operation_type: str
    model: str
    payload: Payload
    rollback: str = "record"
    strict: bool = False  # whether a warning is a failure, unless the operation sets it itself
    skips_unchanged: bool = False  # whether records that hold the values already are not written
    tracks_changes: bool = False  # whether to remember what changes, see `run/changes`
    timeout_s: float | None = None
    transaction: str | None = None  # PostgreSQL's number of the lane's transaction; None: it is the caller's transaction
    may_rest: bool = True  # whether records left over by a long isolation may become a new chunk
    keep_trying: bool = False  # whether each attempt has its own deadline, and a timeout fails the record: no lane tries the chunk again
    has_savepoint: bool = True  # whether each attempt has its own savepoint; if not, the chunk shares one with others
    share: Share | None = None  # of the records that a limit allows in a second; None: no limit of records
    in_order: bool = False  # whether the job runs strictly in order: operations that share the chunk run one by one


def run_chunk(env, records, references):
    """Apply an operation to the records of a chunk, as the user of `env`.

    Runs in the caller's transaction, and leaves commit and rollback to the caller.

    :param env: an environment of the job's user, with the operation's context
    :param Records records: what to run
    :param References references: resolves `$ref`s and dependencies
    :returns: the `Outcome`
    :raises Interruption: the whole attempt must be rolled back (conflict, timeout, connection lost)
    :raises NeedsSavepoint: a record failed, and `records.has_savepoint` is False
    :raises TransactionEnded: user code committed, and the chunk can't be settled in parts
    """
    return _ChunkRun(env, records, references).run()


def refusal(env):
    """Check the user's present rights, which may have changed since the submission.

    :param env: the user's environment
    :returns: the `Failure` of all records, or None if the user may run them
    :raises AccessError: the context names a company that the user has lost access to
    """
    user = env.user
    if env.su:
        return None
    if not env["res.users"]._is_batch_user_active(user.id):
        return failure(
            AccessError.__name__, env._("The user %s, who submitted the job, is archived.", user.sudo().login)
        )
    if not user.has_group("batch_executor.group_batch_user"):
        return failure(AccessError.__name__, env._("The user %s may no longer run batch jobs.", user.sudo().login))
    env.companies  # noqa: B018  # raises AccessError if the user has lost a company
    return None


class _ChunkRun:
    def __init__(self, env, records, references):
        self.env = env
        self.records = records
        self.references = references
        self.needs = references.needs(records.payload)
        self.released = 0  # attempts that succeeded
        self.committed = {}  # position -> failure, for the records of an attempt that committed by itself
        self.deadline = Deadline(records.timeout_s)
        self.approved = None  # what a plan has to say of these records
        self.deviations = {}  # position -> failure, for the records that do something else than planned, and go on until the chunk is rolled back

    def run(self):
        size = len(self.records.payload)
        try:
            if refusal := self._refusal():
                return Outcome.all_failed(size, refusal)
        except UserError as error:  # the user has lost access to a company of the context
            return Outcome.all_failed(size, failure_of(error, self.env, self.records.model))
        outcome = Outcome()
        handler_class = HANDLERS[self.records.operation_type]
        if handler_class.reads_first or self.needs is not None or PLAN in self.records.payload.params:
            with self._user_code() as code:
                handler = self._prepare(handler_class, outcome)
            if code.error:
                return Outcome.all_failed(size, code.error)
        else:
            handler = self._handler(handler_class)
        self._run_positions(handler, self._left(outcome), outcome)
        return outcome

    def _prepare(self, handler_class, outcome):
        """Resolve references and find the records that can't be run; returns the handler."""
        if self.needs is not None:
            outcome.failures, outcome.skipped = resolve_payload(
                self.records.payload, self.references, self.needs, self.env
            )
        handler = self._handler(handler_class)
        if handler.reads_first:
            outcome.failures.update(handler.prepare(self._left(outcome)))
        if PLAN in self.records.payload.params:
            self.approved = Approved(handler)
            outcome.failures.update(self.approved.gone_since(outcome.failures))
            outcome.failures.update(self.approved.changed_since(self._left(outcome)))
        if handler.fails_as_a_whole and self.records.payload.is_whole:
            self._fail_sets(outcome)
        return handler

    def _handler(self, handler_class):
        records = self.records
        return handler_class(
            self.env[records.model],
            records.payload,
            strict=records.strict,
            skips_unchanged=records.skips_unchanged,
            tracks_changes=records.tracks_changes,
            keeps_order=records.in_order,
        )

    def _fail_sets(self, outcome):
        """Fail all records of a set if one of them can't be run."""
        operations = self.records.payload.operations
        reasons = {}
        for position, reason in sorted(outcome.failures.items()):
            reasons.setdefault(operations[position], reason)
        for position, operation in enumerate(operations):
            if operation in reasons and position not in outcome.skipped:
                outcome.failures.setdefault(position, reasons[operation])

    def _left(self, outcome):
        """Positions without an outcome so far."""
        known = outcome.failures.keys() | outcome.skipped.keys()
        return [position for position in range(len(self.records.payload)) if position not in known]

    def _refusal(self):
        """The `Failure` if nothing of this chunk may run, else None."""
        return missing_model(self.env, self.records.model) or refusal(self.env)

    def _run_positions(self, handler, positions, outcome):
        """Run these positions. With `rollback="chunk"`, one failure rolls back all of them."""
        by_chunk = self.records.rollback == ROLLBACK_CHUNK
        if by_chunk and outcome.failures:
            self._roll_back_all(positions, outcome)
            return
        with self._savepoint_if(by_chunk) as savepoint:
            found = isolate(
                positions,
                lambda part: self._attempt(handler, part, outcome),
                self._stop,
                groups=self.records.payload.operations if handler.keeps_operations_apart else None,
                whole=self.records.payload.is_whole and handler.fails_as_a_whole,
                most=self.records.share.size if self.records.share else None,
            )
            failures = found.failures or self.deviations
            outcome.failures.update({**failures, **self.committed})
            outcome.rest = [position for position in found.rest if position not in self.committed]
            if by_chunk and failures:
                savepoint.rollback()
                outcome.rest = []
                self._roll_back_all([position for position in positions if position not in failures], outcome)

    def _roll_back_all(self, positions, outcome):
        outcome.ids.clear()
        outcome.warnings.clear()
        outcome.effects.clear()
        outcome.answers.clear()
        outcome.changes.clear()
        reason = outcome.first_error  # read before the others are added, so that it names the record that failed
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

    @property
    def _may_rest(self):
        return self.records.may_rest and self.records.rollback != ROLLBACK_CHUNK

    def _stop(self):
        return bool(self.committed) or (self._may_rest and self.released >= SAVEPOINT_BUDGET)

    def _attempt(self, handler, positions, outcome):
        """Run some positions together; returns None if all succeeded, else their `Failure`, `Suspects`, `Culprit` or `InParts`."""
        if self.records.in_order and len(ends := self._ends_of_operations(positions)) > 1:
            return InParts(ends)
        if ends := handler.ends_of_calls(positions):
            return InParts(ends)
        share = self.records.share
        with share.spent_on(len(positions)) if share else nullcontext(0.0) as waited_s:
            self.deadline.put_off(waited_s)
            return self._attempt_now(handler, positions, outcome)

    def _ends_of_operations(self, positions):
        """The last position of each operation."""
        operations = self.records.payload.operations
        return [position for position, behind in pairwise([*positions, None]) if behind is None or operations[behind] != operations[position]]

    def _attempt_now(self, handler, positions, outcome):
        values = handler.values(*positions) if len(positions) == 1 else None
        code = self._user_code(handler.hides_conflicts, values)
        try:
            with code:
                handler.begin(code.guard)
                ids = handler.apply(positions)
                if self.approved:
                    self._check_approved(positions)
        except TransactionEnded as error:
            if not self._may_rest or code.guard.is_closed:
                raise  # the outcomes of the others can't be settled in this transaction
            return self._fail_committed(positions, error)
        if code.error is None:
            self.released += 1
            outcome.ids.update(ids)
            outcome.warnings.update(handler.warnings)
            outcome.effects.update(handler.effects)
            outcome.answers.update(handler.answers)
            outcome.changes += handler.tracker.changes
        return code.error

    def _check_approved(self, positions):
        """Hold an attempt to the plan. With `rollback="chunk"`, a record that deviates fails only where none fails by itself: the plan has
        seen a chunk without changes where such a failure has undone it, and that is the cause to be told.
        """
        try:
            self.approved.check(positions)
        except ChangedSinceError as error:  # of one record
            if self.records.rollback != ROLLBACK_CHUNK:
                raise
            self.deviations.update(dict.fromkeys(positions, failure_of(error, self.env, self.records.model)))

    def _fail_committed(self, positions, error):
        """Fail the positions of an attempt whose code committed by itself: running them again might do the work twice.

        The outcomes of earlier attempts stay; the positions not run yet become a new chunk.
        """
        reason = failure(TransactionControlError.__name__, text_of(error))
        self.committed = dict.fromkeys(positions, reason)
        return reason

    def _user_code(self, hides_conflicts=False, values=None):
        return UserCode(
            self.env,
            self.records.model,
            Deadline(self.records.timeout_s) if self.records.keep_trying else self.deadline,
            transaction=self.records.transaction,
            hides_conflicts=hides_conflicts,
            values=values,
            timeout_fails=self.records.keep_trying,
            has_savepoint=self.records.has_savepoint,
        )
