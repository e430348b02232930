"""Finds the failing records of a chunk by halving it, so that the good ones still run together."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

#: Failed records it takes at least to say that most records fail.
ENOUGH_BAD = 3


class Suspects(Exception):
    """An attempt at several records has failed, and these positions are the likely cause."""

    def __init__(self, positions: set[int]):
        super().__init__()
        self.positions = positions


class Culprit(Exception):
    """An attempt at several groups of records, one after the other, has failed at this group.

    :param positions: the records of the group
    :param error: why it failed
    """

    def __init__(self, positions: list[int], error: Any):
        super().__init__(error)
        self.positions = positions
        self.error = error


class InParts(Exception):
    """An attempt at several records has failed, because they must run in parts, one after the other.

    :param ends: the last position of each part but the last one
    """

    def __init__(self, ends: list[int]):
        super().__init__(ends)
        self.ends = ends


@dataclass
class Isolation:
    """The result: the error of each failing position, and the positions that have not run (`rest`)."""

    failures: dict[int, Any] = field(default_factory=dict)
    rest: list[int] = field(default_factory=list)
    calls: int = 0
    good: int = 0

    @property
    def mostly_bad(self) -> bool:
        """Whether most records that have run so far have failed."""
        return len(self.failures) >= ENOUGH_BAD and len(self.failures) > self.good


@dataclass
class _Part:
    positions: list[int]
    left: "_Part | None" = None  # the other half, which runs just before this one
    went_well: bool = False


def isolate(
    positions: list[int],
    run: Callable[[list[int]], Any],
    stop: Callable[[], bool] = lambda: False,
    *,
    groups: list | None = None,
    whole: bool = False,
    most: int | None = None,
) -> Isolation:
    """Run every position: together where that works, else in smaller and smaller parts.

    With f failing among n positions this takes about f * log2(n) extra calls. Once most records fail they run one by
    one, so the calls are never more than about twice those of running all one by one from the start.

    :param positions: to be run, in this order
    :param run: tries some positions as a whole; returns None on success, else the error. After `Suspects` all other
        positions run together, then the suspects one by one. After a `Culprit` the positions before it run again, then
        those after it. After `InParts` the parts run in their order
    :param stop: asked between calls; once true, what has not run is returned as `rest`
    :param groups: the group of each position (positions count from 0). Parts are cut between groups; a group is cut
        only where the part holds nothing else
    :param whole: never cut a group: all its records fail together
    :param most: most positions that run together, except for a `whole` group
    """
    return _Isolator(run, stop, groups, whole).isolate(positions, most or len(positions))


class _Isolator:
    def __init__(self, run, stop, groups, whole):
        self.run = run
        self.stop = stop
        self.groups = groups
        self.whole = whole
        self.found = Isolation()
        self.parts: list[_Part] = []  # a stack: the last one runs next

    def isolate(self, positions, most):
        if self.whole:
            self._push(positions)
        else:
            for start in reversed(range(0, len(positions), most or 1)):
                self._push(positions[start : start + most])
        while self.parts:
            if self.found.calls and self.stop():
                self.found.rest = [position for part in reversed(self.parts) for position in part.positions]
                break
            self._run_part(self.parts.pop())
        return self.found

    def _run_part(self, part):
        # the whole failed and its left half did not: the right half must fail, so don't try it whole
        if part.left and part.left.went_well and not self._is_smallest(part.positions):
            self._divide(part.positions)
            return
        self.found.calls += 1
        error = self.run(part.positions)
        if error is None:
            part.went_well = True
            self.found.good += len(part.positions)
        elif isinstance(error, Culprit):
            self._blame(part.positions, error)
        elif isinstance(error, Suspects) and (suspects := error.positions.intersection(part.positions)):
            for position in reversed(part.positions):
                if position in suspects:
                    self._push([position])
            self._push([position for position in part.positions if position not in suspects])
        elif isinstance(error, InParts) and len(parts := _cut_behind(part.positions, error.ends)) > 1:
            for positions in reversed(parts):
                self._push(positions)
        else:
            self._add_failed(part.positions, error)

    def _blame(self, positions, culprit):
        """Queue the positions before the culprit (they succeeded, but were undone) and those after it (not run yet)."""
        first = positions.index(culprit.positions[0])
        self._push(positions[first + len(culprit.positions) :])
        self._add_failed(culprit.positions, culprit.error)
        self._push(positions[:first])

    def _add_failed(self, positions, error):
        if self._is_smallest(positions):
            self.found.failures.update(dict.fromkeys(positions, error))
        else:
            self._divide(positions)

    def _is_smallest(self, positions):
        return len(positions) == 1 or (self.whole and self._group(positions[0]) == self._group(positions[-1]))

    def _group(self, position):
        return self.groups[position] if self.groups else None

    def _push(self, positions):
        if positions:
            self.parts.append(_Part(positions))

    def _divide(self, positions):
        """Cut a part that failed: into halves; once most records fail, into its smallest parts."""
        borders = [
            place for place in range(1, len(positions)) if self._group(positions[place]) != self._group(positions[place - 1])
        ] or list(range(1, len(positions)))
        if not self.found.mostly_bad:
            middle = len(positions) // 2
            borders = [min(borders, key=lambda border: abs(border - middle))]
        starts, ends = [0, *borders], [*borders, len(positions)]
        parts = [_Part(positions[start:end]) for start, end in zip(starts, ends, strict=True)]
        if len(parts) == 2:
            parts[1].left = parts[0]
        self.parts.extend(reversed(parts))


def _cut_behind(positions, ends):
    """Some positions in parts, each of which ends with one of `ends`; the last one with the last position."""
    cuts = sorted({0, len(positions), *(positions.index(end) + 1 for end in ends if end in positions)})
    return [positions[start:end] for start, end in pairwise(cuts)]
