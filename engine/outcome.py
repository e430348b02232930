"""What became of the records of one chunk."""

from dataclasses import dataclass, field
from typing import Any

from .operations import PRODUCES_IDS
from .payload import Payload, named_id


@dataclass(frozen=True, slots=True)
class Failure:
    """Why one record failed: for the user, and (traceback) for the manager."""

    error_type: str
    message: str
    traceback: str | None = None


@dataclass(frozen=True, slots=True)
class Warned:
    """What Odoo said of a record without raising."""

    warning_type: str
    message: str


@dataclass(slots=True)
class Outcome:
    """The outcome of one attempt, by position in the chunk's payload."""

    ids: dict[int, Any] = field(default_factory=dict)  # id of what succeeded (True where there is none)
    answers: dict[int, Any] = field(default_factory=dict)  # what a method returned, at its operation's first position
    failures: dict[int, Failure] = field(default_factory=dict)
    skipped: dict[int, str] = field(default_factory=dict)  # not run, because of what they depend on
    warnings: dict[int, list[Warned]] = field(default_factory=dict)  # of what was run and stood, or was undone as a whole
    rolled_back: set[int] = field(default_factory=set)  # undone with the whole job: failed, for another's failure
    good: int = 0  # records of an undone selection that went well, beside those above
    undone: int = 0  # records of an undone selection that were undone with the whole job, beside those above
    note: str | None = None  # what to say of the chunk as a whole
    rest: list[int] = field(default_factory=list)  # not run yet: a chunk of their own
    found: list = field(default_factory=list)  # payloads (with group keys) of the chunks a selection yielded
    found_records: int = 0
    more: dict | None = None  # the selection's next page

    @classmethod
    def all_failed(cls, size: int, failure: Failure) -> "Outcome":
        return cls(failures=dict.fromkeys(range(size), failure))

    @property
    def warning_count(self) -> int:
        return sum(map(len, self.warnings.values()))

    def record_id(self, operation_type: str, payload: Payload, position: int) -> int | None:
        """Id of the record that was made at a position, or that its item names; None where there is none."""
        return named_id(self.ids.get(position) if operation_type in PRODUCES_IDS else payload.items[position])

    @property
    def is_clean(self) -> bool:
        """Whether all of the chunk was run, and went well."""
        return not (self.failures or self.skipped or self.rest)

    @property
    def first_error(self) -> str | None:
        if self.note:
            return self.note
        if self.failures:
            return self.failures[min(self.failures)].message
        return None

    @property
    def skip_reason(self) -> str | None:
        return self.skipped[min(self.skipped)] if self.skipped else None
