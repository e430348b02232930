"""Find Odoo 19 and run it: to the end of a command, or as a server.

It is the developer's own source, or Debian's package unpacked in the cache. apt works on a private root for that: no privilege
is needed, signatures are still verified, and the mirror is the one that this machine is configured with.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psutil

from . import postgres
from .base import ADDONS, CACHE, CONFIGURATION, LINK, LOGS, SCRIPTS, STATE, CannotDo, build, call, run, say

# Odoo's package links to the others instead of carrying copies; one dangling link and
# the web client cannot build its assets. The icons must be of version 4, which bookworm has.
PACKAGES = """
    odoo-19/sid
    libjs-jquery/sid libjs-jquery-form/sid libjs-underscore/sid fonts-roboto-unhinted/sid fonts-montserrat/sid fonts-ocr-b/sid
    fonts-font-awesome/bookworm fonts-inconsolata/bookworm
"""
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
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
    apt = root / "apt"
    sources = apt / "etc" / "apt" / "sources.list.d" / "debian.sources"
    for folder in (sources.parent, apt / "var/lib/apt/lists/partial", apt / "var/cache/apt/archives/partial"):
        folder.mkdir(parents=True)
    sources.write_text(f"Types: deb\nURIs: {_mirror()}\nSuites: sid bookworm\nComponents: main\nSigned-By: {KEYRING}\n")
    command = ["apt-get", *([] if sys.stderr.isatty() else ["-qq"]), f"--config-file={CONFIGURATION / 'apt.conf'}", f"--option=Dir={apt}"]
    call([*command, "update"], doing="reading the package lists of the Debian archive")
    call([*command, "download", *PACKAGES.split()], doing="downloading Odoo 19 from the Debian archive (150 MB, once)", cwd=apt)
    for package in sorted(apt.glob("*.deb")):
        run(["dpkg", "-x", package, root], doing=f"unpacking {package.name}")
    shutil.rmtree(apt)


def _mirror() -> str:
    """The address of the Debian archive in the machine's own apt sources."""
    targets = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]
    listed = run(targets, doing="reading the apt sources") if shutil.which("apt-get") else ""
    found = [address for address in listed.split() if "security" not in address]
    if not found:
        raise CannotDo("no Debian archive among this machine's apt sources: set ODOO_HOME to a source checkout of Odoo 19")
    # The archive proper, before a vendor's own.
    return next((address for address in found if address.rstrip("/").endswith("/debian")), found[0])


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
