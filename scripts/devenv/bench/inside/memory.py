"""How much a lane's memory grows over a very long job."""

from __future__ import annotations

import os
from pathlib import Path

from odoo.addons.batch_executor.run.lane import Lane

from . import jobs

CATEGORY = "res.partner.category"
SETTLED_AFTER = 10  # chunks
MEGABYTE = 1024 * 1024


def submit(registry, count: int) -> int:
    """Submit the job; in another process than the lane's, which would else keep what that takes."""
    values = [{"name": f"Tag {number}"} for number in range(count)]
    return jobs.submit(registry, [{"operation_type": "create", "model": CATEGORY, "data": values}])


def growth(registry, job: int) -> float:
    """Megabytes by which the process is larger at the job's end than after the first chunks."""
    sizes = []

    class WatchedLane(Lane):
        def work_on(self, claim):
            super().work_on(claim)
            sizes.append(_resident())

    jobs.run(registry, job, WatchedLane)
    return (sizes[-1] - sizes[min(SETTLED_AFTER, len(sizes)) - 1]) / MEGABYTE


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
