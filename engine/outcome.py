"""What became of the records of one chunk."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Failure:
    """Why one record failed: for the user, and (traceback) for the manager."""

    error_type: str
    message: str
    traceback: str | None = None


@dataclass(slots=True)
class Outcome:
    """The outcome of one attempt, by position in the chunk's payload."""

    ids: dict[int, Any] = field(default_factory=dict)  # id of what succeeded (True where there is none)
    failures: dict[int, Failure] = field(default_factory=dict)
    skipped: dict[int, str] = field(default_factory=dict)  # not run, because of what they depend on
    rolled_back: set[int] = field(default_factory=set)  # undone with the whole job: failed, for another's failure
    note: str | None = None  # what to say of the chunk as a whole
    rest: list[int] = field(default_factory=list)  # not run yet: a chunk of their own
    found: list = field(default_factory=list)  # payloads (with group keys) of the chunks a selection yielded
    found_records: int = 0
    more: dict | None = None  # the selection's next page
    calls: int = 0

    @classmethod
    def all_failed(cls, size: int, failure: Failure) -> "Outcome":
        return cls(failures=dict.fromkeys(range(size), failure))

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
