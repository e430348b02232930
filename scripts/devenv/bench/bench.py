"""What a measurement works with: a server, copies of its database, and a clock; all of it is gone at the end."""

import contextlib
import multiprocessing
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from types import SimpleNamespace

import psycopg2.extensions

from .. import databases, odoo_bin, paths
from ..client import Client, pause_s
from ..console import say
from .measuring import Invalid, Measurement

MODULE = "batch_executor_bench"
HTTP_WORKERS = 2
CRON_WORKERS = 2
#: Accepting 100,000 operations takes longer than Odoo lets a request by default.
REQUEST_S = 1200
PATIENCE_S = 600
#: A lane has less to run a job.
CALL_TIMEOUT_S = 900
#: How often the benchmark looks into the database; that costs those it measures next to nothing.
LOOK_S = 0.01
#: What the server needs to fall idle after a job: its lanes stay for half a second.
REST_S = 1.0


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

    def wait(self, condition: Callable, what: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            if time.monotonic() > deadline:
                raise Invalid(f"{what} did not come about within {PATIENCE_S} seconds")
            time.sleep(LOOK_S)

    def rest(self) -> None:
        time.sleep(REST_S)

    def submit(self, operations: list[dict], **options) -> int:
        return self.client.batch("submit", operations=operations, **options)["job_id"]

    def follow(self, status: dict) -> dict:
        """Ask for the status of a job until it is over, when it may be; returns the last one."""
        while not status["finished_at"]:
            time.sleep(pause_s(status))
            status = self.client.batch("status", job_id=status["job_id"])
        return status

    def look_after(self, job: int) -> float:
        """Wait until all records of a job have succeeded, without asking the server.

        :returns: seconds from the start of its first chunk to the end of its last
        """
        ended = "SELECT state FROM batch_job WHERE id = %s AND finished_at IS NOT NULL"
        self.wait(lambda: self.sql(ended, job), f"the end of job {job}")
        if (state := self.sql(ended, job)) != [("completed",)]:
            raise Invalid(f"a job ended as {state}")
        times = (
            "SELECT extract(epoch FROM max(finished_at) - min(claimed_at))::float FROM batch_chunk WHERE job_id = %s"
        )
        return self.sql(times, job)[0][0]


@contextlib.contextmanager
def ready(scale: SimpleNamespace) -> Iterator[Bench]:
    """Everything up and running."""
    from .rows import queue

    with contextlib.ExitStack() as stack:
        names = [databases.unique_name(f"batch_bench_{name}") for name in ("served", "inside", "crowded")]
        served, copied, crowded = names
        for database in names:
            stack.callback(databases.drop, database)
        databases.create(served)
        odoo_bin.finish(served, f"--init={MODULE}", doing=f"installing {MODULE}")
        # What a new database has to do at first would be done beside the measurements.
        idle = "UPDATE ir_cron SET active = false WHERE NOT is_batch_lane", "DELETE FROM ir_cron_trigger"
        databases.query(*idle, database=served)
        key = databases.api_key(served)
        for database in (copied, crowded):
            databases.copy(served, database)
        crowd = stack.enter_context(process(crowded))
        say(f"filling a queue with {scale.waiting:,} chunks")
        crowd(queue.fill, scale=scale)
        databases.query("VACUUM ANALYZE batch_job", "VACUUM ANALYZE batch_chunk", database=crowded)
        connection = stack.enter_context(databases.connected(served))
        address = stack.enter_context(_serving(served))
        client = Client(address, key)
        client.log_in(served, "admin", "admin")
        inside = stack.enter_context(process(copied))
        yield Bench(scale, address, served, client, connection, inside, copied, crowd)


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


@contextlib.contextmanager
def process(database: str):
    """Odoo in a process of the benchmark's own, on a database that no server runs on: nobody else takes its jobs.

    Gives a function that calls another one there, with the registry and what else it needs.
    """
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), load_odoo, (database,)) as pool:
        yield lambda function, **arguments: pool.submit(_call, function, arguments).result(CALL_TIMEOUT_S)


def load_odoo(database: str | None = None) -> None:
    """Make Odoo and its addons importable here, and load a database."""
    global registry
    sys.path.insert(0, str(odoo_bin.locate().python_path))
    import odoo.init  # noqa: F401
    from odoo.modules.module import initialize_sys_path
    from odoo.modules.registry import Registry
    from odoo.tools import config

    config.parse_config(
        ["--no-http", "--log-level=warn", f"--logfile={paths.LOGS / 'bench-inside.log'}"], setup_logging=True
    )
    initialize_sys_path()
    registry = Registry(database) if database else None


def _call(function: Callable, arguments: dict):
    registry.check_signaling()
    return function(registry, **arguments)
