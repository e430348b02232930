"""What rows need: records for everybody, and jobs run by one lane in this process.

A `database` is what has cursors: the registry of such jobs, or a connection to the database that is served.
"""

import contextlib
import secrets
import time

import psycopg2

from odoo import api

from odoo.addons.batch_executor.run.lane import Lane
from odoo.addons.batch_executor.run.purge import purge_slice

from .measuring import Invalid, expect

PARTNER = "res.partner"
ADMIN = 2
LANE_S = 800
OTHER_JOBS = 10
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


def rest() -> None:
    """Let the server fall idle after a job: its lanes stay for half a second."""
    time.sleep(1.0)


def new_mark() -> str:
    """What tells the records of one measurement from all others."""
    return secrets.token_hex(6)


def partners(mark: str, count: int) -> list[dict]:
    return [
        {
            "name": f"Contact {number}", "ref": f"{mark}-{number}", "email": f"contact.{number}@{mark}.example.com",
            "phone": f"+1 555 {number:07d}", "street": f"{number} Main Street", "city": "Springfield", "zip": f"{number:05d}",
        }
        for number in range(count)
    ]  # fmt: skip


def expect_partners(database, mark: str, wanted: int) -> None:
    [(count,)] = query(database, "SELECT count(*) FROM res_partner WHERE ref LIKE %s", f"{mark}-%")
    expect(count, wanted, "partners")


def create(values: list[dict], model: str = PARTNER) -> dict:
    return {"operation_type": "create", "model": model, "data": values}


def cut(values: list[dict], size: int) -> list[dict]:
    """Operations of so many records."""
    return [create(values[start : start + size]) for start in range(0, len(values), size)]


def submit(registry, operation: dict, **options) -> int:
    """Submit as the administrator; returns the job's id."""
    with registry.cursor() as cr:
        return api.Environment(cr, ADMIN, {})["batch.job"].submit([operation], **options)["job_id"]


def call(registry, job: int, verb: str) -> int:
    """Call a verb that makes another job; returns the id of that one."""
    with registry.cursor() as cr:
        return getattr(api.Environment(cr, ADMIN, {})["batch.job"].browse(job), verb)()["job_id"]


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


def check(database, job: int) -> None:
    """See that all records of a job have succeeded."""
    [(state,)] = query(database, "SELECT state FROM batch_job WHERE id = %s", job)
    if state != "completed":
        raise Invalid(f"a job ended as {state}")


def query(database, statement: str, *params) -> list[tuple]:
    """Run a statement, and commit."""
    with database.cursor() as cr:
        cr.execute(statement, params or None)
        return cr.fetchall() if cr.description else []


def delete(database, job: int) -> None:
    """Delete a job with all that belongs to it, once no lane writes to it any more."""
    while True:
        with contextlib.suppress(psycopg2.errors.SerializationFailure):
            query(database, "DELETE FROM batch_job WHERE id = %s", job)
            break
        rest()
    while query(database, "SELECT 1 FROM batch_remains LIMIT 1"):  # or lanes would, beside what is measured next
        with database.cursor() as cr:
            purge_slice(cr)


def submit_chunks(registry, count: int, **options) -> int:
    """Submit a job with so many chunks; returns its id."""
    values = [{"name": f"Tag {number}"} for number in range(count)]
    return submit(registry, create(values, "res.partner.category"), max_chunk_size=1, **options)


def fill(registry, scale) -> None:
    """Add waiting chunks of many jobs to the queue, and two jobs half of whose chunks are done, to ask for their status."""
    for _number in range(OTHER_JOBS):
        submit_chunks(registry, scale.waiting // OTHER_JOBS)
    for name, chunks in {"few": 10, "many": scale.chunks}.items():
        job = submit_chunks(registry, chunks, name=name)
        query(registry, HALF_DONE, job)
        query(registry, RUNNING, chunks // 2, job)
