"""The outcome of one attempt at a chunk, record by record."""

from dataclasses import dataclass, field
from typing import Any

from .change import Change
from .effects import EFFECT_COLUMNS, count_effects
from .operations import PRODUCES_IDS
from .payload import Payload, named_id

#: What became of a failed record that was run again.
RETRY_SUCCEEDED, RETRY_FAILED, RETRY_SKIPPED, RETRY_UNDONE = "succeeded", "failed", "skipped", "undone"
#: Types of warnings: a method has returned an action for a person; Odoo's import has remarked something.
ACTION_RETURNED, IMPORT_WARNING = "ActionReturned", "ImportWarning"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why one record failed: the message is for its user, the traceback for managers."""

    error_type: str
    message: str
    traceback: str | None = None


@dataclass(frozen=True, slots=True)
class Warned:
    """A warning that Odoo returned for a record without raising."""

    warning_type: str
    message: str


@dataclass(slots=True)
class Outcome:
    """The outcome of one attempt; keys are positions in the chunk's payload."""

    ids: dict[int, Any] = field(default_factory=dict)  # of records that succeeded (True: without an id)
    answers: dict[int, Any] = field(default_factory=dict)  # return value of a call, at its operation's first position
    failures: dict[int, Failure] = field(default_factory=dict)
    skipped: dict[int, str] = field(default_factory=dict)  # why: not run because of what they depend on
    warnings: dict[int, list[Warned]] = field(default_factory=dict)  # of records that succeeded, even if the job was undone
    effects: dict[int, str] = field(default_factory=dict)  # of records that succeeded: created, updated, unchanged or deleted
    changes: list[Change] = field(default_factory=list)  # of records that succeeded, if they are tracked
    rolled_back: set[int] = field(default_factory=set)  # undone or not run because others failed: count as failed
    good: int = 0  # succeeded records of an undone selection, not in `ids`
    undone: int = 0  # rolled back records of an undone selection, not in `rolled_back`
    good_effects: dict[str, int] = field(default_factory=dict)  # of `good`: their number by column
    unrun: int = 0  # found records of an undone selection that never ran: count as cancelled
    note: str | None = None  # error of the chunk as a whole, for people
    rest: list[int] = field(default_factory=list)  # positions that have not run: they become a chunk of their own
    found: list = field(default_factory=list)  # `(payload, group keys)` of the chunks that a selection has found
    found_records: int = 0
    more: dict | None = None  # the selection's next page

    @classmethod
    def all_failed(cls, size: int, failure: Failure) -> "Outcome":
        """All of a chunk's `size` records failed for the same reason."""
        return cls(failures=dict.fromkeys(range(size), failure))

    @property
    def warning_count(self) -> int:
        """Number of warnings of all records."""
        return sum(map(len, self.warnings.values()))

    @property
    def effect_counts(self) -> dict[str, int]:
        """Number of records of each effect, by column."""
        counts = count_effects(self.effects.values())
        return {column: counts[column] + self.good_effects.get(column, 0) for column in EFFECT_COLUMNS}

    def record_id(self, operation_type: str, payload: Payload, position: int) -> int | None:
        """Id of the record created at a position, or named by its item; None where there is none."""
        return named_id(self.ids.get(position) if operation_type in PRODUCES_IDS else payload.items[position])

    @property
    def is_clean(self) -> bool:
        """Whether all records have run and succeeded."""
        return not (self.failures or self.skipped or self.rest)

    @property
    def is_plain(self) -> bool:
        """Whether all records have succeeded, and there is nothing to tell but their ids."""
        return self.is_clean and not (self.rolled_back or self.answers or self.warnings or self.note)

    @property
    def first_error(self) -> str | None:
        """The note, or else the message of the first failed record."""
        if self.note:
            return self.note
        if self.failures:
            return self.failures[min(self.failures)].message
        return None

    @property
    def skip_reason(self) -> str | None:
        """Why the first skipped record was skipped; None where none was."""
        return self.skipped[min(self.skipped)] if self.skipped else None


def retry_outcome(outcome: Outcome, position: int) -> str:
    """What became of the record at a position, if it was run again: one of the `RETRY_` constants."""
    if position in outcome.failures:
        return RETRY_FAILED
    if position in outcome.skipped:
        return RETRY_SKIPPED
    return RETRY_UNDONE if position in outcome.rolled_back else RETRY_SUCCEEDED
