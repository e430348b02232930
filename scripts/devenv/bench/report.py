"""Write docs/benchmarks.md and its charts."""

import ast
import datetime
import os
import platform
from importlib.metadata import version
from pathlib import Path

from .. import odoo_bin
from ..console import say
from ..paths import CHECKOUT
from . import charts
from .bench import CRON_WORKERS, HTTP_WORKERS, Bench
from .measuring import number
from .rows import MEASUREMENTS, peers

PAGE = CHECKOUT / "docs" / "benchmarks.md"
CHARTS = PAGE.parent / "benchmarks"
TEMPLATE = Path(__file__).with_name("report.md")


def write(bench: Bench, lines: list[tuple], outcome) -> None:
    scale, medians = vars(bench.scale), outcome.medians
    bound_s = bench.scale.singles / (CRON_WORKERS * medians["creates-1000/bare"])
    drawn = charts.draw(CHARTS, medians, bench.scale)
    rows = [(row.title.format(**scale), value, row.goal, verdict) for row, value, verdict in lines]
    PAGE.write_text(
        TEMPLATE.read_text().format(
            **scale,
            date=datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
            facts=_table(_facts(bench).items()),
            rows=_table(rows),
            http=HTTP_WORKERS,
            cron=CRON_WORKERS,
            chunk_size=peers.OUR_CHUNK_SIZE,
            bound_s=bound_s,
            bound_zenoo=medians["zenoo-singles"] / bound_s,
            charts="\n\n".join(f"![{title}]({CHARTS.name}/{name})" for name, title in drawn.items()),
            medians=_table(_medians(scale, outcome)),
        )
    )
    say(f"written: {PAGE.relative_to(CHECKOUT)} and {len(drawn)} charts")


def _table(rows) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _medians(scale: dict, outcome):
    for key, samples in outcome.samples.items():
        name, _slash, part = key.partition("/")
        measurement = MEASUREMENTS[name]
        title = measurement.title.format(**scale) + (f" ({part})" if part else "")
        figures = map(number, (outcome.medians[key], min(samples), max(samples)))
        yield title, *figures, measurement.others.get(part, measurement.unit)


def _facts(bench: Bench) -> dict[str, str]:
    """What it was measured on, and with which versions."""
    [(postgres,)] = bench.sql("SHOW server_version")
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    cpu = models[0].partition(":")[2].strip() if models else platform.machine()
    return {
        "CPU": f"{cpu}, {os.cpu_count()} cores",
        "RAM": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1024**3:.0f} GB",
        "Batch Executor": ast.literal_eval((CHECKOUT / "__manifest__.py").read_text())["version"],
        "Odoo": odoo_bin.locate().version,
        "PostgreSQL": postgres.split()[0],
        "Python": platform.python_version(),
        "Zenoo RPC": version("zenoo-rpc"),
        "queue_job": version("odoo-addon-queue-job"),
    }
