"""A queue with very many chunks, and what `status` and a claim take in it."""

from __future__ import annotations

import statistics
import time

from odoo import api
from odoo.tools import SQL

from ..measuring import Invalid
from . import jobs
from .rows import copy

FEW_CHUNKS = 10
OTHER_JOBS = 10
CLAIMED_CHUNKS = 500
CATEGORY = "res.partner.category"
WARM_UP_CALLS = 20


def fill(registry, chunks: int) -> None:
    """Add waiting chunks of other jobs to the queue."""
    job = _job(registry, 1)
    with registry.cursor() as cr:
        others = copy(cr, "batch_job", job, OTHER_JOBS, uuid=SQL("gen_random_uuid()::text"))
        for other in others:
            copy(
                cr,
                "batch_chunk",
                _chunk(cr, job),
                chunks // OTHER_JOBS,
                job_id=SQL("%s", other),
                operation_id=SQL("NULL"),
            )
        cr.execute("UPDATE batch_job SET ready = false WHERE id = %s", [job])


def add_claimable(registry) -> None:
    """Add one job to claim from."""
    job = _job(registry, 1)
    with registry.cursor() as cr:
        copy(cr, "batch_chunk", _chunk(cr, job), CLAIMED_CHUNKS - 1)


def clear(registry) -> None:
    """Empty the queue."""
    with registry.cursor() as cr:
        cr.execute("DELETE FROM batch_job WHERE finished_at IS NULL")


def add_running(registry, chunks: int) -> int:
    """Add a job half of whose chunks are done; returns its id."""
    job = _job(registry, FEW_CHUNKS)
    with registry.cursor() as cr:
        copy(cr, "batch_chunk", _chunk(cr, job), chunks - FEW_CHUNKS)
        cr.execute(
            """
            UPDATE batch_chunk
               SET state = 'done', claimed_at = now(), finished_at = now(), duration = 0.1, processed_records = 1,
                   tallied = true
             WHERE job_id = %s
               AND mod(id, 2) = 0
            """,
            [job],
        )
        cr.execute(
            """
            UPDATE batch_job
               SET state = 'running', ready = false, started_at = now(), progress_at = now() + interval '1 day',
                   total_records = %s, processed_records = %s
             WHERE id = %s
            """,
            [chunks, chunks // 2, job],
        )
    return job


def status(registry, few: int, many: int, calls: int) -> dict[str, float]:
    """Milliseconds of `status`, for a job with few chunks and one with many."""
    taken = {few: [], many: []}
    for number in range(calls + WARM_UP_CALLS):
        for job, times in taken.items():
            with registry.cursor() as cr:
                env = api.Environment(cr, jobs.ADMIN, {})
                started = time.monotonic()
                env["batch.job"].browse(job).status()
                if number >= WARM_UP_CALLS:
                    times.append(time.monotonic() - started)
    return {"few": _median_ms(taken[few]), "many": _median_ms(taken[many])}


def claim(registry, calls: int) -> float:
    """Milliseconds of a claim, the commit included; what was claimed is given back, untimed."""
    lane = jobs.new_lane(registry)
    times = []
    with lane.connected():
        for _number in range(calls + WARM_UP_CALLS):
            started = time.monotonic()
            claimed = lane.claim()
            times.append(time.monotonic() - started)
            if claimed is None:
                raise Invalid("there was nothing to claim")
            with registry.cursor() as cr:
                cr.execute(
                    "UPDATE batch_chunk SET state = 'pending', claimed_at = NULL WHERE id = %s", [claimed.chunk_id]
                )
    return _median_ms(times[WARM_UP_CALLS:])


def _job(registry, chunks: int) -> int:
    values = [{"name": f"Tag {number}"} for number in range(chunks)]
    operation = {"operation_type": "create", "model": CATEGORY, "data": values}
    return jobs.submit(registry, [operation], max_chunk_size=1)


def _chunk(cr, job: int) -> int:
    cr.execute("SELECT min(id) FROM batch_chunk WHERE job_id = %s", [job])
    return cr.fetchone()[0]


def _median_ms(times: list[float]) -> float:
    return statistics.median(times) * 1000
