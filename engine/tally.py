"""What an outcome comes to in numbers: one rule for chunks, for operations and for inline runs.

=====================================  ===================
what became of a record                counter it adds to
=====================================  ===================
it succeeded                           processed
it failed                              failed
it was undone because others failed    failed
it was skipped for what it depends on  cancelled
=====================================  ===================

A selection's page that could not be read stands for one record, found and failed, skipped or cancelled.
"""

from dataclasses import dataclass
from typing import Any

from . import states
from .outcome import Outcome

#: The counters of a chunk, an operation and a job are called by these names, followed by `_records`.
PROCESSED, FAILED, CANCELLED = "processed", "failed", "cancelled"


def counter_of(outcome: Outcome, position: int) -> str | None:
    """The counter that the record at a position adds to; None where nothing is known of it."""
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
        CANCELLED: len(outcome.skipped),
    }


@dataclass(slots=True)
class OperationTally:
    """What the records of one operation have come to so far."""

    record_count: int
    data_length: int
    processed: int = 0
    failed: int = 0
    cancelled: int = 0
    warnings: int = 0
    ids: list | None = None  # aligned with the operation's data, False where there is none; None: it has produced none
    error: str | None = None  # of the first record that failed
    skip_reason: str | None = None  # of the first record that was skipped

    def add(self, outcome: Outcome, position: int, index: int) -> str | None:
        """Count one record of a chunk.

        :param position: its place in the chunk
        :param index: its place in the operation's data
        :returns: the counter it was added to
        """
        self.warnings += len(outcome.warnings.get(position, ()))
        counter = counter_of(outcome, position)
        if counter == PROCESSED:
            self.processed += 1
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
        """All its effects were undone with those of its job: nothing it made exists, and what had succeeded has failed.

        :param is_dry_run: that was meant to be: what would have succeeded counts as that
        """
        self.ids = None
        if not is_dry_run:
            self.failed, self.processed = self.failed + self.processed, 0

    def cancel_rest(self) -> None:
        """What has not run never will."""
        self.cancelled = self.record_count - self.processed - self.failed

    def _keep(self, outcome: Outcome, position: int, index: int) -> None:
        """Keep the id of a record that succeeded, or what its method returned."""
        value: Any = outcome.ids[position]
        if position in outcome.answers:
            value, index = outcome.answers[position], 0
        elif value is True or not self.data_length:  # it has no id, or no place for one
            return
        self.ids = self.ids or [False] * self.data_length
        self.ids[index] = value

    @property
    def state(self) -> str:
        return states.counted_state(
            self.record_count, self.processed, self.failed, self.cancelled, False, self.skip_reason is not None
        )
