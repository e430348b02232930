"""Whether a lane's memory stays as it is."""

from __future__ import annotations

from ..bench import Bench
from ..measuring import Measurement, alone, at_most


def _growth(bench: Bench) -> float:
    job = bench.inside.call("memory.submit", count=bench.scale.memory)
    with bench.new_agent() as fresh:
        return fresh.call("memory.growth", job=job)


MEASUREMENTS = [
    Measurement("memory", "growth of a lane over {memory:,} records", "MB", _growth, once=True),
]
ROWS = [
    alone(
        "memory",
        "growth of a lane's memory over a job of {memory:,} records, after its first 10 chunks",
        "memory",
        "MB",
        at_most(50),
    ),
]
