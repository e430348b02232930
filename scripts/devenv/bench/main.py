"""The benchmark from its command line to its page."""

import dataclasses
import os
import statistics
import sys
import sysconfig
import time
from pathlib import Path
from types import SimpleNamespace

from rich.console import Console
from rich.table import Table

from .. import odoo_bin
from ..base import STATE, CannotDo, lock, say
from . import load_odoo
from .measuring import WARM_UP, Measurement, scale_of


def main(options) -> int:
    """Fail where a contestant did not do its work."""
    odoo_bin.prepare()
    # the benchmark's own module, and queue_job as it is installed from PyPI
    more_addons = Path(__file__).parent / "addons", Path(sysconfig.get_path("purelib"), "odoo", "addons")
    os.environ["ODOO_ADDONS_PATH"] = ",".join([os.environ["ODOO_ADDONS_PATH"], *map(str, more_addons)])
    load_odoo()
    from . import bench, report
    from .rows import MEASUREMENTS, ROWS

    only = options.only.split(",") if options.only else list(ROWS)
    if unknown := sorted(set(only) - set(ROWS)):
        raise CannotDo(f"there is no row {', '.join(unknown)}; there are {', '.join(ROWS)}")
    rows = [row for row in ROWS.values() if row.key in only]
    measurements = [each for each in MEASUREMENTS.values() if any(each.key in row.needs for row in rows)]
    with lock(STATE, "bench"), bench.ready(scale_of(quick=options.quick, rounds=options.rounds)) as ready:
        samples, problems = _run(ready, measurements)
        medians = {key: statistics.median(values) for key, values in samples.items()}
        lines = {row.key: row.line(ready.scale, medians, problems) for row in rows}
        _show(lines, problems)
        if not (options.quick or options.only or problems):
            report.write(ready, lines, samples, medians)
    return 1 if problems else 0


def _run(ready, measurements: list[Measurement]) -> tuple[dict[str, list[float]], dict[str, str]]:
    """Take all side by side: round 1 of each, then round 2 of each, and so on; whoever has failed once is not asked again.

    :returns: samples by key; by measurement, why it must not count
    """
    samples, problems = {}, {}
    small = dataclasses.replace(ready, scale=SimpleNamespace(**{**vars(ready.scale), **WARM_UP}))
    for measurement in measurements:
        if measurement.warms_up:
            _take(small, measurement, {}, problems, "warming up")
    short = [measurement for measurement in measurements if measurement.is_short]
    long = [measurement for measurement in measurements if not measurement.is_short]
    turns = short * ready.scale.repeated + sorted(long, key=lambda measurement: measurement.once)
    for number in range(1, ready.scale.rounds + 1):
        # there and back again: whatever drifts falls on all alike
        for measurement in turns if number % 2 else reversed(turns):
            if measurement.key not in problems and (number == 1 or not measurement.once):
                _take(ready, measurement, samples, problems, f"round {number} of {ready.scale.rounds}")
    return samples, problems


def _take(ready, measurement: Measurement, samples: dict, problems: dict, stage: str) -> None:
    say(f"{stage}: {measurement.title.format(**vars(ready.scale))}")
    started = time.monotonic()
    try:
        taken = measurement.run(ready)
    except Exception as problem:  # noqa: BLE001  # one contestant that fails must not lose the others' numbers
        problems[measurement.key] = f"{type(problem).__name__}: {problem}"
        say(f"  INVALID: {problem}")
        return
    for name, value in taken.items() if isinstance(taken, dict) else [("", taken)]:
        samples.setdefault(f"{measurement.key}/{name}".rstrip("/"), []).append(value)
        say(f"  {name} {value:,.4g} {measurement.units.get(name, measurement.unit)}  ({time.monotonic() - started:.0f} s)")


def _show(lines: dict[str, tuple], problems: dict[str, str]) -> None:
    """Print the table, and why rows are invalid."""
    table = Table("row", "what", "measured", "goal", "", box=None)
    for key, line in lines.items():
        table.add_row(key, *line)
    Console(width=None if sys.stdout.isatty() else 200).print(table)
    for key, problem in problems.items():
        print(f"\nINVALID, {key}: {problem}")
    verdicts = [line[-1] for line in lines.values()]
    print("\ngoals: " + ", ".join(f"{verdicts.count(each)} {each}" for each in ("met", "missed", "INVALID")))
