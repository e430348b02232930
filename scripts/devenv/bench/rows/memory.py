"""Whether a lane's memory stays as it is."""

from __future__ import annotations

import psutil

from odoo.addons.batch_executor.run.lane import Lane

from .. import inside, jobs
from ..bench import Bench
from ..measuring import Measurement, Row

CATEGORY = "res.partner.category"
SETTLED_AFTER = 10  # chunks
MEGABYTE = 1024 * 1024


def _growth(bench: Bench) -> float:
    """Megabytes, in a process that is fresh: it does not keep what the submission took."""
    values = [{"name": f"Tag {number}"} for number in range(bench.scale.memory)]
    job = bench.inside(jobs.submit, operation=jobs.create(values, CATEGORY))
    with inside.process(bench.inside_database) as fresh:
        return fresh(growth, job=job)


def growth(registry, job: int) -> float:
    """Megabytes by which the process is larger at the job's end than after the first chunks."""
    sizes = []

    class WatchedLane(Lane):
        def work_on(self, claim):
            super().work_on(claim)
            sizes.append(psutil.Process().memory_info().rss)

    jobs.run(registry, job, WatchedLane)
    return (sizes[-1] - sizes[min(SETTLED_AFTER, len(sizes)) - 1]) / MEGABYTE


# fmt: off
MEASUREMENTS = [Measurement("memory", "growth of a lane over {memory:,} records", "MB", _growth, once=True)]
ROWS = [
    Row("memory", "growth of a lane's memory over a job of {memory:,} records, after its first 10 chunks",
        "MB", ("memory",), most=50),
]
# fmt: on
