"""Find Odoo 19 and run it: to the end of a command, or as a server.

It is the developer's own source, or Debian's package unpacked in the cache.
"""

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

from . import debian, postgres
from .base import ADDONS, CACHE, CONFIGURATION, LINK, LOGS, SCRIPTS, STATE, CannotDo, build, run, say

# Odoo's package links to the others instead of carrying copies; one dangling link and
# the web client cannot build its assets. The icons must be of version 4, which bookworm has.
PACKAGES = """
    odoo-19/sid
    libjs-jquery/sid libjs-jquery-form/sid libjs-underscore/sid fonts-roboto-unhinted/sid fonts-montserrat/sid fonts-ocr-b/sid
    fonts-font-awesome/bookworm fonts-inconsolata/bookworm
"""
START_TIMEOUT_S, STOP_TIMEOUT_S = 90, 20


def locate() -> Path:
    """Return the folder with the Odoo to work with and its start script, `odoo-bin`; downloads it at first use."""
    if given := os.environ.get("ODOO_HOME"):
        home = Path(given).expanduser().resolve()
        if not (home / "odoo-bin").is_file() or "(19, 0, " not in (home / "odoo" / "release.py").read_text():
            raise CannotDo(f"ODOO_HOME={home} is no source checkout of Odoo 19.0")
        return home
    usr = build(CACHE / "odoo-19", _unpack) / "usr"
    home = usr / "lib" / "python3" / "dist-packages"
    with contextlib.suppress(FileExistsError):
        (home / "odoo-bin").symlink_to(usr / "bin" / "odoo")  # where a source checkout has it
    return home


def _unpack(root: Path) -> None:
    debian.unpack(root, ("sid", "bookworm"), *PACKAGES.split(), doing="downloading Odoo 19 from the Debian archive (150 MB, once)")


def prepare() -> None:
    """Bring up all that is needed before the first database, for this process and all that it starts."""
    for folder in (ADDONS, LOGS):
        folder.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        LINK.symlink_to("../..")
    postgres.start()
    os.environ.update(
        ODOO_RC=str(CONFIGURATION / "odoo.conf"),  # not the developer's own
        ODOO_ADDONS_PATH=str(ADDONS),  # Odoo adds its own
        ODOO_DATA_DIR=str(STATE / "data"),
        PATH=f"{Path(sys.prefix, 'bin')}{os.pathsep}{os.environ['PATH']}",
        PYTHONPATH=f"{locate()}{os.pathsep}{SCRIPTS}",
    )


def command(*arguments: str) -> list[str]:
    """How to call Odoo. By its script, not as `-m odoo`: prefork mode starts its children by that path."""
    return [sys.executable, str(locate() / "odoo-bin"), *arguments]


def finish(database: str, *options: str, doing: str) -> None:
    """Run Odoo on a database until that is done; an error in its log is a failure."""
    say(doing)
    once = f"--database={database}", "--no-http", "--stop-after-init", "--log-level=warn"
    output = run(command(*once, *options), doing=doing)
    if " ERROR " in output or " CRITICAL " in output:
        raise CannotDo(f"{doing}: Odoo logged errors:\n{output}")


def start(log: Path, *options: str, env: dict | None = None) -> psutil.Popen:
    """Start an Odoo server as the leader of a process group, its output at the end of a file."""
    with log.open("a") as output:
        to_log = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": subprocess.STDOUT}
        return psutil.Popen(command(*options), env={**os.environ, **(env or {})}, start_new_session=True, **to_log)


def stop(*processes: psutil.Process) -> None:
    """End servers, politely first."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    for process in psutil.wait_procs(processes, timeout=STOP_TIMEOUT_S)[1]:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def wait_until_serving(port: int, process: psutil.Process, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and process.status() != psutil.STATUS_ZOMBIE:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/web/health", timeout=5):
            return
        time.sleep(0.2)
    raise CannotDo(f"the server did not come up; see {log}")


def free_port(preferred: int = 0) -> int:
    """This port where it is free, else any."""
    try:
        with socket.create_server(("127.0.0.1", preferred)) as probe:
            return probe.getsockname()[1]
    except OSError:
        return free_port()
