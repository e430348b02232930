"""Run Odoo: a command of the developer's, one to its end, a server."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psutil

from . import odoo_tree
from .console import CannotDo, run

START_TIMEOUT_S = 90
STOP_TIMEOUT_S = 20


def main(options) -> int:
    """Run any Odoo command against the developer's database."""
    from . import databases, environment

    environment.prepare()
    # The database goes by environment, as the configuration does: every command of Odoo can be passed through unchanged.
    os.environ["PGDATABASE"] = options.db or databases.demo()
    os.execv(sys.executable, command(*options.rest))


def command(*arguments: str) -> list[str]:
    """How to call Odoo. By its script, not as `-m odoo`: prefork mode starts its children by that path."""
    return [sys.executable, str(odoo_tree.locate().script), *arguments]


def finish(database: str, *options: str, doing: str) -> None:
    """Run Odoo on a database until that is done; an error in its log is a failure."""
    log = "--log-level=warn", "--log-handler=odoo.modules.loading:INFO"  # what the bar needs
    output = run(command(f"--database={database}", "--no-http", "--stop-after-init", *log, *options), doing=doing)
    if " ERROR " in output or " CRITICAL " in output:
        raise CannotDo(f"{doing}: Odoo logged errors:\n{output}")


def shell(database: str, code: str, *, doing: str) -> str:
    """Run code in `odoo shell`, where `env` is the environment of the superuser; returns what it prints, log included."""
    return run(command("shell", f"--database={database}", "--no-http", "--log-level=warn"), doing=doing, input=code)


def start(log: Path, *options: str, env: dict | None = None) -> psutil.Popen:
    """Start an Odoo server as the leader of a process group, its output at the end of a file."""
    with log.open("a") as output:
        return psutil.Popen(
            command(*options), env={**os.environ, **(env or {})}, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip


def stop(*processes: psutil.Process) -> None:
    """End servers, politely first."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    _ended, alive = psutil.wait_procs(processes, timeout=STOP_TIMEOUT_S)
    for process in alive:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def wait_until_serving(port: int, process: psutil.Process, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and is_alive(process):
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/web/health", timeout=5):
            return
        time.sleep(0.2)
    raise CannotDo(f"the server did not come up; see {log}")


def is_alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def free_port(*preferred: int) -> int:
    for port in (*preferred, 0):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return probe.getsockname()[1]
    raise CannotDo("no free port on 127.0.0.1")
