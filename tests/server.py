"""Real server processes for tests, on a PostgreSQL of their own that may be crashed.

Needs the environment that `scripts/test` sets up.
"""

import contextlib
import http.client
import os
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import xmlrpc.client
from pathlib import Path

import psycopg2

#: Seconds a server may take to come up, and a call may be tried again while servers are down.
START_S = 60
PATIENCE_S = 90
ADMIN = 2


class Cluster:
    """A PostgreSQL server with a copy of the database under test, reachable by its socket only."""

    USER = "odoo"

    def __init__(self):
        from devenv import postgres_binaries

        self.folder = Path(tempfile.mkdtemp(prefix="batch_chaos_", dir="/var/tmp"))
        self.user = postgres_binaries.server_user()
        self.run_as = postgres_binaries.run_as(self.user)
        if self.user:
            shutil.chown(self.folder, self.user)
        self.binaries = postgres_binaries.locate(self.folder)
        self.data = self.folder / "data"

    def create(self, database):
        """Start it, with a copy of `database` as it is now."""
        self._run(
            "initdb",
            f"--pgdata={self.data}",
            f"--username={self.USER}",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
        )
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": self.folder,
            "port": 5432,
            "max_connections": 100,
            "timezone": "UTC",
        }
        with (self.data / "postgresql.conf").open("a") as conf:
            conf.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
        self.pg_ctl("start")
        self.database = database
        self.sql(f'CREATE DATABASE "{database}" TEMPLATE template0', database="postgres")
        dump = subprocess.Popen(
            [self.binaries / "pg_dump", "--format=custom", "--compress=0", database], stdout=subprocess.PIPE
        )
        subprocess.run(
            [self.binaries / "pg_restore", "--no-owner", "--exit-on-error", f"--dbname={database}"],
            stdin=dump.stdout, env={**os.environ, **self.environment}, check=True, timeout=PATIENCE_S,
        )  # fmt: skip
        if dump.wait(PATIENCE_S):
            raise RuntimeError("the database could not be copied")

    def restart_immediate(self):
        """Crash it and start it again, as after a power cut."""
        self.pg_ctl("restart", "--mode=immediate")

    def remove(self):
        with contextlib.suppress(subprocess.CalledProcessError):
            self.pg_ctl("stop", "--mode=immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def pg_ctl(self, action, *options):
        self._run("pg_ctl", action, "--wait", f"--pgdata={self.data}", f"--log={self.folder / 'log'}", *options)

    def _run(self, program, *arguments):
        subprocess.run(
            [self.binaries / program, *arguments], check=True, cwd="/", timeout=PATIENCE_S,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, **self.run_as,
        )  # fmt: skip

    @property
    def environment(self):
        return {"PGHOST": str(self.folder), "PGPORT": "5432", "PGUSER": self.USER, "PGPASSWORD": ""}

    def sql(self, query, *params, database=None):
        """Run a statement in autocommit, as often as it takes while the server comes back; returns its rows."""

        def run():
            target = {"host": str(self.folder), "port": 5432, "user": self.USER, "dbname": database or self.database}
            with contextlib.closing(psycopg2.connect(**target)) as connection:
                connection.autocommit = True
                with connection.cursor() as cr:
                    cr.execute(query, params or None)
                    return cr.fetchall() if cr.description else []

        return patiently(run, psycopg2.OperationalError, psycopg2.InterfaceError)


class Server:
    """A prefork Odoo server: HTTP workers (if it serves at all), and cron workers that are lanes.

    With `own_data` it shares no folder with others: to them, it is another host.
    """

    def __init__(self, cluster, name, *, cron_workers=2, serves=True, own_data=False):
        self.cluster = cluster
        self.name = name
        self.log = cluster.folder / f"{name}.log"
        self.port, gevent_port = free_port(), free_port()
        web = (
            [f"--http-port={self.port}", f"--gevent-port={gevent_port}", "--http-interface=127.0.0.1"]
            if serves
            else ["--no-http"]
        )
        if own_data:
            web.append(f"--data-dir={cluster.folder / f'{name}-data'}")
        self.command = [
            *shlex.split(os.environ["BATCH_ODOO_BIN"]), f"--database={cluster.database}", f"--db_host={cluster.folder}",
            "--db_port=5432", f"--db_user={cluster.USER}", "--workers=1", f"--max-cron-threads={cron_workers}",
            "--limit-time-real-cron=0", "--limit-time-cpu=600", *web,
        ]  # fmt: skip
        self.process = None

    def start(self):
        with self.log.open("a") as output:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
                env={**os.environ, **self.cluster.environment},
            )  # fmt: skip
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

    def client(self):
        return Client(self)


class Client:
    """Calls a server as a program elsewhere does: by XML-RPC, again and again while it is down."""

    def __init__(self, server):
        self.server = server
        self.url = f"http://127.0.0.1:{server.port}/xmlrpc/2/object"

    def call(self, model, method, *args, **kwargs):
        def run():
            self.server.keep()
            proxy = xmlrpc.client.ServerProxy(self.url, allow_none=True, transport=_Transport())
            try:
                return proxy.execute_kw(self.server.cluster.database, ADMIN, "admin", model, method, args, kwargs)
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


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
