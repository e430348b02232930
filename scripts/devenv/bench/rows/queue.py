"""How submissions are accepted and started, and whether a long queue makes anything slower."""

import statistics
import time
from functools import partial

from odoo import api

from ... import databases
from .. import jobs
from ..bench import Bench
from ..measuring import Measurement, Row, expect

WARM_UP_CALLS = 20


def _accept(bench: Bench) -> float:
    """Seconds of the call; the job is then cancelled, and deleted with all that belongs to it."""
    job = bench.submit(jobs.cut(jobs.partners(jobs.new_mark(), bench.scale.many), 1))["job_id"]
    seconds = bench.client.answered_in_s
    *_, status = bench.client.follow(bench.client.rpc("/batch/v1/cancel", job_id=job))
    jobs.delete(bench.served, job)
    # or PostgreSQL would, beside what is measured next
    databases.query("VACUUM batch_operation, batch_chunk", database=bench.served.dbname)
    expect(status["stats"]["total_operations"], bench.scale.many, "stored operations")
    return seconds


def _run(bench: Bench) -> float:
    """Seconds that as many operations would take, by the time of a part of them."""
    mark, count = jobs.new_mark(), bench.scale.run_of_many
    started, ended = bench.submit_and_look(jobs.cut(jobs.partners(mark, count), 1))
    jobs.expect_partners(bench.served, mark, count)
    return (ended - started) * bench.scale.many / count


def _start(bench: Bench) -> float:
    """Milliseconds from the submission to the first chunk running, the median of several."""
    times = []
    for _number in range(bench.scale.starts):
        jobs.rest()
        operation = jobs.create(jobs.partners(jobs.new_mark(), 1))
        submitted = time.time()
        started, _ended = bench.submit_and_look([operation])
        times.append(started - submitted)
    return statistics.median(times) * 1000


def _status(bench: Bench) -> dict[str, float]:
    """Milliseconds of `status`, for a job with few chunks and one with many."""
    named = dict(jobs.query(bench.crowd, "SELECT name, id FROM batch_job WHERE name IN ('few', 'many')"))
    taken = {name: [] for name in named}
    for _number in range(bench.scale.calls + WARM_UP_CALLS):
        for name, job in named.items():
            with bench.crowd.cursor() as cr:
                env = api.Environment(cr, jobs.ADMIN, {})
                started = time.monotonic()
                env["batch.job"].browse(job).status()
                taken[name].append(time.monotonic() - started)
    return {name: statistics.median(times[WARM_UP_CALLS:]) * 1000 for name, times in taken.items()}


def _claim(bench: Bench, where: str) -> float:
    """Milliseconds of a claim, the commit included; what was claimed is given back, untimed."""
    registry, times = getattr(bench, where), []
    job = jobs.submit_chunks(registry, 500)
    lane = jobs.new_lane(registry)
    give_back = "UPDATE batch_chunk SET state = 'pending', claimed_at = NULL WHERE id = %s"
    with lane.connected():
        for _number in range(bench.scale.calls + WARM_UP_CALLS):
            started = time.monotonic()
            claimed = lane.claim()
            times.append(time.monotonic() - started)
            jobs.query(registry, give_back, claimed.chunk_id)
    jobs.delete(registry, job)
    return statistics.median(times[WARM_UP_CALLS:]) * 1000


MEASUREMENTS = [
    Measurement("accept", "accepting {many:,} one-record operations", "s", _accept),
    Measurement("run", "running {many:,} one-record operations, extrapolated from {run_of_many:,}", "s", _run),
    Measurement("start", "submission to first chunk, median of {starts}", "ms", _start),
    Measurement("status", "status, of a job with 10 chunks and of one with {chunks:,}", "ms", _status),
    Measurement("claim-alone", "claim, nothing else in the queue", "ms", partial(_claim, where="inside")),
    Measurement("claim-in-crowd", "claim, {waiting:,} chunks of other jobs in the queue", "ms", partial(_claim, where="crowd")),
]
ROWS = [
    Row("accept", "accepting {many:,} one-record operations, as a share of running them (extrapolated from {run_of_many:,})",
        "accept", "run", "≤ 3", unit="%"),
    Row("start", "from a submission to its first chunk running, idle server", "start", goal="≤ 150", unit="ms"),
    Row("status", "status of a job with {chunks:,} chunks, against one with 10", "status/many", "status/few", "≤ 1.2"),
    Row("claim", "a claim among {waiting:,} waiting chunks of other jobs, against none", "claim-in-crowd", "claim-alone", "≤ 1.2"),
]
