"""How soon an idle server starts what is submitted."""

from __future__ import annotations

import statistics
import time

from .. import records
from ..bench import Bench
from ..measuring import Measurement, alone, at_most


def _start(bench: Bench) -> float:
    """Milliseconds from the submission to the first chunk running, the median of several."""
    return statistics.median(_start_once(bench) for _number in range(bench.scale.starts)) * 1000


def _start_once(bench: Bench) -> float:
    bench.rest()
    operation = records.create(records.partners(records.new_mark(), 1))
    submitted = time.time()
    job = bench.submit([operation])
    bench.look_after(job)
    [(claimed,)] = bench.sql(
        "SELECT extract(epoch FROM min(claimed_at) AT TIME ZONE 'UTC')::float FROM batch_chunk WHERE job_id = %s", job
    )
    return claimed - submitted


MEASUREMENTS = [Measurement("start", "submission to first chunk, median of {starts}", "ms", _start)]
ROWS = [alone("start", "from a submission to its first chunk running, idle server", "start", "ms", at_most(150))]
