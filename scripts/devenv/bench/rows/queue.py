"""How submissions are accepted and started, and whether a long queue makes anything slower."""

import statistics
import time

from odoo import api

from .. import jobs
from ..bench import Bench
from ..measuring import Invalid, Measurement, Row, expect

FEW_CHUNKS = 10
OTHER_JOBS = 10
CLAIMED_CHUNKS = 500
WARM_UP_CALLS = 20
HALF_DONE = """
    UPDATE batch_chunk
       SET state = 'done', claimed_at = now(), finished_at = now(), duration = 0.1, processed_records = 1, tallied = true
     WHERE job_id = %s AND id %% 2 = 0
"""
RUNNING = """
    UPDATE batch_job
       SET state = 'running', ready = false, started_at = now(), progress_at = now() + interval '1 day', processed_records = %s
     WHERE id = %s
"""


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
    seconds = bench.look_after(job)
    jobs.expect_partners(bench.sql, mark, bench.scale.run_of_many)
    return seconds * bench.scale.many / bench.scale.run_of_many


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


def fill(registry, scale) -> None:
    """Add waiting chunks of many jobs to the queue, and two jobs half of whose chunks are done, to ask for their status."""
    for _number in range(OTHER_JOBS):
        _submit(registry, scale.waiting // OTHER_JOBS)
    for name, chunks in {"few": FEW_CHUNKS, "many": scale.chunks}.items():
        job = _submit(registry, chunks, name=name)
        jobs.query(registry, HALF_DONE, job)
        jobs.query(registry, RUNNING, chunks // 2, job)


def _submit(registry, chunks: int, **options) -> int:
    operation = jobs.create([{"name": f"Tag {number}"} for number in range(chunks)], "res.partner.category")
    return jobs.submit(registry, operation, max_chunk_size=1, **options)


def _status(registry, scale) -> dict[str, float]:
    """Milliseconds of `status`, for a job with few chunks and one with many."""
    named = dict(jobs.query(registry, "SELECT name, id FROM batch_job WHERE name IN ('few', 'many')"))
    taken = {name: [] for name in named}
    for _number in range(scale.calls + WARM_UP_CALLS):
        for name, job in named.items():
            with registry.cursor() as cr:
                env = api.Environment(cr, jobs.ADMIN, {})
                started = time.monotonic()
                env["batch.job"].browse(job).status()
                taken[name].append(time.monotonic() - started)
    return {name: _median_ms(times) for name, times in taken.items()}


def _claim_alone(registry, scale) -> float:
    _submit(registry, CLAIMED_CHUNKS)
    try:
        return _claim(registry, scale)
    finally:
        jobs.query(registry, "DELETE FROM batch_job WHERE finished_at IS NULL")


def _claim(registry, scale) -> float:
    """Milliseconds of a claim, the commit included; what was claimed is given back, untimed."""
    lane, times = jobs.new_lane(registry), []
    give_back = "UPDATE batch_chunk SET state = 'pending', claimed_at = NULL WHERE id = %s"
    with lane.connected():
        for _number in range(scale.calls + WARM_UP_CALLS):
            started = time.monotonic()
            claimed = lane.claim()
            times.append(time.monotonic() - started)
            if claimed is None:
                raise Invalid("there was nothing to claim")
            jobs.query(registry, give_back, claimed.chunk_id)
    return _median_ms(times)


def _median_ms(times: list[float]) -> float:
    return statistics.median(times[WARM_UP_CALLS:]) * 1000


# fmt: off
MEASUREMENTS = [
    Measurement("accept", "accepting {many:,} one-record operations", "s", _accept),
    Measurement("run", "running {many:,} one-record operations, extrapolated from {run_of_many:,}", "s", _run),
    Measurement("start", "submission to first chunk, median of {starts}", "ms", _start),
    Measurement("status", "status, of a job with 10 chunks and of one with {chunks:,}", "ms", _status, "crowd"),
    Measurement("claim-alone", "claim, nothing else in the queue", "ms", _claim_alone, "inside"),
    Measurement("claim-in-crowd", "claim, {waiting:,} chunks of other jobs in the queue", "ms", _claim, "crowd"),
]
ROWS = [
    Row("accept", "accepting {many:,} one-record operations, as a share of running them (extrapolated from {run_of_many:,})",
        "%", ("accept",), ("run",), most=3),
    Row("start", "from a submission to its first chunk running, idle server", "ms", ("start",), most=150),
    Row("status", "status of a job with {chunks:,} chunks, against one with 10",
        "x", ("status/many",), ("status/few",), most=1.2),
    Row("claim", "a claim among {waiting:,} waiting chunks of other jobs, against none",
        "x", ("claim-in-crowd",), ("claim-alone",), most=1.2),
]
# fmt: on
