"""Take all measurements side by side: round 1 of each, then round 2 of each, and so on."""

from __future__ import annotations

import dataclasses
import statistics
import time
from dataclasses import dataclass, field
from types import SimpleNamespace

from ..console import say
from .bench import Bench
from .measuring import WARM_UP, Measurement


@dataclass
class Outcome:
    samples: dict[str, list[float]] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)  # by measurement: why it must not count

    @property
    def medians(self) -> dict[str, float]:
        return {key: statistics.median(values) for key, values in self.samples.items()}

    def add(self, key: str, taken: dict[str, float]) -> None:
        for name, value in taken.items():
            self.samples.setdefault(f"{key}/{name}" if name else key, []).append(value)


def run(bench: Bench, measurements: list[Measurement]) -> Outcome:
    """Take every measurement in every round; whoever has failed once is not asked again."""
    outcome = Outcome()
    small = dataclasses.replace(bench, scale=SimpleNamespace(**{**vars(bench.scale), **WARM_UP}))
    for measurement in measurements:
        if measurement.warms_up:
            _take(small, measurement, Outcome(problems=outcome.problems), "warming up")
    short = [measurement for measurement in measurements if measurement.is_short]
    turns = short * bench.scale.repeated + [measurement for measurement in measurements if not measurement.is_short]
    for number in range(1, bench.scale.rounds + 1):
        # there and back again: whatever drifts falls on all alike
        for measurement in turns if number % 2 else reversed(turns):
            if measurement.key not in outcome.problems and (number == 1 or not measurement.once):
                _take(bench, measurement, outcome, f"round {number} of {bench.scale.rounds}")
    return outcome


def _take(bench: Bench, measurement: Measurement, outcome: Outcome, stage: str) -> None:
    say(f"{stage}: {measurement.title.format(**vars(bench.scale))}")
    started = time.monotonic()
    try:
        taken = bench.take(measurement)
    except Exception as problem:  # noqa: BLE001  # one contestant that fails must not lose the others' numbers
        outcome.problems[measurement.key] = f"{type(problem).__name__}: {problem}"
        say(f"  INVALID: {problem}")
        return
    taken = taken if isinstance(taken, dict) else {"": taken}
    outcome.add(measurement.key, taken)
    shown = ", ".join(f"{value:,.4g}" for value in taken.values())
    say(f"  {shown} {measurement.unit}  ({time.monotonic() - started:.0f} s)")
