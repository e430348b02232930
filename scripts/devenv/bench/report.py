"""Write docs/benchmarks.md and its charts."""

from __future__ import annotations

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
from .rounds import Outcome
from .rows import MEASUREMENTS
from .rows.peers import OUR_CHUNK_SIZE

PAGE = CHECKOUT / "docs" / "benchmarks.md"
CHARTS = PAGE.parent / "benchmarks"
TEMPLATE = Path(__file__).with_name("report.md")


def write(bench: Bench, lines: list[tuple], outcome: Outcome) -> None:
    scale, medians = vars(bench.scale), outcome.medians
    bound_s = bench.scale.singles / (CRON_WORKERS * medians["creates-1000/bare"])
    drawn = charts.draw(CHARTS, medians, bench.scale)
    PAGE.write_text(
        TEMPLATE.read_text().format(
            **scale,
            date=datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
            facts="\n".join(f"| {name} | {value} |" for name, value in _facts(bench).items()),
            rows="\n".join(
                f"| {row.title.format(**scale)} | {value} | {row.goal} | {verdict} |" for row, value, verdict in lines
            ),
            http=HTTP_WORKERS,
            cron=CRON_WORKERS,
            chunk_size=OUR_CHUNK_SIZE,
            bound_s=bound_s,
            bound_zenoo=medians["zenoo-singles"] / bound_s,
            charts="\n\n".join(f"![{title}]({CHARTS.name}/{name})" for name, title in drawn.items()),
            medians="\n".join(_medians(scale, outcome)),
        )
    )
    say(f"written: {PAGE.relative_to(CHECKOUT)} and {len(drawn)} charts")


def _medians(scale: dict, outcome: Outcome):
    for key, samples in outcome.samples.items():
        name, _slash, part = key.partition("/")
        measurement = MEASUREMENTS[name]
        title = measurement.title.format(**scale) + (f" ({part})" if part else "")
        figures = " | ".join(map(number, (outcome.medians[key], min(samples), max(samples))))
        yield f"| {title} | {figures} | {measurement.others.get(part, measurement.unit)} |"


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
