"""The charts, as SVG."""

from collections.abc import Mapping
from pathlib import Path

import matplotlib

matplotlib.use("svg")

from matplotlib import pyplot

from .rows import MEASUREMENTS, peers, sizes

OURS, THEIRS = "#017e84", "#9aa5b1"
# text stays text; equal numbers make equal files
matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "batch_executor", "font.family": "sans-serif"})


def draw(folder: Path, medians: Mapping[str, float], scale) -> dict[str, str]:
    """Write all charts; returns file name -> what it shows."""
    charts = {
        "throughput-by-chunk-size.svg": ("Throughput by chunk size", _by_chunk_size, ()),
        "throughput-by-lanes.svg": ("Throughput by lanes", _bars, (["lanes-2", "lanes-1"], "{:,.0f}", "records/s")),
        "against-peers.svg": (
            f"Time for {scale.singles:,} partners",
            _bars,
            ([each.key for each in reversed(peers.MEASUREMENTS)], "{:.1f} s", "seconds, less is better"),
        ),
    }
    folder.mkdir(exist_ok=True)
    for name, (title, plot, how) in charts.items():
        figure, axes = pyplot.subplots(figsize=(7.2, 3.6), layout="constrained")
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_title(title, loc="left")
        plot(axes, medians, vars(scale), *how)
        figure.savefig(folder / name, metadata={"Date": None, "Creator": None})
        pyplot.close(figure)
    return {name: title for name, (title, *_how) in charts.items()}


def _bars(axes, medians, scale, keys, form, label):
    titles = [MEASUREMENTS[key].title.format(**scale) for key in keys]
    colors = [OURS if key.startswith(("ours", "lanes")) else THEIRS for key in keys]
    axes.bar_label(axes.barh(titles, [medians[key] for key in keys], color=colors), fmt=form, padding=3)
    axes.set(xlabel=label)
    axes.margins(x=0.15)


def _by_chunk_size(axes, medians, _scale):
    """One line for each kind of work; what an adaptive size comes to is dashed."""
    for work, (title, *_how) in sizes.WORKS.items():
        rates = [medians[f"{work}-{size}"] for size in sizes.SIZES]
        [line] = axes.plot(sizes.SIZES, rates, marker="o", markersize=4, label=title)
        axes.axhline(medians[f"{work}-adaptive"], color=line.get_color(), linestyle="--", linewidth=0.8)
    axes.set(xscale="log", yscale="log", xlabel="records in a chunk (dashed: adaptive)", ylabel="records/s")
    axes.set_xticks(sizes.SIZES, [f"{size:,}" for size in sizes.SIZES])
    axes.minorticks_off()
    axes.yaxis.set_major_formatter("{x:,g}")
    axes.legend(frameon=False, fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))
