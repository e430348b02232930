"""Everything on one command: a running Odoo with the addon, busy with a real job: the world's airports, as contacts.

Two processes are kept running in the background. `web` serves pages and the websocket on one port, which only threaded mode
does; `lanes` runs the crons in prefork mode, where each lane is a process of its own and shares no interpreter with others.
"""

import os
import sys
import time

import airportsdata
import psutil
from rich.console import Console
from rich.progress import Progress

from . import databases, odoo_bin, paths, postgres
from .client import Client, pause_s
from .console import CannotDo, say

USUAL_PORT = 8069
PORT = "--http-port="
#: Tells the servers of this checkout from all other processes.
MARK = f"--pidfile={paths.STATE / 'server.pid'}"
OPERATION_SIZE = 1000
#: Also some operations of one record each, as an integration that sends events would.
SINGLE_OPERATIONS = 200
NO_SUCH_ID = 2_000_000_000
#: What goes wrong in real imports; each is written over one airport.
MISTAKES = [
    {"name": False},
    {"state_id": NO_SUCH_ID},
    {"tz": "US/Pacific-New"},  # left the time zone database in 2020
    {"country_id": NO_SUCH_ID},
    {"parent_id": NO_SUCH_ID},
]
SHOWN_FAILURES = 8
#: Without a terminal each report is a line of its own: fewer of them then.
LONGEST_PAUSE_S, LINE_EVERY_S = 0.5, 5


def main(options) -> int:
    if options.stop:
        _stop_servers()
        postgres.stop()
        return 0
    odoo_bin.prepare()
    name = databases.demo()
    with paths.lock(paths.STATE, "servers"):
        port = _ensure_servers(name, options.port)
    address = f"http://127.0.0.1:{port}"
    client = Client(address, databases.api_key(name))
    print(f"\n  {address}/odoo  (login admin, password admin)\n  scripts/demo --stop ends the servers")
    print("  For the examples of README.rst and docs/, in this shell:")
    print(f'    export ODOO_URL={address} ODOO_KEY="$(cat {databases.KEY_FILE})"', flush=True)
    if not options.no_run:
        status = _until_final(client, _submit(client, options.records))
        _summary(client, status)
        print(f"  {address}{status['url']}  (this job)")
    return 0


def _ensure_servers(database: str, port: int | None) -> int:
    """Return the port of the servers, starting them if need be; they run the code as it is now."""
    running = _running()
    arguments = [argument for line in running.values() for argument in line]
    current = next((int(each[len(PORT) :]) for each in arguments if each.startswith(PORT)), None)
    is_moving = current and port not in (None, current)
    if is_moving and not _confirms(f"the demo is up on port {current}: end it there, and serve on {port}?"):
        raise CannotDo(f"the demo is up on port {current}: end it with scripts/demo --stop first, or leave out --port")
    is_current = databases.is_current(database)
    if len(running) == 2 and is_current and not is_moving:
        say("the servers are up already")
        return current
    _stop_servers()  # an upgrade changes tables that running lanes would hold locks on
    if not is_current:
        doing = f"the code has changed: upgrading {paths.ADDON} in {database}"
        databases.install(database, f"--update={paths.ADDON}", doing=doing)
    port = port or odoo_bin.free_port(USUAL_PORT)
    log, options = paths.LOGS / "web.log", (f"--database={database}", MARK)
    web = odoo_bin.start(log, *options, "--workers=0", "--max-cron-threads=0", f"{PORT}{port}")
    odoo_bin.start(paths.LOGS / "lanes.log", *options, "--no-http", "--workers=1", "--max-cron-threads=2")
    odoo_bin.wait_until_serving(port, web, log)
    say(f"the servers are up, their logs in {paths.LOGS.relative_to(paths.CHECKOUT)}/")
    return port


def _confirms(question: str) -> bool:
    """Ask; without a terminal the answer is no."""
    return sys.stdin.isatty() and input(f"{question} [y/N] ").strip().lower() in ("y", "yes")


def _stop_servers() -> None:
    if running := _running():
        odoo_bin.stop(*running)
        say("the servers are stopped")


def _running() -> dict[psutil.Process, list[str]]:
    """The servers, without the processes that they have started themselves, and their command lines."""
    found = {process: process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])}
    return {process: line for process, line in found.items() if MARK in line and os.getpgid(process.pid) == process.pid}


def _submit(client: Client, limit: int | None) -> dict:
    values = _contacts(client, limit)
    # most records in large operations, the last in ones of their own
    bulk = len(values) - min(SINGLE_OPERATIONS, len(values) // 10)
    parts = [values[start : min(start + OPERATION_SIZE, bulk)] for start in range(0, bulk, OPERATION_SIZE)]
    parts += [[each] for each in values[bulk:]]
    common = {"operation_type": "upsert", "model": "res.partner", "key": ["ref"], "context": {"tracking_disable": True}}
    say(f"submitting {len(values):,} contacts in {len(parts):,} operations, in one request")
    return client.batch("submit", operations=[{**common, "data": part} for part in parts], name="The world's airports")


def _contacts(client: Client, limit: int | None) -> list[dict]:
    """Airports as values of `res.partner`, to create or, the next time, to update; with a few mistakes among them."""
    rows = client.call("res.country", "search_read", domain=[], fields=["code"])
    countries = {row["code"]: row["id"] for row in rows}
    values = [
        {
            "name": airport["name"],
            "ref": airport["icao"],
            "city": airport["city"],
            "is_company": True,
            "country_id": countries.get(airport["country"], False),
            "tz": airport["tz"],
        }
        for airport in list(airportsdata.load("ICAO").values())[:limit]
    ]
    for number, mistake in enumerate(MISTAKES, start=1):
        values[len(values) * number // (len(MISTAKES) + 1)].update(mistake)
    return values


def _until_final(client: Client, status: dict) -> dict:
    """Show the job until it is over; return its last status."""
    reported = 0.0
    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(status["name"], total=status["total"])
        while not status["finished_at"]:
            line = (
                f"{status['completed']:,}/{status['total']:,} records  {status['stats']['records_per_second']:,.0f}/s"
            )
            bar.update(task, completed=status["completed"], description=f"{line}  {status['state']}")
            if bar.disable and time.monotonic() - reported >= LINE_EVERY_S:
                reported = time.monotonic()
                say(f"{status['percentage']:5.1f} %  {line}  {status['state']}")
            time.sleep(min(pause_s(status), LONGEST_PAUSE_S))
            status = client.batch("status", job_id=status["job_id"])
    return status


def _summary(client: Client, status: dict) -> None:
    stats = status["stats"]
    print(f"\n  {status['name']}: {status['state']} {status['error'] or ''}".rstrip())
    done, failed, total = stats["processed_records"], stats["failed_records"], stats["total_records"]
    print(f"  records     {done:,} done, {failed:,} failed of {total:,}")
    print(f"  operations  {stats['completed_operations']:,} of {stats['total_operations']:,} without a failure")
    print(f"  duration    {status['duration']:.1f} s, {stats['records_per_second']:,.0f} records/s")
    for failure in client.batch("failures", job_id=status["job_id"], limit=SHOWN_FAILURES)["failures"]:
        where = f"{failure.get('operation_id', '?')}[{failure.get('index', '?')}]"
        print(f"  failure     {where:<12} {failure['error_type']}: {' '.join(str(failure['error']).split())[:110]}")
