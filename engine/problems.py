"""What is wrong with a submission, collected so that the caller hears everything at once."""

from dataclasses import dataclass

#: Problems spelled out in the message itself; the rest are counted.
SPELLED_OUT = 20
#: Problems kept at all: an answer to half a million broken records must stay an answer.
KEPT = 1000


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend: where it stands, and what is wrong there."""

    operation: int | bool  # position in the submission; False: the submission itself
    record: int | bool  # position in the operation's data; False: the operation itself
    key: str | bool  # the operation's key or the option
    message: str

    def as_dict(self) -> dict:
        return {"operation": self.operation, "record": self.record, "key": self.key, "message": self.message}

    def __str__(self):
        place = []
        if self.operation is not False:
            place.append(f"operation {self.operation}")
        if self.record is not False:
            place.append(f"record {self.record}")
        if self.key:
            place.append(str(self.key))
        return f"{', '.join(place)}: {self.message}" if place else self.message


class Problems:
    """Collects problems; truthy once there is one."""

    def __init__(self):
        self.kept: list[Problem] = []
        self.count = 0

    def add(self, message, operation=False, record=False, key=False):
        """Note one problem; `operation`, `record` and `key` say where (False: nowhere in particular)."""
        self.count += 1
        if len(self.kept) < KEPT:
            self.kept.append(Problem(operation, record, key, message))

    def __bool__(self):
        return self.count > 0

    def as_dicts(self) -> list[dict]:
        return [problem.as_dict() for problem in self.kept]

    def lines(self) -> list[str]:
        """The problems a person reads, at most `SPELLED_OUT`, each on a line."""
        return [str(problem) for problem in self.kept[:SPELLED_OUT]]
