"""Whether a long queue makes anything slower: one with very many chunks is another copy of the database."""

from __future__ import annotations

import statistics
import time

from odoo import api
from odoo.tools import SQL

from .. import jobs
from ..bench import Bench
from ..measuring import Invalid, Measurement, Row

FEW_CHUNKS = 10
OTHER_JOBS = 10
CLAIMED_CHUNKS = 500
WARM_UP_CALLS = 20


def fill(registry, chunks: int) -> None:
    """Add waiting chunks of other jobs to the queue, and a job to claim from."""
    job, chunk = _submit(registry, 1)
    for other in jobs.copy(registry, "batch_job", job, OTHER_JOBS, uuid=SQL("gen_random_uuid()::text")):
        columns = {"job_id": SQL("%s", other), "operation_id": SQL("NULL")}
        jobs.copy(registry, "batch_chunk", chunk, chunks // OTHER_JOBS, **columns)
    jobs.query(registry, "UPDATE batch_job SET ready = false WHERE id = %s", job)
    add_claimable(registry)


def add_claimable(registry) -> None:
    """Add one job to claim from."""
    _job, chunk = _submit(registry, 1)
    jobs.copy(registry, "batch_chunk", chunk, CLAIMED_CHUNKS - 1)


def clear(registry) -> None:
    """Empty the queue."""
    jobs.query(registry, "DELETE FROM batch_job WHERE finished_at IS NULL")


def add_running(registry, chunks: int) -> int:
    """Add a job half of whose chunks are done; returns its id."""
    job, chunk = _submit(registry, FEW_CHUNKS)
    jobs.copy(registry, "batch_chunk", chunk, chunks - FEW_CHUNKS)
    jobs.query(
        registry,
        """
        UPDATE batch_chunk
           SET state = 'done', claimed_at = now(), finished_at = now(), duration = 0.1, processed_records = 1,
               tallied = true
         WHERE job_id = %s
           AND mod(id, 2) = 0
        """,
        job,
    )
    jobs.query(
        registry,
        """
        UPDATE batch_job
           SET state = 'running', ready = false, started_at = now(), progress_at = now() + interval '1 day',
               total_records = %s, processed_records = %s
         WHERE id = %s
        """,
        chunks,
        chunks // 2,
        job,
    )
    return job


def _submit(registry, chunks: int) -> tuple[int, int]:
    """Submit a job with so many chunks; returns its id and that of its first chunk."""
    operation = jobs.create([{"name": f"Tag {number}"} for number in range(chunks)], "res.partner.category")
    job = jobs.submit(registry, operation, max_chunk_size=1)
    [(chunk,)] = jobs.query(registry, "SELECT min(id) FROM batch_chunk WHERE job_id = %s", job)
    return job, chunk


def _status(bench: Bench) -> dict[str, float]:
    return bench.in_crowd(status, few=bench.few, many=bench.many, calls=bench.scale.calls)


def status(registry, few: int, many: int, calls: int) -> dict[str, float]:
    """Milliseconds of `status`, for a job with few chunks and one with many."""
    taken = {few: [], many: []}
    for _number in range(calls + WARM_UP_CALLS):
        for job, times in taken.items():
            with registry.cursor() as cr:
                env = api.Environment(cr, jobs.ADMIN, {})
                started = time.monotonic()
                env["batch.job"].browse(job).status()
                times.append(time.monotonic() - started)
    return {"few": _median_ms(taken[few]), "many": _median_ms(taken[many])}


def _claim_alone(bench: Bench) -> float:
    bench.inside(add_claimable)
    try:
        return bench.inside(claim, calls=bench.scale.calls)
    finally:
        bench.inside(clear)


def _claim_in_crowd(bench: Bench) -> float:
    return bench.in_crowd(claim, calls=bench.scale.calls)


def claim(registry, calls: int) -> float:
    """Milliseconds of a claim, the commit included; what was claimed is given back, untimed."""
    lane, times = jobs.new_lane(registry), []
    give_back = "UPDATE batch_chunk SET state = 'pending', claimed_at = NULL WHERE id = %s"
    with lane.connected():
        for _number in range(calls + WARM_UP_CALLS):
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
    Measurement("status", "status, of a job with 10 chunks and of one with {chunks:,}", "ms", _status),
    Measurement("claim-alone", "claim, nothing else in the queue", "ms", _claim_alone),
    Measurement("claim-in-crowd", "claim, {waiting:,} chunks of other jobs in the queue", "ms", _claim_in_crowd),
]
ROWS = [
    Row("status", "status of a job with {chunks:,} chunks, against one with 10",
        "x", ("status/many",), ("status/few",), most=1.2),
    Row("claim", "a claim among {waiting:,} waiting chunks of other jobs, against none",
        "x", ("claim-in-crowd",), ("claim-alone",), most=1.2),
]
# fmt: on
