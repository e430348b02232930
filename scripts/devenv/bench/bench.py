"""What a measurement works with: a server, copies of its database, and a clock; all of it is gone at the end."""

import contextlib
import functools
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timezone
from types import SimpleNamespace

import psutil

from odoo.modules.registry import Registry
from odoo.sql_db import Connection, db_connect

from .. import databases, odoo_bin
from ..base import LOGS, say
from ..client import Client
from . import jobs
from .measuring import Invalid

MODULE = "batch_executor_bench"
HTTP_WORKERS, CRON_WORKERS = 2, 2
#: Accepting 100,000 operations takes longer than Odoo lets a request by default.
REQUEST_S = 1200
PATIENCE_S = 600
CHART = """
env["account.chart.template"].try_loading("generic_coa", env.company)
env.cr.commit()
"""
#: How often the benchmark looks into the database; that costs those it measures next to nothing.
LOOK_S = 0.01


@dataclass(frozen=True)
class Bench:
    scale: SimpleNamespace
    address: str  # of the server
    server: psutil.Process
    key: str  # of the administrator's
    served: Connection  # to its database
    client: Client  # with a session: checking a key takes the server as long as the rest of a small call
    keyed: Client
    inside: Registry  # of a copy of that database without a server: nobody but this process takes its jobs
    crowd: Registry  # the same, with very many chunks in its queue
    business: Callable[[], Registry]  # the same, with what most companies install; made at the first call

    def wait(self, condition: Callable, what: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            if time.monotonic() > deadline:
                raise Invalid(f"{what} did not come about within {PATIENCE_S} seconds")
            time.sleep(LOOK_S)

    def submit(self, operations: list[dict], **options) -> dict:
        return self.client.rpc("/batch/v1/submit", operations=operations, **options)

    def submit_and_look(self, operations: list[dict], **options) -> list[float]:
        """Submit a job and wait until all its records have succeeded, without asking the server.

        :returns: when its first chunk started and its last ended, in seconds since the epoch
        """
        job = self.submit(operations, **options)["job_id"]
        ended = "SELECT id FROM batch_job WHERE id = %s AND finished_at IS NOT NULL"
        self.wait(lambda: jobs.query(self.served, ended, job), f"the end of job {job}")
        jobs.check(self.served, job)
        times = "SELECT min(claimed_at), max(finished_at) FROM batch_chunk WHERE job_id = %s"
        return [moment.replace(tzinfo=timezone.utc).timestamp() for moment in jobs.query(self.served, times, job)[0]]


@contextlib.contextmanager
def ready(scale: SimpleNamespace) -> Iterator[Bench]:
    """Everything up and running."""
    with contextlib.ExitStack() as stack:
        names = [f"batch_bench_{name}_{secrets.token_hex(4)}" for name in ("served", "inside", "crowd", "business")]
        for database in names:
            stack.callback(databases.drop, database)
        served, inside, crowd, business = names
        databases.create(served)
        odoo_bin.finish(served, f"--init={MODULE}", doing=f"installing {MODULE}")
        # What a new database has to do at first would be done beside the measurements.
        for idle in ("UPDATE ir_cron SET active = false WHERE NOT is_batch_lane", "DELETE FROM ir_cron_trigger"):
            databases.query(idle, database=served)
        key = databases.new_key(served)
        databases.copy(served, inside)
        databases.copy(served, crowd)
        say(f"filling a queue with {scale.waiting:,} chunks")
        jobs.fill(Registry(crowd), scale)
        databases.query("VACUUM ANALYZE batch_job, batch_chunk", database=crowd)
        address, server = _serve(served, stack)
        client = Client(address)
        client.rpc("/web/session/authenticate", db=served, login="admin", password="admin")
        registries = Registry(inside), Registry(crowd), functools.cache(functools.partial(_do_business, business))
        yield Bench(scale, address, server, key, db_connect(served), client, Client(address, key), *registries)


def _do_business(database: str) -> Registry:
    """Make a database with what most companies install; returns the registry."""
    databases.create(database, business=True)
    odoo_bin.finish(database, "--init=sale_stock", doing="installing sale_stock")
    databases.shell(database, CHART, doing="loading a chart of accounts")
    databases.query("UPDATE ir_cron SET active = false WHERE NOT is_batch_lane", database=database)
    return Registry(database)


def _serve(database: str, stack: contextlib.ExitStack) -> tuple[str, psutil.Process]:
    """Start a prefork server with the runner of `queue_job`, which may run as much at once as there are workers; returns its address too."""
    port, log = odoo_bin.free_port(), LOGS / "bench.log"
    log.unlink(missing_ok=True)
    server = odoo_bin.start(
        log, f"--database={database}", f"--workers={HTTP_WORKERS}", f"--max-cron-threads={CRON_WORKERS}",
        f"--http-port={port}", f"--gevent-port={odoo_bin.free_port()}",
        f"--limit-time-cpu={REQUEST_S}", f"--limit-time-real={REQUEST_S}",
        env={"ODOO_QUEUE_JOB_CHANNELS": f"root:{HTTP_WORKERS}", "ODOO_SERVER_WIDE_MODULES": "base,rpc,web,queue_job"},
    )  # fmt: skip
    stack.callback(odoo_bin.stop, server)
    odoo_bin.wait_until_serving(port, server, log)
    return f"http://127.0.0.1:{port}", server
