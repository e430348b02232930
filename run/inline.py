"""Run operations at once, in the caller's transaction: the same planner, runner and answers, with memory for tables."""

import time

from odoo import fields

from ..engine import report, states
from ..engine.options import ROLLBACK_JOB
from ..engine.planner import ADAPTIVE_BLOCK
from ..engine.progress import progress
from ..engine.spec import CREATE, PRODUCES_IDS, UPSERT
from ..exceptions import BatchExecutionError, TransactionEnded
from .errors import Trouble
from .references import References
from .runner import Work, run_chunk
from .savepoint import UndoableSavepoint
from .selection import select_inline
from .settings import get_setting
from .upsert_lock import lock_inline


def execute(env, operations, plans, options, progress_callback=None):
    """Run parsed operations in the chunks planned for them; returns the result object.

    Chunks run one after the other, each in savepoints; nothing is committed. A conflict with another transaction can't be
    cured inside this one: it is raised, so that the caller's own retry (every RPC call has one) can do its work.

    :param progress_callback: called with `{"completed", "total", "percentage", "stats"}` after every chunk
    """
    return _InlineRun(env, operations, plans, options, progress_callback).run()


class _Record:
    """What is known of one operation so far."""

    def __init__(self, operation):
        self.operation = operation
        self.count = operation.record_count
        self.processed = self.failed = self.cancelled = 0
        self.skipped = False
        self.open = operation.selection is not None
        self.ids = [False] * operation.data_length
        self.failures = []
        self.warnings = []
        self.error = None
        self.duration = 0.0

    def forget_ids(self):
        """What it made exists no longer; the answer stays aligned with the data."""
        if self.operation.type in PRODUCES_IDS:
            for warning in self.warnings:
                warning["record_id"] = False
        self.ids = [False] * self.operation.data_length

    def warn(self, index, record_id, warned):
        self.warnings.append(
            {
                "index": index,
                "record_id": record_id,
                "warning_type": warned.warning_type,
                "message": warned.message,
            }
        )

    @property
    def state(self):
        if self.open:
            return states.PENDING
        state = states.operation_state(self.count, self.processed, self.failed, self.cancelled)
        return states.SKIPPED if self.skipped and state == states.CANCELLED else state

    def entry(self):
        operation = self.operation
        return report.operation_entry(
            {
                "operation_id": operation.operation_id,
                "operation_type": operation.type,
                "model": operation.model,
                "state": self.state,
                "record_count": self.count,
                "processed_records": self.processed,
                "failed_records": self.failed,
                "cancelled_records": self.cancelled,
                "warning_count": len(self.warnings),
                "return_ids": operation.return_ids,
                "has_answer": not operation.params.keys().isdisjoint(report.ANSWERED),
                "duration": self.duration,
                "error": self.error,
            },
            self.ids,
            self.failures[: report.FAILURES_SHOWN],
            self.warnings[: report.WARNINGS_SHOWN],
        )


class _InlineRun:
    def __init__(self, env, operations, plans, options, progress_callback):
        # user work never runs with more rights than the user has, not even where the caller has gone sudo
        self.env = env(su=False)
        self.plans = plans
        self.options = options
        self.progress_callback = progress_callback
        self.records = {operation.position: _Record(operation) for operation in operations}
        self.names = {operation.operation_id: self.records[operation.position] for operation in operations}
        self.started_at = fields.Datetime.now()
        self.clock = time.monotonic()
        self.error = None

    def run(self):
        with UndoableSavepoint(self.env) as savepoint:
            try:
                self._run_chunks()
            except Trouble as trouble:
                if isinstance(trouble.__cause__, Exception):
                    raise trouble.__cause__ from None
                raise self._execution_error(trouble) from trouble
            except TransactionEnded as error:
                raise self._execution_error(error) from error
            if self.options.dry_run or (self.options.rollback == ROLLBACK_JOB and self._total("failed")):
                savepoint.rollback()
                self._undo()
        return self._result()

    def _execution_error(self, error):
        unfinished = [name for name, record in self.names.items() if record.state != states.COMPLETED]
        return BatchExecutionError(str(error), unfinished, self._result())

    def _run_chunks(self):
        for chunk in sorted(self.plans, key=lambda chunk: chunk.level):
            if self._must_stop():
                self._cancel_rest()
                return
            if chunk.kind == states.RESOLVE:
                self._run_selection(chunk)
            else:
                self._run(chunk, chunk.payload)

    def _run_selection(self, chunk):
        """Find the records, then run them chunk by chunk."""
        record = self.records[chunk.payload.operations[0]]
        record.open = False
        needs = self._needs(chunk.payload) or {}
        size = self.options.max_chunk_size or ADAPTIVE_BLOCK
        outcome = select_inline(
            self._env(chunk.payload), chunk, self._references(), needs, size, self.options.timeout
        )
        record.count += outcome.found_records
        self._note(chunk.payload, outcome, 0.0)
        limit = get_setting(self.env, "execute_limit")
        if outcome.found_records > limit:
            raise Trouble(
                "limit",
                self.env._(
                    "The selection of %(name)s finds %(count)s records, more than the %(limit)s that may run at once: use submit.",
                    name=record.operation.operation_id,
                    count=outcome.found_records,
                    limit=limit,
                ),
            )
        for payload, _keys in outcome.found:
            self._run(chunk, payload)

    def _run(self, chunk, payload):
        started = time.monotonic()
        work = Work(
            chunk.operation_type,
            chunk.model,
            payload,
            rollback=self.options.rollback,
            strict=self.options.strict,
            timeout_s=self.options.timeout,
            needs=self._needs(payload),
            may_rest=False,
            keep_trying=True,
        )
        if chunk.operation_type == UPSERT and work.needs is None:
            lock_inline(self._env(payload), chunk.model, payload, self.options.timeout)
        outcome = run_chunk(self._env(payload), work, self._references())
        self._note(payload, outcome, time.monotonic() - started)
        if self.progress_callback:
            status = self._status()
            self.progress_callback({key: status[key] for key in ("completed", "total", "percentage", "stats")})

    def _env(self, payload):
        return self.env(context={**self.env.context, **payload.context})

    def _references(self):
        return References(self._produced)

    def _produced(self, wanted):
        """As of stored operations: `batch.operation._produced`."""
        return {
            name: (record.state, record.ids if places is None else dict(enumerate(record.ids)))
            for name, places in wanted.items()
            for record in [self.names[name]]
        }

    def _needs(self, payload):
        """As of stored operations: None where nothing in the chunk refers to others."""
        involved = {position: self.records[position].operation for position in set(payload.operations)}
        if not any(operation.depends_on or operation.refs for operation in involved.values()):
            return None
        return {position: [*operation.depends_on, *operation.whole_refs] for position, operation in involved.items()}

    def _note(self, payload, outcome, duration):
        share = duration / len(payload) if len(payload) else 0.0
        for position, operation in enumerate(payload.operations):
            record = self.records[operation]
            record.duration += share
            index = payload.indexes[position]
            for warned in outcome.warnings.get(position, ()):
                record_id = outcome.record_id(record.operation.type, payload, position) or False
                record.warn(index, record_id, warned)
            if position in outcome.ids:
                record.processed += 1
                if position in outcome.answers:
                    record.ids = [outcome.answers[position]]
                elif outcome.ids[position] is not True and record.ids:
                    record.ids[index] = outcome.ids[position]
            elif position in outcome.failures:
                record.failed += 1
                self._fail(record, index, payload.items[position], outcome.failures[position])
            elif position in outcome.skipped:
                record.cancelled += 1
                record.skipped = True
                record.error = record.error or outcome.skipped[position]

    def _fail(self, record, index, item, reason):
        record.error = record.error or reason.message
        kind = record.operation.type
        record_id = item[0] if isinstance(item, list) and kind != "load" else item
        record.failures.append(
            {
                "index": index,
                "record_id": record_id if kind != CREATE and record_id.__class__ is int else False,
                "error_type": reason.error_type,
                "error": reason.message,
                "attempts": 1,
            }
        )

    def _must_stop(self):
        limit = self.options.max_failures
        if limit is None or self._total("failed") <= limit:
            return False
        self.error = self.env._(
            "Stopped: %(failed)s records failed, more than the %(limit)s allowed.",
            failed=self._total("failed"),
            limit=limit,
        )
        return True

    def _cancel_rest(self):
        for record in self.records.values():
            record.open = False
            record.cancelled = record.count - record.processed - record.failed

    def _undo(self):
        """Everything was rolled back: as it was meant to be, or because something failed."""
        for record in self.records.values():
            record.forget_ids()
            if not self.options.dry_run:
                record.failed, record.processed = record.failed + record.processed, 0
                record.error = record.error or self.env._("Rolled back, because records of other operations failed.")
        if not self.options.dry_run:
            first = next(record for record in self.records.values() if record.failures)
            self.error = self.env._(
                "Everything was rolled back, because %(count)s records failed. The first: %(message)s",
                count=sum(len(record.failures) for record in self.records.values()),
                message=first.failures[0]["error"],
            )

    # -- answers -----------------------------------------------------------------------------------

    def _total(self, name):
        return sum(getattr(record, name) for record in self.records.values())

    def _status(self, state=states.RUNNING, finished_at=None):
        ended = [record.state for record in self.records.values() if record.state in states.OPERATION_FINAL]
        completed = ended.count(states.COMPLETED)
        counts = {
            "total_operations": len(self.records),
            "completed_operations": completed,
            "failed_operations": sum(state in states.OPERATION_FAILED for state in ended),
            "total_records": self._total("count"),
            "processed_records": self._total("processed"),
            "failed_records": self._total("failed"),
            "cancelled_records": self._total("cancelled"),
            "warnings": sum(len(record.warnings) for record in self.records.values()),
        }
        return report.status(
            counts=counts,
            progress=progress(counts, state, max(time.monotonic() - self.clock, 0.001)),
            state=state,
            started_at=self.started_at,
            created_at=self.started_at,
            finished_at=finished_at,
            error=self.error,
        )

    def _result(self):
        state = states.job_state(
            total=self._total("count"),
            processed=self._total("processed"),
            failed=self._total("failed"),
            cancelled=False,
        )
        results = [record.entry() for _position, record in sorted(self.records.items())]
        return {**self._status(state, fields.Datetime.now()), "results": results, "next_offset": False}
