"""What is wrong with a submission, collected so that the caller hears everything at once."""

import re
from dataclasses import dataclass

#: Problems spelled out in the message itself; the rest are counted.
SPELLED_OUT = 20
#: Problems kept at all: an answer to half a million broken records must stay an answer.
KEPT = 1000
#: Characters of a message, and of the key it is about: what a caller sent by mistake need not come back whole.
MESSAGE_LENGTH, KEY_LENGTH = 1000, 100
#: What JSON or XML can't carry: lone surrogates, control characters, what is no character.
UNSAYABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


def sayable(text: object, limit: int = MESSAGE_LENGTH) -> str:
    """A text that any answer can carry: of bounded length, with escapes for what JSON and XML have no form for."""
    text = str(text)
    if len(text) > limit:
        text = f"{text[:limit]}…"
    return carriable(text)


def carriable(text: str) -> str:
    """The text with escapes for what JSON and XML have no form for."""
    return UNSAYABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


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
            key = key and sayable(key, KEY_LENGTH)
            self.kept.append(Problem(operation, record, key, sayable(message)))

    def __bool__(self):
        return self.count > 0

    def as_dicts(self) -> list[dict]:
        return [problem.as_dict() for problem in self.kept]

    def lines(self) -> list[str]:
        """The problems a person reads, at most `SPELLED_OUT`, each on a line."""
        return [str(problem) for problem in self.kept[:SPELLED_OUT]]
