"""What a benchmark consists of: measurements, taken in every round, and rows, which judge their medians."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


class Invalid(Exception):
    """A contestant has not done its work: whatever it took, it must not count."""


@dataclass(frozen=True)
class Measurement:
    """Something measured in every round.

    :param run: takes the `Bench`; returns a number, or several by name. The sample `name` of the measurement `key`
        is kept as `key/name`; the name "" stands for the measurement itself.
    :param others: units of names that have another one
    """

    key: str
    title: str
    unit: str
    run: Callable
    others: Mapping[str, str] = field(default_factory=dict)
    once: bool = False  # in the first round only: long, and no matter of luck
    warms_up: bool = False  # whether to run it once, small, before the first round
    is_short: bool = False  # takes a second: several times a round, in turns with the others that do


@dataclass(frozen=True)
class Goal:
    limit: float
    at_most: bool = False

    def is_met(self, value: float) -> bool:
        return value <= self.limit if self.at_most else value >= self.limit

    def __str__(self):
        return f"{'≤' if self.at_most else '≥'} {self.limit:g}"


@dataclass(frozen=True)
class Row:
    """A line of the table.

    :param needs: keys of its measurements; where one of them is invalid, so is the row
    :param value: takes the medians by key
    """

    key: str
    title: str
    needs: tuple[str, ...]
    value: Callable[[Mapping[str, float]], float]
    unit: str
    goal: Goal | None = None


def at_least(limit: float) -> Goal:
    return Goal(limit)


def at_most(limit: float) -> Goal:
    return Goal(limit, at_most=True)


def times_faster(key: str, title: str, ours: str, theirs: str, goal: Goal | None = None) -> Row:
    """A row for two measurements in seconds: how many times as fast ours is."""
    return Row(key, title, (ours, theirs), lambda median: median[theirs] / median[ours], "x", goal)


def ratio(key: str, title: str, one: str, other: str, goal: Goal | None = None) -> Row:
    """A row for two measurements: the first as a multiple of the second."""
    needs = tuple(dict.fromkeys(part.partition("/")[0] for part in (one, other)))
    return Row(key, title, needs, lambda median: median[one] / median[other], "x", goal)


def alone(key: str, title: str, measurement: str, unit: str, goal: Goal | None = None) -> Row:
    """A row for one measurement as it is."""
    return Row(key, title, (measurement,), lambda median: median[measurement], unit, goal)
