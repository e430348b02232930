"""Find the failing records of a chunk by halving it, so that the good ones still run together."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

#: Records to have seen fail before "most of them fail" is believed.
ENOUGH_BAD = 3


class Suspects(Exception):
    """An attempt at several records that failed, and knows which of them look guilty."""

    def __init__(self, positions: set[int]):
        super().__init__()
        self.positions = positions


@dataclass
class Isolation:
    """What came of it: the error of each failing position, and the positions left unrun."""

    failures: dict[int, Any] = field(default_factory=dict)
    rest: list[int] = field(default_factory=list)
    calls: int = 0
    good: int = 0

    @property
    def mostly_bad(self) -> bool:
        return len(self.failures) >= ENOUGH_BAD and len(self.failures) > self.good


@dataclass
class _Part:
    positions: list[int]
    left: "_Part | None" = None  # the half run just before this one
    went_well: bool = False


def isolate(
    positions: list[int], run: Callable[[list[int]], Any], stop: Callable[[], bool] = lambda: False
) -> Isolation:
    """Run every position, together where it works, alone where it must be.

    With f failing among n positions it takes about f * log2(n) extra calls; where most of them fail it goes one by
    one, so that it never takes more than about twice the calls of going one by one at once.

    :param run: tries some positions as a whole: None where all went well, else the error; `Suspects` get run
        alone, after all others together
    :param stop: asked between calls; once true, what has not run is returned as `rest`
    """
    found = Isolation()
    parts = [_Part(positions)] if positions else []
    while parts:
        if found.calls and stop():
            found.rest = [position for part in reversed(parts) for position in part.positions]
            break
        part = parts.pop()
        alone = len(part.positions) == 1
        # where the left half went well, it is the right one that made the whole fail: no need to ask
        if alone or not (part.left and part.left.went_well):
            found.calls += 1
            error = run(part.positions)
            if error is None:
                part.went_well = True
                found.good += len(part.positions)
                continue
            if alone:
                found.failures[part.positions[0]] = error
                continue
            if isinstance(error, Suspects) and (suspects := error.positions.intersection(part.positions)):
                parts.extend(_Part([position]) for position in reversed(part.positions) if position in suspects)
                if others := [position for position in part.positions if position not in suspects]:
                    parts.append(_Part(others))
                continue
        parts.extend(_singles(part.positions) if found.mostly_bad else _halves(part.positions))
    return found


def _singles(positions):
    return [_Part([position]) for position in reversed(positions)]


def _halves(positions):
    """Both halves as a stack wants them: the left one on top."""
    middle = len(positions) // 2
    left = _Part(positions[:middle])
    return [_Part(positions[middle:], left=left), left]
