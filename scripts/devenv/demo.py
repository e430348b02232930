"""Everything on one command: a running Odoo with the addon, busy with a real job: the world's airports, as contacts.

Two processes are kept running in the background. `web` serves pages and the websocket on one port, which only threaded mode
does; `lanes` runs the crons in prefork mode, where each lane is a process of its own and shares no interpreter with others.
"""

import os
import re
import sys
from itertools import groupby
from operator import itemgetter

import airportsdata
import psutil
from rich.console import Console
from rich.progress import Progress
from rich.prompt import Confirm

from . import databases, odoo_bin, postgres
from .base import LOGS, STATE, CannotDo, lock, say
from .client import Client

#: Tells the servers of this checkout from all other processes.
MARK = f"--pidfile={STATE / 'server.pid'}"
#: What goes wrong in real imports, each written over one airport: no name, no such record, a time zone that is gone since 2020.
MISTAKES = [{"name": False}, {"state_id": 2_000_000_000}, {"country_id": 2_000_000_000}, {"tz": "US/Pacific-New"}]
#: Without a terminal each report is a line of its own: fewer of them then.
BAR_EVERY_S, LINE_EVERY_S = 0.5, 2


def main(options) -> None:
    if options.stop:
        odoo_bin.stop(*_running())
        postgres.OURS.stop()
        say("everything is stopped")
        return
    odoo_bin.prepare()
    name = databases.demo()
    with lock(STATE, "servers"):
        port = _ensure_servers(name, options.port)
    address = f"http://127.0.0.1:{port}"
    client = Client(address, databases.KEY_FILE.read_text())
    print(f"\n  {address}/odoo  (login admin, password admin)\n  scripts/demo --stop ends the servers")
    print(f'  For the examples of README.rst and docs/:  export ODOO_URL={address} ODOO_KEY="$(cat {databases.KEY_FILE})"', flush=True)
    if not options.no_run:
        status = _submit(client, contacts(client, options.records))
        _watch(client, status)
        print(f"  {address}{status['url']}  (this job)")


def _ensure_servers(database: str, port: int | None) -> int:
    """Return the port of the servers, starting them if need be; they run the code as it is now."""
    running = _running()
    ports = re.findall(r"--http-port=(\d+)", " ".join(word for process in running for word in process.info["cmdline"]))
    current = int(ports[0]) if ports else None
    if port and current and port != current:
        where = f"the demo is up on port {current}"
        if not (sys.stdin.isatty() and Confirm.ask(f"{where}: end it there, and serve on {port}?", default=False)):
            raise CannotDo(f"{where}: end it with scripts/demo --stop first, or leave out --port")
    elif len(running) == 2 and databases.is_current(database):
        say("the servers are up already")
        return current
    odoo_bin.stop(*running)  # an upgrade changes tables that running lanes would hold locks on
    databases.upgrade(database)
    port = port or current or odoo_bin.free_port(8069)
    log, options = LOGS / "web.log", (f"--database={database}", MARK)
    web = odoo_bin.start(log, *options, "--workers=0", "--max-cron-threads=0", f"--http-port={port}")
    odoo_bin.start(LOGS / "lanes.log", *options, "--no-http", "--workers=1", "--max-cron-threads=2")
    odoo_bin.wait_until_serving(port, web, log)
    say(f"the servers are up, their logs in {LOGS.relative_to(STATE.parent)}/")
    return port


def _running() -> list[psutil.Process]:
    """The servers, without the processes that they have started themselves."""
    marked = [process for process in psutil.process_iter(["cmdline"]) if MARK in (process.info["cmdline"] or [])]
    return [process for process in marked if os.getpgid(process.pid) == process.pid]


def contacts(client: Client, limit: int | None) -> list[dict]:
    """Airports as values of `res.partner`, with a few mistakes among them."""
    countries = {row["code"]: row["id"] for row in client.call("res.country", "search_read", domain=[], fields=["code"])}
    values = [
        {
            "name": airport["name"], "ref": airport["icao"], "city": airport["city"], "tz": airport["tz"], "is_company": True,
            "country_id": countries.get(airport["country"], False),
        }
        for airport in list(airportsdata.load("ICAO").values())[:limit]
    ]  # fmt: skip
    for number, mistake in enumerate(MISTAKES, start=1):
        values[len(values) * number // (len(MISTAKES) + 1)].update(mistake)
    return values


def _submit(client: Client, values: list[dict]) -> dict:
    """Submit contacts, to create or, the next time, to update them: an operation for each time zone; returns the job's status."""
    zones = groupby(sorted(values, key=itemgetter("tz")), key=itemgetter("tz"))
    upsert = {"operation_type": "upsert", "model": "res.partner", "key": ["ref"], "context": {"tracking_disable": True}}
    operations = [{**upsert, "data": list(those)} for _zone, those in zones]
    say(f"submitting {len(values):,} contacts in {len(operations):,} operations, in one request")
    return client.rpc("/batch/v1/submit", operations=operations, name="The world's airports")


def _watch(client: Client, status: dict) -> None:
    """Show the job until it is over, then how it went."""
    is_live = sys.stderr.isatty()
    with Progress(console=Console(stderr=True), transient=True, disable=not is_live) as bar:
        task = bar.add_task("", total=status["total"])
        for status in client.follow(status, BAR_EVERY_S if is_live else LINE_EVERY_S):  # noqa: B020
            text = "{completed:,}/{total:,} records  {stats[records_per_second]:,.0f}/s  {state}".format(**status)
            bar.update(task, completed=status["completed"], description=text)
            if not is_live:
                say(text)
    stats = status["stats"]
    print(f"\n  {status['name']}: {status['state']} {status['error'] or ''}".rstrip())
    print("  records     {processed_records:,} done, {failed_records:,} failed of {total_records:,}".format(**stats))
    print("  operations  {completed_operations:,} without a failure of {total_operations:,}".format(**stats))
    print(f"  duration    {status['duration']:.1f} s, {stats['records_per_second']:,.0f} records/s")
    for failure in client.rpc("/batch/v1/failures", job_id=status["job_id"], limit=8)["failures"]:
        text = " ".join(failure["error"].split())[:110]
        print(f"  failure     {failure['operation_id']}[{failure['index']}]  {failure['error_type']}: {text}")
