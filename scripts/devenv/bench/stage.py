"""The databases, the server and the processes of one run; all of it is gone at the end."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Iterator

import psycopg2

from .. import databases, paths, servers
from ..client import Client
from ..console import say
from ..environment import Environment
from . import agent
from .agent import Agent
from .bench import Bench, Crowd
from .options import Scale

MODULE = "batch_executor_bench"
SERVER = "bench"
HTTP_WORKERS = 2
CRON_WORKERS = 2
#: What `queue_job` may run at once: as much as there are workers for it.
CHANNELS = f"root:{HTTP_WORKERS}"
#: Accepting 100,000 operations takes longer than Odoo lets a request by default.
REQUEST_S = 1200


@contextlib.contextmanager
def built(env: Environment, scale: Scale) -> Iterator[Bench]:
    """Everything up and running."""
    with contextlib.ExitStack() as stack:
        served, inside, crowded = (_own_database(stack, env, name) for name in ("served", "inside", "crowded"))
        databases.create(env, served)
        databases.odoo(env, served, "--init", MODULE)
        key = databases.api_key(env, served)
        for copy in (inside, crowded):
            databases.query(env, f'CREATE DATABASE "{copy}" TEMPLATE "{served}"')
        crowd = _crowd(stack.enter_context(agent.running(env, crowded)), env, crowded, scale)
        connection = stack.enter_context(_connected(served))
        due = _due(connection)
        address = stack.enter_context(_serving(env, served))
        client = Client(address, key)
        client.log_in(served, "admin", "admin")
        bench = Bench(
            scale=scale,
            address=address,
            database=served,
            client=client,
            connection=connection,
            inside=stack.enter_context(agent.running(env, inside)),
            new_agent=functools.partial(agent.running, env, inside),
            crowd=crowd,
        )
        _let_settle(env, bench, due)
        yield bench


def _let_settle(env: Environment, bench: Bench, due: set[tuple]) -> None:
    """Wait for the end of what a new database has to do at first, or it would be done beside the measurements."""

    def is_settled():
        # cron workers sleep for a minute before they first look for work by themselves
        databases.query(env, f"NOTIFY cron_trigger, '{bench.database}'")
        return not due & _due(bench.connection)

    bench.wait(is_settled, "the end of the scheduled actions of a new database", every_s=1)
    # each installation of a module asks for another clean-up a minute later, in the middle of a round
    bench.sql("DELETE FROM ir_cron_trigger WHERE call_at > now() AT TIME ZONE 'UTC' RETURNING id")


def _due(connection: psycopg2.extensions.connection) -> set[tuple]:
    """Which scheduled actions are to be run, and since when; in a new database nearly all of them are."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, nextcall FROM ir_cron WHERE active AND nextcall <= now() AT TIME ZONE 'UTC'")
        return set(cursor.fetchall())


def _own_database(stack: contextlib.ExitStack, env: Environment, name: str) -> str:
    database = databases.unique_name(f"batch_bench_{name}")
    stack.callback(databases.drop, env, database)
    return database


def _crowd(agent: Agent, env: Environment, database: str, scale: Scale) -> Crowd:
    say(f"filling a queue with {scale.waiting:,} chunks")
    agent.call("crowd.fill", chunks=scale.waiting)
    agent.call("crowd.add_claimable")
    few, many = agent.call("crowd.add_running", chunks=10), agent.call("crowd.add_running", chunks=scale.chunks)
    databases.query(env, "VACUUM ANALYZE batch_job", "VACUUM ANALYZE batch_chunk", database=database)
    return Crowd(agent, few, many)


@contextlib.contextmanager
def _serving(env: Environment, database: str) -> Iterator[str]:
    """One prefork server with the runner of `queue_job`; gives its address."""
    variables = {
        **env.variables,
        "ODOO_QUEUE_JOB_CHANNELS": CHANNELS,
        "ODOO_SERVER_WIDE_MODULES": "base,rpc,web,queue_job",
    }
    port = servers.free_port()
    (paths.LOGS / f"{SERVER}.log").unlink(missing_ok=True)
    server = servers.start(
        dataclasses.replace(env, variables=variables), SERVER, database,
        f"--workers={HTTP_WORKERS}", f"--max-cron-threads={CRON_WORKERS}",
        f"--http-port={port}", f"--gevent-port={servers.free_port()}",
        f"--limit-time-cpu={REQUEST_S}", f"--limit-time-real={REQUEST_S}",
    )  # fmt: skip
    try:
        servers.wait_until_serving(port, server)
        say("the server is up")
        yield f"http://127.0.0.1:{port}"
    finally:
        servers.end([server])


@contextlib.contextmanager
def _connected(database: str) -> Iterator[psycopg2.extensions.connection]:
    connection = psycopg2.connect(dbname=database)
    connection.autocommit = True
    try:
        yield connection
    finally:
        connection.close()
