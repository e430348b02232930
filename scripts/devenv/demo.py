"""Everything on one command: a running Odoo with the addon, busy with a real job."""

from __future__ import annotations

import argparse

from . import addon, airports, databases, environment, follow, paths, postgres, servers
from .client import Client, Refused
from .console import CannotDo, say
from .environment import Environment

KEY_FILE = paths.STATE / "api_key"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="scripts/demo", description=__doc__)
    parser.add_argument("--records", type=int, metavar="N", help="create only so many contacts (default: all 28,000)")
    parser.add_argument("--port", type=int, metavar="P", help="serve on this port (default: 8069 where free)")
    parser.add_argument("--no-run", action="store_true", help="start the servers, submit nothing")
    parser.add_argument("--stop", action="store_true", help="stop the servers and the PostgreSQL of an earlier run")
    options = parser.parse_args(arguments)
    if options.stop:
        servers.stop()
        postgres.stop()
        return 0
    return _run(options)


def _run(options) -> int:
    env = environment.prepare()
    if not addon.is_there():
        raise CannotDo("there is no addon in this checkout to show")
    name = databases.demo(env)
    with paths.lock(paths.STATE, "servers"):
        _bring_up_to_date(env, name)
        port = servers.ensure(env, name, options.port)
    address = f"http://127.0.0.1:{port}"
    status = None
    if not options.no_run:
        client = _log_in(env, name, address)
        status = _submit(env, client, options.records)
        status = follow.until_final(client, status)
        follow.summary(client, status)
    print(f"\n  {address}/odoo  (login admin, password admin)")
    if status:
        print(f"  {address}{status['url']}  (this job)")
    print("  scripts/demo --stop ends the servers")
    return 0


def _bring_up_to_date(env: Environment, name: str) -> None:
    if not databases.is_current(env, name):
        # An upgrade changes tables that running lanes would hold locks on.
        servers.stop()
        databases.upgrade(env, name)


def _log_in(env: Environment, database: str, address: str) -> Client:
    """Return a client whose API key the server accepts, making a key at first use."""
    if KEY_FILE.exists():
        client = Client(address, KEY_FILE.read_text())
        try:
            client.call("res.users", "context_get")
        except Refused:
            KEY_FILE.unlink()
        else:
            return client
    say("making an API key for the administrator")
    key = databases.api_key(env, database)
    KEY_FILE.touch(mode=0o600)
    KEY_FILE.write_text(key)
    return Client(address, key)


def _submit(env: Environment, client: Client, limit: int | None) -> dict:
    values = airports.contacts(client, airports.load(env, limit))
    operations = airports.operations(values)
    say(f"submitting {len(values):,} contacts in {len(operations):,} operations, in one request")
    return client.batch("submit", operations=operations, name="The world's airports")
