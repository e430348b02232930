"""How soon an idle server starts what is submitted."""

from __future__ import annotations

import statistics
import time

from .. import jobs
from ..bench import Bench
from ..measuring import Measurement, Row


def _start(bench: Bench) -> float:
    """Milliseconds from the submission to the first chunk running, the median of several."""
    return statistics.median(_start_once(bench) for _number in range(bench.scale.starts)) * 1000


def _start_once(bench: Bench) -> float:
    bench.rest()
    operation = jobs.create(jobs.partners(jobs.new_mark(), 1))
    submitted = time.time()
    job = bench.submit([operation])
    bench.look_after(job)
    first = "SELECT extract(epoch FROM min(claimed_at) AT TIME ZONE 'UTC')::float FROM batch_chunk WHERE job_id = %s"
    [(claimed,)] = bench.sql(first, job)
    return claimed - submitted


MEASUREMENTS = [Measurement("start", "submission to first chunk, median of {starts}", "ms", _start)]
ROWS = [Row("start", "from a submission to its first chunk running, idle server", "ms", ("start",), most=150)]
