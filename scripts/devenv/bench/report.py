"""Write docs/benchmarks.md and its charts."""

import datetime
import platform
from importlib.metadata import version
from pathlib import Path

import matplotlib
import psutil

from odoo.modules.module import Manifest
from odoo.release import version_info

from ..base import ADDON, CHECKOUT, say
from . import jobs
from .bench import CRON_WORKERS, HTTP_WORKERS, Bench
from .measuring import number
from .rows import MEASUREMENTS, peers, sizes

matplotlib.use("svg")

from matplotlib import pyplot

PAGE = CHECKOUT / "docs" / "benchmarks.md"
CHARTS = PAGE.parent / "benchmarks"
TEMPLATE = Path(__file__).with_name("report.md")
OURS, THEIRS = "#017e84", "#9aa5b1"
# text stays text; equal numbers make equal files
matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "batch_executor", "font.family": "sans-serif"})


def write(bench: Bench, lines: dict[str, tuple], samples: dict[str, list[float]], medians: dict[str, float]) -> None:
    [(postgres,)] = jobs.query(bench.served, "SHOW server_version")
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    bound_s = bench.scale.singles / (CRON_WORKERS * medians["creates-1000/bare"])
    page = TEMPLATE.read_text().format(
        **vars(bench.scale),
        date=datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        cpu=models[0].partition(":")[2].strip() if models else platform.machine(),
        cores=psutil.cpu_count(),
        ram=psutil.virtual_memory().total / 1024**3,
        batch_executor=Manifest.for_addon(ADDON)["version"],
        odoo=".".join(map(str, version_info[:3])),
        postgres=postgres.split()[0],
        python=platform.python_version(),
        zenoo_rpc=version("zenoo-rpc"),
        queue_job=version("odoo-addon-queue-job"),
        fluvo=version("fluvo"),
        rows=_table(lines.values()),
        http=HTTP_WORKERS,
        cron=CRON_WORKERS,
        bound_s=bound_s,
        bound_zenoo=medians["zenoo-singles"] / bound_s,
        charts="\n\n".join(_charts(medians, vars(bench.scale))),
        medians=_table(_medians(vars(bench.scale), samples, medians)),
    )
    PAGE.write_text(page)
    say(f"written: {PAGE.relative_to(CHECKOUT)} and its charts")


def _table(rows) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _medians(scale: dict, samples: dict[str, list[float]], medians: dict[str, float]):
    for key, values in samples.items():
        name, _slash, part = key.partition("/")
        measurement = MEASUREMENTS[name]
        title = measurement.title.format(**scale) + (f" ({part})" if part else "")
        yield title, *map(number, (medians[key], min(values), max(values))), measurement.units.get(part, measurement.unit)


def _charts(medians: dict[str, float], scale: dict):
    """Draw the charts; gives Markdown that shows them."""
    by_peer = [measurement.key for measurement in reversed(peers.MEASUREMENTS) if not measurement.key.endswith("-large")]
    charts = {
        "throughput-by-chunk-size": ("Throughput by chunk size", _by_chunk_size, ()),
        "throughput-by-lanes": ("Throughput by lanes", _bars, (["lanes-2", "lanes-1"], "{:,.0f}", "records/s")),
        "against-peers": (f"Time for {scale['singles']:,} partners", _bars, (by_peer, "{:.1f} s", "seconds, less is better")),
    }
    CHARTS.mkdir(exist_ok=True)
    for name, (title, plot, how) in charts.items():
        figure, axes = pyplot.subplots(figsize=(7.2, 3.6), layout="constrained")
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_title(title, loc="left")
        plot(axes, medians, scale, *how)
        figure.savefig(CHARTS / f"{name}.svg", metadata={"Date": None, "Creator": None})
        yield f"![{title}]({CHARTS.name}/{name}.svg)"


def _bars(axes, medians, scale, keys, form, label):
    titles = [MEASUREMENTS[key].title.format(**scale) for key in keys]
    colors = [OURS if key.startswith(("ours", "lanes")) else THEIRS for key in keys]
    axes.bar_label(axes.barh(titles, [medians[key] for key in keys], color=colors), fmt=form, padding=3)
    axes.set(xlabel=label)
    axes.margins(x=0.15)


def _by_chunk_size(axes, medians, _scale):
    """One line for each kind of work; what an adaptive size comes to is dashed."""
    for work, (title, *_how) in sizes.WORKS.items():
        [line] = axes.plot(sizes.SIZES, [medians[f"{work}-{size}"] for size in sizes.SIZES], marker=".", label=title)
        axes.axhline(medians[f"{work}-adaptive"], color=line.get_color(), linestyle="--", linewidth=0.8)
    axes.set(xscale="log", yscale="log", xlabel="records in a chunk (dashed: adaptive)", ylabel="records/s")
    axes.set_xticks(sizes.SIZES, [f"{size:,}" for size in sizes.SIZES])
    axes.minorticks_off()
    axes.yaxis.set_major_formatter("{x:,g}")
    axes.legend(frameon=False, fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))
