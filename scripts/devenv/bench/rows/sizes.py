"""The adaptive chunk size against fixed ones, over different kinds of work."""

from __future__ import annotations

from functools import partial

from ..bench import Bench
from ..measuring import Goal, Measurement, Row, at_least, at_most

SIZES = (25, 50, 100, 200, 500, 1000)
#: Kinds of work, and by which number of the scale: a second or more is to be measured.
WORKS = {
    "partners": ("creates of partners", "sized"),
    "products": ("creates of products", "slow_sized"),
    "updates": ("updates of partners", "slow_sized"),
    "deletes": ("deletes of partners", "fast_sized"),
    "slow": ("creates that slow down with the chunk", "slow_sized"),
}
LONGEST_CHUNK_S = 5


def fixed(work: str, size: int) -> str:
    """The key of a measurement."""
    return f"{work}-{size}"


def adaptive(work: str) -> str:
    return f"{work}-adaptive"


def _fixed(bench: Bench, work: str, count: str, size: int) -> float:
    return bench.inside.call("sizes.rate", work=work, count=getattr(bench.scale, count), size=size)


def _adaptive(bench: Bench, work: str, count: str) -> dict[str, float]:
    return bench.inside.call("sizes.adaptive", work=work, count=getattr(bench.scale, count))


def _measurements(work: str, title: str, count: str):
    for size in SIZES:
        yield Measurement(
            fixed(work, size), f"{title}, chunks of {size:,}", "records/s",
            partial(_fixed, work=work, count=count, size=size),
        )  # fmt: skip
    yield Measurement(
        adaptive(work), f"{title}, adaptive", "records/s", partial(_adaptive, work=work, count=count), {"longest": "s"}
    )


def _row(key: str, title: str, work: str, sample: str, goal: Goal | None = None) -> Row:
    """What a sample comes to, against the best of the fixed sizes."""
    rivals = [fixed(work, size) for size in SIZES]
    return Row(
        key,
        title,
        (*rivals, adaptive(work)),
        lambda median: median[sample] / max(median[rival] for rival in rivals),
        "x",
        goal,
    )


MEASUREMENTS = [
    measurement for work, (title, count) in WORKS.items() for measurement in _measurements(work, title, count)
]
ROWS = [
    *(
        _row(
            adaptive(work),
            f"{title}: adaptive chunk size, against the best fixed one",
            work,
            adaptive(work),
            at_least(0.95),
        )
        for work, (title, _count) in WORKS.items()
    ),
    *(
        _row(f"{work}-cold", f"{title}: the same, with nothing learned yet", work, f"{adaptive(work)}/cold")
        for work, (title, _count) in WORKS.items()
    ),
    Row(
        "longest-chunk",
        "longest chunk of an adaptive size",
        tuple(map(adaptive, WORKS)),
        lambda median: max(median[f"{adaptive(work)}/longest"] for work in WORKS),
        "s",
        at_most(LONGEST_CHUNK_S),
    ),
]
