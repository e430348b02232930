"""The demo's two Odoo processes, kept running in the background.

`web` serves pages and the websocket on one port, which only threaded mode does;
`lanes` runs the crons in prefork mode, where each lane is a process of its own and
does not share an interpreter with the others.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

from . import addon, paths
from .console import CannotDo, say
from .environment import Environment

FACTS = paths.STATE / "servers.json"
USUAL_PORT = 8069
START_TIMEOUT_S = 90
STOP_TIMEOUT_S = 20


def ensure(env: Environment, database: str, port: int | None) -> int:
    """Return the port of running servers that have today's code, starting them if need be."""
    facts = _facts()
    running = [_is_ours(process) for process in facts.get("processes", [])]
    wanted = (database, addon.fingerprint(), port or facts.get("port"))
    if all(running) and running and wanted == (facts["database"], facts["code"], facts["port"]):
        say("the servers are up already")
        return facts["port"]
    stop()
    port = port or free_port(USUAL_PORT)
    processes = [
        start(env, "web", database, "--workers=0", "--max-cron-threads=0", f"--http-port={port}"),
        start(env, "lanes", database, "--no-http", "--workers=1", "--max-cron-threads=2"),
    ]
    facts = {"database": database, "code": addon.fingerprint(), "port": port, "processes": processes}
    FACTS.write_text(json.dumps(facts, indent=2))
    wait_until_serving(port, processes[0])
    say(f"the servers are up, their logs in {paths.LOGS.relative_to(paths.CHECKOUT)}/")
    return port


def stop() -> None:
    """Stop what an earlier run started."""
    if end(_facts().get("processes", [])):
        say("the servers are stopped")
    FACTS.unlink(missing_ok=True)


def end(processes: list[dict]) -> bool:
    """End processes, politely first; returns whether one was still running."""
    ours = [process for process in processes if _is_ours(process)]
    for process in ours:
        os.kill(process["pid"], signal.SIGTERM)
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while any(map(_is_ours, ours)) and time.monotonic() < deadline:
        time.sleep(0.1)
    for process in filter(_is_ours, ours):
        # Each was started as the leader of a group, so its own children go with it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process["pid"], signal.SIGKILL)
    return bool(ours)


def start(env: Environment, name: str, database: str, *options: str) -> dict:
    """Start an Odoo server, its log in a file of this name."""
    log = paths.LOGS / f"{name}.log"
    with log.open("a") as output:
        process = subprocess.Popen(
            [*env.odoo, f"--database={database}", *options],
            env={**os.environ, **env.variables},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return {"name": name, "pid": process.pid, "started": _start_time(process.pid)}


def wait_until_serving(port: int, web: dict) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and _is_ours(web):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/web/health", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise CannotDo(f"the web server did not come up; see {paths.LOGS / web['name']}.log")


def _facts() -> dict:
    return json.loads(FACTS.read_text()) if FACTS.exists() else {}


def _is_ours(process: dict) -> bool:
    """Whether the process still runs: a pid alone may have been given to another since."""
    return _start_time(process["pid"]) == process["started"] is not None


def _start_time(pid: int) -> str | None:
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # A zombie has ended; field 22 of the line, counted from behind the name, is the start.
    return None if state == "Z" else fields[18]


def free_port(*preferred: int) -> int:
    for port in (*preferred, 0):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return probe.getsockname()[1]
    raise CannotDo("no free port on 127.0.0.1")
