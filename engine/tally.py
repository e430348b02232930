"""Counts the records of an outcome: one rule for chunks, operations and inline runs.

=====================================  ===================
outcome of a record                    counter it adds to
=====================================  ===================
it succeeded                           processed
it failed                              failed
it was undone because others failed    failed
it was skipped for what it depends on  cancelled
=====================================  ===================

A page of a selection that failed, was skipped or was cancelled counts as one record.
"""

from dataclasses import dataclass, field
from typing import Any

from . import states
from .effects import count_effects
from .outcome import Outcome

#: Names of the counters; the columns of chunks, operations and jobs have the suffix `_records`.
PROCESSED, FAILED, CANCELLED = "processed", "failed", "cancelled"


def counter_of(outcome: Outcome, position: int) -> str | None:
    """The counter that the record at a position adds to; None where it has no outcome."""
    if position in outcome.ids:
        return PROCESSED
    if position in outcome.failures or position in outcome.rolled_back:
        return FAILED
    return CANCELLED if position in outcome.skipped else None


def count_records(outcome: Outcome) -> dict[str, int]:
    """How many records of a chunk add to each counter."""
    return {
        PROCESSED: len(outcome.ids) + outcome.good,
        FAILED: len(outcome.failures) + len(outcome.rolled_back) + outcome.undone,
        CANCELLED: len(outcome.skipped) + outcome.unrun,
    }


@dataclass(slots=True)
class OperationTally:
    """The counters and results of one operation so far."""

    record_count: int
    data_length: int
    processed: int = 0
    failed: int = 0
    cancelled: int = 0
    warnings: int = 0
    effects: dict[int, str] = field(default_factory=dict)  # by place in the data
    ids: list | None = None  # aligned with the operation's data, False where there is none; None: no ids yet
    error: str | None = None  # of the first record that failed
    skip_reason: str | None = None  # of the first record that was skipped

    def add(self, outcome: Outcome, position: int, index: int) -> str | None:
        """Count one record of a chunk.

        :param outcome: of the chunk
        :param position: its place in the chunk
        :param index: its place in the operation's data
        :returns: the counter it was added to, or None, as `counter_of`
        """
        self.warnings += len(outcome.warnings.get(position, ()))
        counter = counter_of(outcome, position)
        if counter == PROCESSED:
            self.processed += 1
            if position in outcome.effects:
                self.effects[index] = outcome.effects[position]
            self._keep(outcome, position, index)
        elif counter == FAILED:
            self.failed += 1
            if position in outcome.failures:
                self.error = self.error or outcome.failures[position].message
        elif counter == CANCELLED:
            self.cancelled += 1
            self.skip_reason = self.skip_reason or outcome.skipped[position]
        return counter

    def undo(self, is_dry_run: bool) -> None:
        """The whole job was rolled back: drop the ids, and count records that had succeeded as failed.

        :param is_dry_run: the rollback was intended: records that had succeeded count as processed
        """
        self.ids = None
        if not is_dry_run:
            self.effects = {}
            self.failed, self.processed = self.failed + self.processed, 0

    @property
    def effect_counts(self) -> dict[str, int]:
        """Number of records of each effect, by column."""
        return count_effects(self.effects.values())

    def cancel_rest(self) -> None:
        """Count all records that have not run as cancelled."""
        self.cancelled = self.record_count - self.processed - self.failed

    def _keep(self, outcome: Outcome, position: int, index: int) -> None:
        """Keep the id of a record that succeeded, or the return value of its method."""
        value: Any = outcome.ids[position]
        if position in outcome.answers:
            value, index = outcome.answers[position], 0
        elif value is True or not self.data_length:  # the record has no id, or the operation no places
            return
        self.ids = self.ids or [False] * self.data_length
        self.ids[index] = value

    @property
    def state(self) -> str:
        """State of the operation by its counters."""
        return states.counted_state(
            self.record_count, self.processed, self.failed, self.cancelled, False, self.skip_reason is not None
        )
