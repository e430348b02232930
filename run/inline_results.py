"""The results of operations that `execute` runs, kept in memory; those of a stored job are in tables."""

import time

from odoo import fields

from ..engine import report, states
from ..engine.change import change_entry
from ..engine.effects import EFFECT_COLUMNS
from ..engine.operation import CREATE, LOAD
from ..engine.operations import PRODUCES_IDS
from ..engine.progress import progress
from ..engine.row_numbers import ROWS, number_at
from ..engine.tally import FAILED, OperationTally


class InlineResults:
    """The results of all operations of one `execute` call.

    :param env: the user's environment
    :param operations: parsed `Operation`s
    :param bool tracks_changes: whether the answer tells what has changed
    """

    def __init__(self, env, operations, tracks_changes=False):
        self.env = env
        self.changes = [] if tracks_changes else None  # as the API shows them
        self.by_position = {operation.position: OperationResult(operation) for operation in operations}
        self.by_name = {operation.operation_id: self.by_position[operation.position] for operation in operations}
        self.started_at = fields.Datetime.now()
        self.clock = time.monotonic()
        self.error = None  # message about the call as a whole, for users

    @property
    def unfinished(self):
        """Names of the operations that have not completed."""
        return [name for name, result in self.by_name.items() if result.state != states.COMPLETED]

    def name_of(self, chunk):
        """The name of the (first) operation of a chunk."""
        return self.by_position[chunk.payload.operations[0]].operation.operation_id

    # -- read by later chunks: see `References` ----------------------------------------------------

    def needs(self, payload):
        """As `StoredResults.needs`."""
        involved = {position: self.by_position[position].operation for position in set(payload.operations)}
        if not any(operation.depends_on or operation.refs for operation in involved.values()):
            return None
        return {position: [*operation.depends_on, *operation.whole_refs] for position, operation in involved.items()}

    def produced(self, wanted):
        """As `StoredResults.produced`."""
        return {
            name: (result.state, result.ids if places is None else dict(enumerate(result.ids)))
            for name, places in wanted.items()
            for result in [self.by_name[name]]
        }

    # -- outcomes of chunks ------------------------------------------------------------------------

    def add(self, chunk, outcome, duration):
        """Add the outcome of a chunk.

        :param chunk: the `ChunkPlan`
        :param outcome: its `Outcome`
        :param float duration: seconds it took
        """
        payload = chunk.payload
        if chunk.kind == states.RESOLVE:
            result = self.by_position[payload.operations[0]]
            result.is_open = outcome.more is not None
            result.tally.record_count += outcome.found_records
        share = duration / len(payload) if len(payload) else 0.0
        for position, operation in enumerate(payload.operations):
            self.by_position[operation].add(payload, outcome, position, share)
        for change in outcome.changes:
            operation = self.by_position[payload.operations[change.position]].operation
            self.changes.append(change_entry(operation.operation_id, payload.indexes[change.position], operation.model, change))

    def cancel_rest(self):
        """Count all records that have not run as cancelled."""
        for result in self.by_position.values():
            result.cancel_rest()

    def undo(self, is_dry_run, reason):
        """Report that everything was rolled back: see `Chunks.undo`."""
        for result in self.by_position.values():
            result.undo(is_dry_run, reason)
        if self.changes and not is_dry_run:
            self.changes = []

    # -- answers -----------------------------------------------------------------------------------

    def status(self, state=states.RUNNING, finished_at=None):
        """The status object.

        :param str state: state of the whole
        :param datetime finished_at: None while it runs
        """
        ended = [result.state for result in self.by_position.values() if result.state in states.OPERATION_FINAL]
        tallies = [result.tally for result in self.by_position.values()]
        counts = {
            "total_operations": len(tallies),
            "completed_operations": ended.count(states.COMPLETED),
            "failed_operations": sum(state in states.OPERATION_FAILED for state in ended),
            "total_records": sum(tally.record_count for tally in tallies),
            "processed_records": sum(tally.processed for tally in tallies),
            "failed_records": sum(tally.failed for tally in tallies),
            "cancelled_records": sum(tally.cancelled for tally in tallies),
            **_added_up([tally.effect_counts for tally in tallies]),
            "warnings": sum(tally.warnings for tally in tallies),
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

    def answer(self):
        """The result object."""
        tallies = [result.tally for result in self.by_position.values()]
        state = states.job_state(
            total=sum(tally.record_count for tally in tallies),
            processed=sum(tally.processed for tally in tallies),
            failed=sum(tally.failed for tally in tallies),
            cancelled=False,
        )
        results = [result.entry() for _position, result in sorted(self.by_position.items())]
        answer = {**self.status(state, fields.Datetime.now()), "results": results, "next_offset": False}
        return answer if self.changes is None else {**answer, "changes": self.changes}


def _added_up(counts):
    """The sums of several counts of effects, by column."""
    return {column: sum(count[column] for count in counts) for column in EFFECT_COLUMNS}


class OperationResult:
    """The result of one operation so far.

    :param operation: the parsed `Operation`
    """

    def __init__(self, operation):
        self.operation = operation
        self.tally = OperationTally(operation.record_count, operation.data_length)
        self.is_open = operation.selection is not None  # its records have not all been found
        self.failures = []
        self.warnings = []
        self.undo_reason = None
        self.duration = 0.0

    @property
    def ids(self):
        """Ids aligned with the operation's data; False where none was produced."""
        return self.tally.ids or [False] * self.operation.data_length

    @property
    def state(self):
        """State of the operation."""
        return states.PENDING if self.is_open else self.tally.state

    def add(self, payload, outcome, position, duration):
        """Add the outcome of the record at one position of a chunk.

        :param payload: the `Payload` of the chunk
        :param outcome: the `Outcome` of the chunk
        :param int position: position in the payload
        :param float duration: seconds, this record's share
        """
        self.duration += duration
        index = payload.indexes[position]
        for warned in outcome.warnings.get(position, ()):
            record_id = outcome.record_id(self.operation.type, payload, position) or False
            entry = {
                "index": index,
                "record_id": record_id,
                "warning_type": warned.warning_type,
                "message": warned.message,
            }
            self.warnings.append(report.finding(entry, self._row(index)))
        if self.tally.add(outcome, position, index) == FAILED:
            self._add_failure(index, payload.items[position], outcome.failures[position])

    def _add_failure(self, index, item, reason):
        record_id = item[0] if isinstance(item, list) and self.operation.type != LOAD else item
        entry = {
            "index": index,
            "record_id": record_id if self.operation.type != CREATE and record_id.__class__ is int else False,
            "error_type": reason.error_type,
            "error": reason.message,
            "attempts": 1,
        }
        self.failures.append(report.finding(entry, self._row(index)))

    def _row(self, index):
        """The number of a record's row in its file, or None."""
        return number_at(self.operation.params.get(ROWS), index)

    def cancel_rest(self):
        """Count the records that have not run as cancelled; a page of a selection that has not run counts as one."""
        self.tally.record_count += self.is_open
        self.is_open = False
        self.tally.cancel_rest()

    def undo(self, is_dry_run, reason):
        """Report that everything was rolled back: records that were made no longer exist. Ids stay aligned with the data.

        :param bool is_dry_run: see `Chunks.undo`
        :param str reason: see `Chunks.undo`
        """
        if self.operation.type in PRODUCES_IDS:
            for warning in self.warnings:
                warning["record_id"] = False
        self.tally.undo(is_dry_run)
        if not is_dry_run:
            self.undo_reason = reason

    def entry(self):
        """The operation's entry in the result object."""
        operation, tally = self.operation, self.tally
        return report.operation_entry(
            {
                "operation_id": operation.operation_id,
                "operation_type": operation.type,
                "model": operation.model,
                "state": self.state,
                "record_count": tally.record_count,
                "processed_records": tally.processed,
                "failed_records": tally.failed,
                "cancelled_records": tally.cancelled,
                **tally.effect_counts,
                "warning_count": tally.warnings,
                "return_ids": operation.return_ids,
                "has_answer": not operation.params.keys().isdisjoint(report.ANSWERED),
                "duration": self.duration,
                "error": tally.error or tally.skip_reason or self.undo_reason,
            },
            self.ids,
            self.failures[: report.FAILURES_SHOWN],
            self.warnings[: report.WARNINGS_SHOWN],
        )
