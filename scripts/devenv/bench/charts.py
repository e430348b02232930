"""The charts, as SVG."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import matplotlib

matplotlib.use("svg")

from matplotlib import pyplot
from matplotlib.ticker import FuncFormatter

from .rows import MEASUREMENTS, lanes, sizes
from .rows.peers import MEASUREMENTS as CONTESTANTS

OURS, THEIRS = "#017e84", "#9aa5b1"
SIZE_IN = (7.2, 3.6)
matplotlib.rcParams.update(
    {
        # text stays text; equal numbers make equal files
        "svg.fonttype": "none",
        "svg.hashsalt": "batch_executor",
        "font.family": "sans-serif",
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
)
THOUSANDS = FuncFormatter(lambda value, _place: f"{value:,g}")


def draw(folder: Path, medians: Mapping[str, float], scale) -> dict[str, str]:
    """Write the charts for which everything was measured; returns file name -> what it shows."""
    charts = {
        "throughput-by-chunk-size.svg": ("Throughput by chunk size", _by_chunk_size),
        "throughput-by-lanes.svg": ("Throughput by lanes", _by_lanes),
        "against-peers.svg": (f"Time for {scale.singles:,} partners", _against_peers),
    }
    folder.mkdir(exist_ok=True)
    for name, (title, plot) in charts.items():
        figure, axes = pyplot.subplots(figsize=SIZE_IN, layout="constrained")
        plot(axes, medians, scale)
        axes.set_title(title, loc="left")
        figure.savefig(folder / name, metadata={"Date": None, "Creator": None})
        pyplot.close(figure)
    return {name: title for name, (title, _plot) in charts.items()}


def _by_chunk_size(axes, medians, scale):
    """One line for each kind of work; what an adaptive size comes to is dashed."""
    for work, (title, *_how) in sizes.WORKS.items():
        keys = {size: sizes.fixed(work, size) for size in sizes.SIZES}
        points = {size: medians[key] for size, key in keys.items() if key in medians}
        [line] = axes.plot(list(points), list(points.values()), marker="o", markersize=4, label=title)
        if (key := sizes.adaptive(work)) in medians:
            axes.axhline(medians[key], color=line.get_color(), linestyle="--", linewidth=0.8)
    axes.set(xscale="log", yscale="log", xlabel="records in a chunk (dashed: adaptive)", ylabel="records/s")
    axes.set_xticks(sizes.SIZES, [f"{size:,}" for size in sizes.SIZES])
    axes.minorticks_off()
    axes.yaxis.set_major_formatter(THOUSANDS)
    axes.legend(frameon=False, fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))


def _by_lanes(axes, medians, scale):
    counts = [count for count in lanes.LANE_COUNTS if f"lanes-{count}" in medians]
    bars = axes.bar([str(count) for count in counts], [medians[f"lanes-{count}"] for count in counts], 0.5, color=OURS)
    axes.bar_label(bars, fmt="{:,.0f}")
    axes.set(xlabel="lanes", ylabel="records/s")


def _against_peers(axes, medians, scale):
    keys = [measurement.key for measurement in reversed(CONTESTANTS) if measurement.key in medians]
    bars = axes.barh(
        [MEASUREMENTS[key].title.format(**vars(scale)) for key in keys],
        [medians[key] for key in keys],
        color=[OURS if key.startswith("ours") else THEIRS for key in keys],
    )
    axes.bar_label(bars, fmt="{:.1f} s", padding=3)
    axes.set(xlabel="seconds, less is better")
    axes.margins(x=0.15)
