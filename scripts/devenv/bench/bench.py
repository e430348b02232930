"""What a measurement works with: a server, copies of its database, and a clock; all of it is gone at the end."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace

import psycopg2.extensions

from .. import databases, odoo_bin, paths
from ..client import Client, pause_s
from ..console import say
from . import inside
from .measuring import Invalid, Measurement, expect

MODULE = "batch_executor_bench"
HTTP_WORKERS = 2
CRON_WORKERS = 2
#: Accepting 100,000 operations takes longer than Odoo lets a request by default.
REQUEST_S = 1200
PATIENCE_S = 600
#: How often the benchmark looks into the database; that costs those it measures next to nothing.
LOOK_S = 0.01
#: What the server needs to fall idle after a job: its lanes stay for half a second.
REST_S = 1.0
FINAL = {"completed", "partial", "failed", "cancelled"}


@dataclass(frozen=True)
class Bench:
    scale: SimpleNamespace
    address: str  # of the server
    database: str  # that it serves
    client: Client
    connection: psycopg2.extensions.connection
    inside: Callable  # calls a function in another process, on a copy of that database without a server
    inside_database: str
    crowd: Callable  # the same, on a copy whose queue has very many chunks

    def take(self, measurement: Measurement) -> float | dict[str, float]:
        if not measurement.where:
            return measurement.run(self)
        return getattr(self, measurement.where)(measurement.run, scale=self.scale)

    def sql(self, query: str, *params) -> list[tuple]:
        """Run a statement in the served database; returns its rows."""
        with self.connection.cursor() as cursor:
            cursor.execute(query, params or None)
            return cursor.fetchall() if cursor.description else []

    def wait(self, condition: Callable, what: str, every_s: float = LOOK_S):
        """Ask until something is there; returns it."""
        deadline = time.monotonic() + PATIENCE_S
        while not (found := condition()):
            if time.monotonic() > deadline:
                raise Invalid(f"{what} did not come about within {PATIENCE_S} seconds")
            time.sleep(every_s)
        return found

    def rest(self) -> None:
        time.sleep(REST_S)

    def submit(self, operations: list[dict], **options) -> int:
        return self.client.batch("submit", operations=operations, **options)["job_id"]

    def follow(self, status: dict) -> dict:
        """Ask for the status of a job until it is over, when it may be; returns the last one."""
        deadline = time.monotonic() + PATIENCE_S
        while not status["finished_at"]:
            if time.monotonic() > deadline:
                raise Invalid(f"job {status['job_id']} was not over within {PATIENCE_S} seconds")
            time.sleep(pause_s(status))
            status = self.client.batch("status", job_id=status["job_id"])
        return status

    def look_after(self, job: int) -> None:
        """Wait until all records of a job have succeeded, without asking the server."""

        def final():
            [(state,)] = self.sql("SELECT state FROM batch_job WHERE id = %s", job)
            return state if state in FINAL else None

        state = self.wait(final, f"the end of job {job}")
        if state != "completed":
            raise Invalid(f"a job ended as {state}")

    def run_s(self, job: int) -> float:
        """Seconds from the start of a job's first chunk to the end of its last."""
        times = (
            "SELECT extract(epoch FROM max(finished_at) - min(claimed_at))::float FROM batch_chunk WHERE job_id = %s"
        )
        [(seconds,)] = self.sql(times, job)
        return seconds

    def expect_partners(self, mark: str, wanted: int) -> None:
        [(count,)] = self.sql("SELECT count(*) FROM res_partner WHERE ref LIKE %s", f"{mark}-%")
        expect(count, wanted, "partners")


@contextlib.contextmanager
def ready(scale: SimpleNamespace) -> Iterator[Bench]:
    """Everything up and running."""
    from .rows import queue

    with contextlib.ExitStack() as stack:
        served, copied, crowded = (
            databases.unique_name(f"batch_bench_{name}") for name in ("served", "inside", "crowded")
        )
        for database in (served, copied, crowded):
            stack.callback(databases.drop, database)
        databases.create(served)
        odoo_bin.finish(served, f"--init={MODULE}", doing=f"installing {MODULE}")
        key = databases.api_key(served)
        for database in (copied, crowded):
            databases.copy(served, database)
        crowd = stack.enter_context(inside.process(crowded))
        say(f"filling a queue with {scale.waiting:,} chunks")
        crowd(queue.fill, scale=scale)
        databases.query("VACUUM ANALYZE batch_job", "VACUUM ANALYZE batch_chunk", database=crowded)
        connection = stack.enter_context(databases.connected(served))
        due = _due(connection)
        address = stack.enter_context(_serving(served))
        client = Client(address, key)
        client.log_in(served, "admin", "admin")
        process = stack.enter_context(inside.process(copied))
        bench = Bench(scale, address, served, client, connection, process, copied, crowd)
        _let_settle(bench, due)
        yield bench


def _let_settle(bench: Bench, due: set[tuple]) -> None:
    """Wait for the end of what a new database has to do at first, or it would be done beside the measurements."""

    def is_settled():
        # cron workers sleep for a minute before they first look for work by themselves
        databases.query(f"NOTIFY cron_trigger, '{bench.database}'")
        return not due & _due(bench.connection)

    bench.wait(is_settled, "the end of the scheduled actions of a new database", every_s=1)
    # each installation of a module asks for another clean-up a minute later, in the middle of a round
    bench.sql("DELETE FROM ir_cron_trigger WHERE call_at > now() AT TIME ZONE 'UTC' RETURNING id")


def _due(connection: psycopg2.extensions.connection) -> set[tuple]:
    """Which scheduled actions are to be run, and since when; in a new database nearly all of them are."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, nextcall FROM ir_cron WHERE active AND nextcall <= now() AT TIME ZONE 'UTC'")
        return set(cursor.fetchall())


@contextlib.contextmanager
def _serving(database: str) -> Iterator[str]:
    """One prefork server with the runner of `queue_job`, which may run as much at once as there are workers; gives its address."""
    port, log = odoo_bin.free_port(), paths.LOGS / "bench.log"
    log.unlink(missing_ok=True)
    server = odoo_bin.start(
        log, f"--database={database}", f"--workers={HTTP_WORKERS}", f"--max-cron-threads={CRON_WORKERS}",
        f"--http-port={port}", f"--gevent-port={odoo_bin.free_port()}",
        f"--limit-time-cpu={REQUEST_S}", f"--limit-time-real={REQUEST_S}",
        env={"ODOO_QUEUE_JOB_CHANNELS": f"root:{HTTP_WORKERS}", "ODOO_SERVER_WIDE_MODULES": "base,rpc,web,queue_job"},
    )  # fmt: skip
    try:
        odoo_bin.wait_until_serving(port, server, log)
        say("the server is up")
        yield f"http://127.0.0.1:{port}"
    finally:
        odoo_bin.stop(server)
