"""The benchmark from its command line to its page."""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path

from rich.console import Console
from rich.table import Table

from .. import odoo_bin, paths
from ..console import CannotDo
from . import inside, measuring


def main(options) -> int:
    """Fail where a contestant did not do its work."""
    odoo_bin.prepare()
    # the benchmark's own module, and queue_job as it is installed from PyPI
    more_addons = Path(__file__).parent / "addons", Path(sysconfig.get_path("purelib"), "odoo", "addons")
    os.environ["ODOO_ADDONS_PATH"] = ",".join([os.environ["ODOO_ADDONS_PATH"], *map(str, more_addons)])
    inside.load_odoo()  # rows need it
    from . import bench, report, rounds
    from .rows import MEASUREMENTS, ROWS

    only = [key for key in options.only.split(",") if key]
    if unknown := sorted(set(only) - set(ROWS)):
        raise CannotDo(f"there is no row {', '.join(unknown)}; there are {', '.join(ROWS)}")
    rows = [row for row in ROWS.values() if not only or row.key in only]
    measurements = [each for each in MEASUREMENTS.values() if any(each.key in row.needs for row in rows)]
    scale = measuring.scale(quick=options.quick, **({"rounds": options.rounds} if options.rounds else {}))
    with paths.lock(paths.STATE, "bench"), bench.ready(scale) as ready:
        outcome = rounds.run(ready, measurements)
        lines = [(row, *row.judge(outcome.medians, outcome.problems)) for row in rows]
        _show(lines, outcome, scale)
        if not (options.quick or only or options.no_write):
            report.write(ready, lines, outcome)
    return 1 if outcome.problems else 0


def _show(lines: list[tuple], outcome, scale) -> None:
    """Print the table, and why rows are invalid."""
    table = Table("row", "measured", "goal", "", "what", box=None)
    for row, value, verdict in lines:
        table.add_row(row.key, value, row.goal, verdict, row.title.format(**vars(scale)))
    Console(width=None if sys.stdout.isatty() else 200).print(table)
    for key, problem in outcome.problems.items():
        print(f"\nINVALID, {key}: {problem}")
    verdicts = [verdict for _row, _value, verdict in lines]
    print("\ngoals: " + ", ".join(f"{verdicts.count(each)} {each}" for each in ("met", "missed", "INVALID")))
