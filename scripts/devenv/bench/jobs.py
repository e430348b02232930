"""What rows need: records for everybody, and jobs in a process of the benchmark's own, run by one lane there."""

import secrets
import time
from collections.abc import Callable

from odoo import api

from odoo.addons.batch_executor.run.lane import Lane

from .measuring import Invalid, expect

PARTNER = "res.partner"
ADMIN = 2
LANE_S = 800


def new_mark() -> str:
    """What tells the records of one measurement from all others."""
    return secrets.token_hex(6)


def partners(mark: str, count: int) -> list[dict]:
    return [
        {
            "name": f"Contact {number}",
            "ref": f"{mark}-{number}",
            "email": f"contact.{number}@{mark}.example.com",
            "phone": f"+1 555 {number:07d}",
            "street": f"{number} Main Street",
            "city": "Springfield",
            "zip": f"{number % 100_000:05d}",
        }
        for number in range(count)
    ]


def expect_partners(sql: Callable, mark: str, wanted: int) -> None:
    [(count,)] = sql("SELECT count(*) FROM res_partner WHERE ref LIKE %s", f"{mark}-%")
    expect(count, wanted, "partners")


def create(values: list[dict], model: str = PARTNER) -> dict:
    return {"operation_type": "create", "model": model, "data": values}


def one_each(values: list[dict]) -> list[dict]:
    """As many operations as records."""
    return [create([record]) for record in values]


def submit(registry, operation: dict, **options) -> int:
    """Submit as the administrator; returns the job's id."""
    with registry.cursor() as cr:
        return api.Environment(cr, ADMIN, {})["batch.job"].submit([operation], **options)["job_id"]


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
    [(state,)] = query(registry, "SELECT state FROM batch_job WHERE id = %s", job)
    if state != "completed":
        raise Invalid(f"a job ended as {state}")


def query(registry, statement: str, *params) -> list[tuple]:
    """Run a statement, and commit."""
    with registry.cursor() as cr:
        cr.execute(statement, params or None)
        return cr.fetchall() if cr.description else []
