"""What a very large submission takes to be accepted, and how soon an idle server starts what is submitted."""

from __future__ import annotations

import statistics
import time

from .. import jobs
from ..bench import Bench
from ..measuring import Measurement, Row, expect


def _accept(bench: Bench) -> float:
    """Seconds of the call; the job is then cancelled, and deleted with all that belongs to it."""
    operations = jobs.one_each(jobs.partners(jobs.new_mark(), bench.scale.many))
    submit = bench.client.prepare("/batch/v1/submit", operations=operations)
    started = time.monotonic()
    job = submit()["job_id"]
    seconds = time.monotonic() - started
    stats = bench.follow(bench.client.batch("cancel", job_id=job))["stats"]
    bench.sql("DELETE FROM batch_job WHERE id = %s", job)
    bench.sql("VACUUM batch_operation, batch_chunk")  # or PostgreSQL would, beside what is measured next
    expect(stats["total_operations"], bench.scale.many, "stored operations")
    return seconds


def _run(bench: Bench) -> float:
    """Seconds that as many operations would take, by the time of a part of them."""
    mark = jobs.new_mark()
    job = bench.submit(jobs.one_each(jobs.partners(mark, bench.scale.run_of_many)))
    bench.look_after(job)
    bench.expect_partners(mark, bench.scale.run_of_many)
    return bench.run_s(job) * bench.scale.many / bench.scale.run_of_many


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


# fmt: off
MEASUREMENTS = [
    Measurement("accept", "accepting {many:,} one-record operations", "s", _accept),
    Measurement("run", "running {many:,} one-record operations, extrapolated from {run_of_many:,}", "s", _run),
    Measurement("start", "submission to first chunk, median of {starts}", "ms", _start),
]
ROWS = [
    Row("accept", "accepting {many:,} one-record operations, as a share of running them (extrapolated from {run_of_many:,})",
        "%", ("accept",), ("run",), most=3),
    Row("start", "from a submission to its first chunk running, idle server", "ms", ("start",), most=150),
]
# fmt: on
