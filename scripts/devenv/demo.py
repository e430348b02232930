"""Everything on one command: a running Odoo with the addon, busy with a real job."""

from __future__ import annotations

import sys
import time

from . import airports, databases, environment, paths, postgres, servers
from .client import Client, Refused, pause_s
from .console import progress, say

KEY_FILE = paths.STATE / "api_key"
SHOWN_FAILURES = 8
#: Without a terminal each report is a line of its own: fewer of them then.
LONGEST_PAUSE_S, LINE_EVERY_S = 0.5, 5


def main(options) -> int:
    if options.stop:
        servers.stop()
        postgres.stop()
        return 0
    servers.ask_before_moving(options.port)
    environment.prepare()
    name = databases.demo()
    with paths.lock(paths.STATE, "servers"):
        if not databases.is_current(name):
            # An upgrade changes tables that running lanes would hold locks on.
            servers.stop()
            doing = f"the code has changed: upgrading {paths.ADDON} in {name}"
            databases.install(name, f"--update={paths.ADDON}", doing=doing)
        port = servers.ensure(name, options.port)
    address = f"http://127.0.0.1:{port}"
    client = _log_in(name, address)
    links = [f"{address}/odoo  (login admin, password admin)"]
    if not options.no_run:
        status = _until_final(client, _submit(client, options.records))
        _summary(client, status)
        links.append(f"{address}{status['url']}  (this job)")
    for line in (
        "",
        *links,
        "For the examples of README.rst and docs/, in this shell:",
        f'  export ODOO_URL={address} ODOO_KEY="$(cat {KEY_FILE})"',
        "scripts/demo --stop ends the servers",
    ):
        print(f"  {line}".rstrip())
    return 0


def _log_in(database: str, address: str) -> Client:
    """Return a client whose API key the server accepts, making a key at first use."""
    if KEY_FILE.exists():
        client = Client(address, KEY_FILE.read_text())
        try:
            client.call("res.users", "context_get")
        except Refused:
            KEY_FILE.unlink()
        else:
            return client
    key = databases.api_key(database)
    KEY_FILE.touch(mode=0o600)
    KEY_FILE.write_text(key)
    return Client(address, key)


def _submit(client: Client, limit: int | None) -> dict:
    values = airports.contacts(client, limit)
    operations = airports.operations(values)
    say(f"submitting {len(values):,} contacts in {len(operations):,} operations, in one request")
    return client.batch("submit", operations=operations, name="The world's airports")


def _until_final(client: Client, status: dict) -> dict:
    """Show the job until it is over; return its last status."""
    reported = 0.0
    with progress(status["name"]) as show:
        while not status["finished_at"]:
            line = f"{status['completed']:,}/{status['total']:,} records  {status['stats']['records_per_second']:,.0f}/s"
            show(status["completed"], status["total"], f"{line}  {status['state']}")
            if not sys.stderr.isatty() and time.monotonic() - reported >= LINE_EVERY_S:
                reported = time.monotonic()
                say(f"{status['percentage']:5.1f} %  {line}  {status['state']}")
            time.sleep(min(pause_s(status), LONGEST_PAUSE_S))
            status = client.batch("status", job_id=status["job_id"])
    return status


def _summary(client: Client, status: dict) -> None:
    stats = status["stats"]
    print(f"\n  {status['name']}: {status['state']}")
    done, failed, total = stats["processed_records"], stats["failed_records"], stats["total_records"]
    print(f"  records     {done:,} done, {failed:,} failed of {total:,}")
    print(f"  operations  {stats['completed_operations']:,} of {stats['total_operations']:,} without a failure")
    print(f"  duration    {status['duration']:.1f} s, {stats['records_per_second']:,.0f} records/s")
    if status["error"]:
        print(f"  error       {status['error']}")
    if failed:
        print("  first failures:")
        for failure in client.batch("failures", job_id=status["job_id"], limit=SHOWN_FAILURES)["failures"]:
            where = f"{failure.get('operation_id', '?')}[{failure.get('index', '?')}]"
            print(f"    {where:<12} {failure['error_type']}: {' '.join(str(failure['error']).split())[:110]}")
