"""The demo's two Odoo processes, kept running in the background.

`web` serves pages and the websocket on one port, which only threaded mode does; `lanes` runs the crons in prefork mode,
where each lane is a process of its own and does not share an interpreter with the others.
"""

from __future__ import annotations

import contextlib
import json
import sys

import psutil

from . import odoo_bin, paths
from .console import CannotDo, say

FACTS = paths.STATE / "servers.json"
USUAL_PORT = 8069


def ensure(database: str, port: int | None) -> int:
    """Return the port of the servers, starting them if need be; they were stopped before the database was upgraded."""
    current = _facts().get("port")
    if len(_running()) == 2 and port in (None, current):
        say("the servers are up already")
        return current
    stop()
    port = port or odoo_bin.free_port(USUAL_PORT)
    log, on = paths.LOGS / "web.log", f"--database={database}"
    web = odoo_bin.start(log, on, "--workers=0", "--max-cron-threads=0", f"--http-port={port}")
    lanes = odoo_bin.start(paths.LOGS / "lanes.log", on, "--no-http", "--workers=1", "--max-cron-threads=2")
    # A number alone may have been given to another process since.
    processes = [(process.pid, process.create_time()) for process in (web, lanes)]
    FACTS.write_text(json.dumps({"port": port, "processes": processes}))
    odoo_bin.wait_until_serving(port, web, log)
    say(f"the servers are up, their logs in {paths.LOGS.relative_to(paths.CHECKOUT)}/")
    return port


def ask_before_moving(port: int | None) -> None:
    """Let a demo that runs on another port go on, unless the developer wants to have it restarted on this one."""
    current = _facts().get("port")
    if port in (None, current) or not _running():
        return
    question = f"the demo is up on port {current}"
    if not sys.stdin.isatty() or input(f"{question}: restart it on port {port}? [y/N] ").strip().lower() != "y":
        raise CannotDo(f"{question}: end that with scripts/demo --stop first, or leave out --port")


def stop() -> None:
    """Stop what an earlier run started."""
    if running := _running():
        odoo_bin.stop(*running)
        say("the servers are stopped")
    FACTS.unlink(missing_ok=True)


def _facts() -> dict:
    return json.loads(FACTS.read_text()) if FACTS.exists() else {}


def _running() -> list[psutil.Process]:
    found = []
    for pid, created in _facts().get("processes", []):
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            if process.create_time() == created and odoo_bin.is_alive(process):
                found.append(process)
    return found
