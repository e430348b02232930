"""Real server processes for tests, on a PostgreSQL of their own that may be crashed.

Needs the environment that `scripts/test` sets up.
"""

import atexit
import contextlib
import functools
import http.client
import os
import secrets
import signal
import subprocess
import time
import xmlrpc.client
from pathlib import Path

import psycopg2

#: Seconds a call may be tried again while servers are down.
PATIENCE_S = 90
ADMIN = 2


class Cluster:
    """A PostgreSQL server with a copy of the database under test, reachable by its socket only."""

    def __init__(self):
        from devenv.postgres import Postgres

        self.folder = Path(f"/var/tmp/batch_chaos_{os.getpid()}_{secrets.token_hex(4)}")
        self.postgres = Postgres(self.folder)
        self.environment = self.postgres.variables

    def create(self, database):
        """Start it, with a copy of `database` as it is now."""
        self.postgres.create()
        self.postgres.ctl("start")
        self.database = database
        self.sql(f'CREATE DATABASE "{database}" TEMPLATE template0', database="postgres")
        dump = subprocess.Popen(
            [self.postgres.programs / "pg_dump", "--format=custom", "--compress=0", database], stdout=subprocess.PIPE
        )
        subprocess.run(
            [self.postgres.programs / "pg_restore", "--no-owner", "--exit-on-error", f"--dbname={database}"],
            stdin=dump.stdout, env={**os.environ, **self.environment}, check=True, timeout=PATIENCE_S,
        )  # fmt: skip
        if dump.wait(PATIENCE_S):
            raise RuntimeError("the database could not be copied")

    def restart_immediate(self):
        """Crash it and start it again, as after a power cut."""
        self.postgres.ctl("restart", "--mode=immediate")

    def remove(self):
        self.postgres.remove()

    def sql(self, query, *params, database=None):
        """Run a statement in autocommit, as often as it takes while the server comes back; returns its rows."""

        def run():
            connected = psycopg2.connect(
                host=self.environment["PGHOST"], port=self.environment["PGPORT"], user=self.environment["PGUSER"],
                dbname=database or self.database,
            )  # fmt: skip
            with contextlib.closing(connected) as connection:
                connection.autocommit = True
                with connection.cursor() as cr:
                    try:
                        cr.execute(query, params or None)  # pylint: disable=sql-injection  # it is the test's own
                        return cr.fetchall() if cr.description else []
                    except psycopg2.DatabaseError as error:
                        if type(error) is psycopg2.DatabaseError:  # it crashed just now, which this class means as well
                            raise psycopg2.OperationalError(str(error)) from error
                        raise

        return patiently(run, psycopg2.OperationalError, psycopg2.InterfaceError)


@functools.cache
def shared_cluster(database):
    """The one `Cluster` of this run with a copy of a database: whoever uses it leaves it without servers and unfinished jobs."""
    cluster = Cluster()
    atexit.register(cluster.remove)
    cluster.create(database)
    return cluster


class Server:
    """A prefork Odoo server: HTTP workers (if it serves at all), and cron workers that are lanes.

    With `own_data` it shares no folder with others: to them, it is another host. With `workers=0` it is one process with threads.

    :param databases: those that it serves; the cluster's own where none are given
    :param more: further options of Odoo
    :param environment: further variables, as those of another way to the database
    """

    def __init__(
        self, cluster, name, *, workers=1, cron_workers=2, serves=True, own_data=False, databases=(), more=(), environment=None
    ):
        from devenv import odoo_bin

        self.odoo_bin = odoo_bin
        self.cluster = cluster
        self.name = name
        self.port, gevent_port = odoo_bin.free_port(), odoo_bin.free_port()
        self.options = [
            f"--database={','.join(databases or [cluster.database])}", f"--workers={workers}", f"--max-cron-threads={cron_workers}",
            "--limit-time-real-cron=0", "--limit-time-real=600", "--limit-time-cpu=600", *more,
        ]  # fmt: skip
        if serves:
            self.options += [f"--http-port={self.port}", f"--gevent-port={gevent_port}", "--http-interface=127.0.0.1"]
        else:
            self.options.append("--no-http")
        if own_data:
            self.options.append(f"--data-dir={cluster.folder / f'{name}-data'}")
        self.environment = {**cluster.environment, **(environment or {})}
        self.process = None

    def start(self):
        log = self.cluster.folder / f"{self.name}.log"
        self.process = self.odoo_bin.start(log, *self.options, env=self.environment)
        return self

    def keep(self):
        """Start it again if it has ended, as the init system of a production server does."""
        if self.process.poll() is not None:
            self.start()

    def kill(self):
        """Kill all its processes at once, as a power cut would."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE_S)

    def workers(self):
        """The processes that it has started."""
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def client(self, database=None):
        return Client(self, database or self.cluster.database)


class Worker(Server):
    """The command `odoo-bin batch` with some lanes.

    :param databases: names of databases; by default that of the cluster
    :param environment: further variables
    """

    def __init__(self, cluster, name, *options, lanes=2, databases=None, environment=None):
        super().__init__(cluster, name, serves=False, environment=environment)
        self.options = ["batch", f"--database={','.join(databases or [cluster.database])}", f"--lanes={lanes}", *options]

    @property
    def log(self):
        """What it and its lanes have logged so far."""
        return (self.cluster.folder / f"{self.name}.log").read_text()


class Client:
    """Calls a server as a program elsewhere does: by XML-RPC, again and again while it is down."""

    def __init__(self, server, database):
        self.server = server
        self.database = database
        self.url = f"http://127.0.0.1:{server.port}/xmlrpc/2/object"

    def call(self, model, method, *args, **kwargs):
        def run():
            self.server.keep()
            proxy = xmlrpc.client.ServerProxy(self.url, allow_none=True, transport=_Transport())
            try:
                return proxy.execute_kw(self.database, ADMIN, "admin", model, method, args, kwargs)
            except xmlrpc.client.Fault as fault:
                if any(name in fault.faultString for name in ("OperationalError", "InterfaceError", "AdminShutdown")):
                    raise ConnectionError("PostgreSQL is just coming back") from fault
                raise

        return patiently(run, OSError, http.client.HTTPException, xmlrpc.client.ProtocolError)

    def submit(self, *operations, **options):
        """Submit a job; its key makes calling again safe where the answer was lost."""
        key = f"chaos-{time.monotonic_ns()}"
        return self.call("batch.job", "submit", list(operations), idempotency_key=key, **options)["job_id"]

    def status(self, job):
        return self.call("batch.job", "status", [job])


class _Transport(xmlrpc.client.Transport):
    def make_connection(self, host):
        connection = super().make_connection(host)
        connection.timeout = 20
        return connection


def patiently(function, *errors):
    """Call it until it gets through, for a bounded time, while it raises one of `errors`."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return function()
        except errors:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.2)
