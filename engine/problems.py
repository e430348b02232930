"""Problems of a submission, collected so that the caller gets all of them at once."""

import re
from dataclasses import dataclass, replace

#: Problems listed in the error message; the rest are only counted.
SPELLED_OUT = 20
#: Problems kept: the answer to half a million broken records must stay small.
KEPT = 1000
#: Characters kept of a message and of its key, which may quote long values of the caller.
MESSAGE_LENGTH, KEY_LENGTH = 1000, 100
#: What JSON or XML can't represent: lone surrogates, control characters, noncharacters.
UNSAYABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


def sayable(text: object, limit: int = MESSAGE_LENGTH) -> str:
    """A text cut to `limit` characters, with escapes for characters that JSON or XML can't represent."""
    text = str(text)
    if len(text) > limit:
        text = f"{text[:limit]}…"
    return carriable(text)


def carriable(text: str) -> str:
    """The text with escapes for characters that JSON or XML can't represent."""
    return UNSAYABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem: where it is, and what is wrong."""

    operation: int | bool  # position in the submission; False: the submission itself
    record: int | bool  # position in the operation's data; False: the operation itself
    key: str | bool  # the operation's key or the option
    message: str
    row: int | bool = False  # number in the file that was sent, from 1; False: not of a row, or no file was sent

    def as_dict(self) -> dict:
        """The problem as the API returns it."""
        found = {"operation": self.operation, "record": self.record, "key": self.key, "message": self.message}
        return {**found, "row": self.row} if self.row else found

    def __str__(self):
        place = []
        if self.row:
            place.append(f"row {self.row}")
        if self.operation is not False:
            place.append(f"operation {self.operation}")
        if self.record is not False:
            place.append(f"record {self.record}")
        if self.key:
            place.append(str(self.key))
        return f"{', '.join(place)}: {self.message}" if place else self.message


class Problems:
    """Collects problems; true once there is one. `count` includes those that are not kept."""

    def __init__(self):
        self.kept: list[Problem] = []
        self.count = 0

    def add(self, message, operation=False, record=False, key=False, row=False):
        """Add one problem; `operation`, `record`, `key` and `row` say where it is, as in `Problem`."""
        self.count += 1
        if len(self.kept) < KEPT:
            key = key and sayable(key, KEY_LENGTH)
            self.kept.append(Problem(operation, record, key, sayable(message), row))

    def extend(self, others):
        """Add the problems of another collection."""
        self.kept += others.kept[: KEPT - len(self.kept)]
        self.count += others.count

    def name_keys(self, names):
        """Give keys other names, as those which people see in a form.

        :param dict names: by key; the others stay
        """
        self.kept = [replace(problem, key=names.get(problem.key, problem.key)) for problem in self.kept]

    def sort_by_row(self):
        """Put the kept problems into the order of the file; those of no row come first."""
        self.kept.sort(key=lambda problem: problem.row)

    def __bool__(self):
        return self.count > 0

    def as_dicts(self) -> list[dict]:
        """The kept problems as the API returns them."""
        return [problem.as_dict() for problem in self.kept]

    def lines(self) -> list[str]:
        """The first `SPELLED_OUT` problems for people, one line each."""
        return [str(problem) for problem in self.kept[:SPELLED_OUT]]
