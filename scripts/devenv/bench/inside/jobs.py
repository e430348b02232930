"""Jobs of the benchmark's own process: submitted here, run by one lane here."""

from __future__ import annotations

import time

from odoo import api

from odoo.addons.batch_executor.run.lane import Lane

from ..measuring import Invalid

ADMIN = 2
LANE_S = 800


def submit(registry, operations: list[dict], **options) -> int:
    """Submit as the administrator; returns the job's id."""
    with registry.cursor() as cr:
        return api.Environment(cr, ADMIN, {})["batch.job"].submit(operations, **options)["job_id"]


def new_lane(registry, lane_class=Lane) -> Lane:
    end = time.monotonic() + LANE_S
    return lane_class(registry, "benchmark", lambda: end - time.monotonic())


def run(registry, job: int, lane_class=Lane) -> float:
    """Run a job to its end; returns the seconds the lane took."""
    lane = new_lane(registry, lane_class)
    started = time.monotonic()
    lane.run()
    seconds = time.monotonic() - started
    check(registry, job)
    return seconds


def check(registry, job: int) -> None:
    """See that all records of a job have succeeded."""
    with registry.cursor() as cr:
        cr.execute("SELECT state, processed_records, total_records FROM batch_job WHERE id = %s", [job])
        state, processed, total = cr.fetchone()
    if state != "completed":
        raise Invalid(f"a job ended as {state}: {processed} of {total} records")


def longest_chunk(registry, job: int) -> float:
    with registry.cursor() as cr:
        cr.execute("SELECT max(duration)::float FROM batch_chunk WHERE job_id = %s", [job])
        return cr.fetchone()[0]


def count_partners(registry, mark: str) -> int:
    with registry.cursor() as cr:
        cr.execute("SELECT count(*) FROM res_partner WHERE ref LIKE %s", [f"{mark}-%"])
        return cr.fetchone()[0]


def expect(count: int, wanted: int, what: str) -> None:
    if count != wanted:
        raise Invalid(f"{what}: {count:,} instead of {wanted:,}")
