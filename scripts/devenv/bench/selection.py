"""Which rows are wanted, and what has to be measured for them."""

from __future__ import annotations

from ..console import CannotDo
from .measuring import Measurement, Row
from .rows import MEASUREMENTS, ROWS


def choose(only: tuple[str, ...]) -> tuple[list[Row], list[Measurement]]:
    """The rows of these names (all, where there are none), and their measurements."""
    if unknown := sorted(set(only) - set(ROWS)):
        raise CannotDo(f"there is no row {', '.join(unknown)}; there are {', '.join(ROWS)}")
    rows = [row for row in ROWS.values() if not only or row.key in only]
    needed = {key for row in rows for key in row.needs}
    return rows, [measurement for measurement in MEASUREMENTS.values() if measurement.key in needed]
