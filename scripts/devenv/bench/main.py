"""The benchmark from its command line to its page."""

import dataclasses
import os
import statistics
import sys
import sysconfig
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

from rich.console import Console
from rich.table import Table

from .. import odoo_bin, paths
from ..console import CannotDo, say
from . import bench, measuring


@dataclass
class Outcome:
    samples: dict[str, list[float]] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)  # by measurement: why it must not count

    @property
    def medians(self) -> dict[str, float]:
        return {key: statistics.median(values) for key, values in self.samples.items()}


def main(options) -> int:
    """Fail where a contestant did not do its work."""
    odoo_bin.prepare()
    # the benchmark's own module, and queue_job as it is installed from PyPI
    more_addons = Path(__file__).parent / "addons", Path(sysconfig.get_path("purelib"), "odoo", "addons")
    os.environ["ODOO_ADDONS_PATH"] = ",".join([os.environ["ODOO_ADDONS_PATH"], *map(str, more_addons)])
    bench.load_odoo()  # rows need it
    from . import report
    from .rows import MEASUREMENTS, ROWS

    only = [key for key in options.only.split(",") if key]
    if unknown := sorted(set(only) - set(ROWS)):
        raise CannotDo(f"there is no row {', '.join(unknown)}; there are {', '.join(ROWS)}")
    rows = [row for row in ROWS.values() if not only or row.key in only]
    measurements = [each for each in MEASUREMENTS.values() if any(each.key in row.needs for row in rows)]
    scale = measuring.scale(quick=options.quick, **({"rounds": options.rounds} if options.rounds else {}))
    with paths.lock(paths.STATE, "bench"), bench.ready(scale) as ready:
        outcome = _run(ready, measurements)
        lines = [(row, *row.judge(outcome.medians, outcome.problems)) for row in rows]
        _show(lines, outcome, scale)
        if not (options.quick or only or options.no_write or outcome.problems):
            report.write(ready, lines, outcome)
    return 1 if outcome.problems else 0


def _run(ready: bench.Bench, measurements: list[measuring.Measurement]) -> Outcome:
    """Take all side by side: round 1 of each, then round 2 of each, and so on; whoever has failed once is not asked again."""
    outcome = Outcome()
    small = dataclasses.replace(ready, scale=SimpleNamespace(**{**vars(ready.scale), **measuring.WARM_UP}))
    for measurement in measurements:
        if measurement.warms_up:
            _take(small, measurement, Outcome(problems=outcome.problems), "warming up")
    short = [measurement for measurement in measurements if measurement.is_short]
    long = [measurement for measurement in measurements if not measurement.is_short]
    turns = short * ready.scale.repeated + sorted(long, key=lambda measurement: measurement.once)
    for number in range(1, ready.scale.rounds + 1):
        # there and back again: whatever drifts falls on all alike
        for measurement in turns if number % 2 else reversed(turns):
            if measurement.key not in outcome.problems and (number == 1 or not measurement.once):
                _take(ready, measurement, outcome, f"round {number} of {ready.scale.rounds}")
    return outcome


def _take(ready: bench.Bench, measurement: measuring.Measurement, outcome: Outcome, stage: str) -> None:
    say(f"{stage}: {measurement.title.format(**vars(ready.scale))}")
    started = time.monotonic()
    try:
        taken = ready.take(measurement)
    except Exception as problem:  # noqa: BLE001  # one contestant that fails must not lose the others' numbers
        outcome.problems[measurement.key] = f"{type(problem).__name__}: {problem}"
        say(f"  INVALID: {problem}")
        return
    taken = taken if isinstance(taken, dict) else {"": taken}
    for name, value in taken.items():
        outcome.samples.setdefault(f"{measurement.key}/{name}".rstrip("/"), []).append(value)
    shown = ", ".join(f"{value:,.4g}" for value in taken.values())
    say(f"  {shown} {measurement.unit}  ({time.monotonic() - started:.0f} s)")


def _show(lines: list[tuple], outcome: Outcome, scale: SimpleNamespace) -> None:
    """Print the table, and why rows are invalid."""
    table = Table("row", "measured", "goal", "", "what", box=None)
    for row, value, verdict in lines:
        table.add_row(row.key, value, row.goal, verdict, row.title.format(**vars(scale)))
    Console(width=None if sys.stdout.isatty() else 200).print(table)
    for key, problem in outcome.problems.items():
        print(f"\nINVALID, {key}: {problem}")
    verdicts = [verdict for _row, _value, verdict in lines]
    print("\ngoals: " + ", ".join(f"{verdicts.count(each)} {each}" for each in ("met", "missed", "INVALID")))
