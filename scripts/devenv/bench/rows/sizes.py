"""The adaptive chunk size against fixed ones, over different kinds of work."""

from __future__ import annotations

from functools import partial

from ..bench import Bench
from ..measuring import Measurement, Row, at_least, at_most

SIZES = (25, 50, 100, 200, 500, 1000)
#: Kinds of work, and whether one takes long for each record.
WORKS = {
    "partners": ("creates of partners", False),
    "products": ("creates of products", True),
    "updates": ("updates of partners", False),
    "deletes": ("deletes of partners", False),
    "slow": ("creates that slow down with the chunk", True),
}
LONGEST_CHUNK_S = 5


def fixed(work: str, size: int) -> str:
    """The key of a measurement."""
    return f"{work}-{size}"


def adaptive(work: str) -> str:
    return f"{work}-adaptive"


def _count(bench: Bench, takes_long: bool) -> int:
    return bench.scale.slow_sized if takes_long else bench.scale.sized


def _fixed(bench: Bench, work: str, takes_long: bool, size: int) -> float:
    return bench.inside.call("sizes.rate", work=work, count=_count(bench, takes_long), size=size)


def _adaptive(bench: Bench, work: str, takes_long: bool) -> dict[str, float]:
    return bench.inside.call("sizes.adaptive", work=work, count=_count(bench, takes_long))


def _measurements(work: str, title: str, takes_long: bool):
    for size in SIZES:
        yield Measurement(
            fixed(work, size), f"{title}, chunks of {size:,}", "records/s",
            partial(_fixed, work=work, takes_long=takes_long, size=size),
        )  # fmt: skip
    yield Measurement(
        adaptive(work), f"{title}, adaptive", "records/s", partial(_adaptive, work=work, takes_long=takes_long)
    )


def _row(work: str, title: str) -> Row:
    needs = [fixed(work, size) for size in SIZES]
    return Row(
        adaptive(work),
        f"{title}: adaptive chunk size, against the best fixed one",
        (*needs, adaptive(work)),
        lambda median: median[adaptive(work)] / max(median[key] for key in needs),
        "x",
        at_least(0.95),
    )


def _cold_row(work: str, title: str) -> Row:
    needs = [fixed(work, size) for size in SIZES]
    return Row(
        f"{work}-cold",
        f"{title}: the same, with nothing learned yet",
        (*needs, adaptive(work)),
        lambda median: median[f"{adaptive(work)}/cold"] / max(median[key] for key in needs),
        "x",
    )


MEASUREMENTS = [
    measurement for work, (title, takes_long) in WORKS.items() for measurement in _measurements(work, title, takes_long)
]
ROWS = [
    *(_row(work, title) for work, (title, _takes_long) in WORKS.items()),
    *(_cold_row(work, title) for work, (title, _takes_long) in WORKS.items()),
    Row(
        "longest-chunk",
        "longest chunk of an adaptive size",
        tuple(map(adaptive, WORKS)),
        lambda median: max(median[f"{adaptive(work)}/longest"] for work in WORKS),
        "s",
        at_most(LONGEST_CHUNK_S),
    ),
]
