"""Find Odoo 19 and run it: a command of the developer's, one to its end, a server.

It is the developer's own source, or Debian's package unpacked in the cache. apt works on a private root for that (own
sources, lists and archive): no privilege is needed, signatures are still verified, and the mirror is the one that this
machine is configured with.
"""

import contextlib
import functools
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import NamedTuple

import psutil

from . import paths, postgres
from .console import CannotDo, call, run, say

SERIES = "19.0"
# Odoo's package links to the others instead of carrying copies; one dangling link and
# the web client cannot build its assets. The icons must be of version 4, which bookworm has.
PACKAGES = """
    odoo-19/sid
    libjs-jquery/sid libjs-jquery-form/sid libjs-underscore/sid
    fonts-roboto-unhinted/sid fonts-montserrat/sid fonts-ocr-b/sid
    fonts-font-awesome/bookworm fonts-inconsolata/bookworm
"""
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
ALTERNATIVE = "set ODOO_HOME to a source checkout of Odoo 19"
START_TIMEOUT_S = 90
STOP_TIMEOUT_S = 20


class OdooTree(NamedTuple):
    """One usable Odoo: its start script, its import root, and where its addons are."""

    script: Path
    python_path: Path
    addons_paths: tuple[Path, ...]

    @property
    def version(self) -> str:
        release = (self.python_path / "odoo" / "release.py").read_text()
        return ".".join(re.search(r"version_info = \((\d+), (\d+), (\d+)", release).groups())


@functools.cache
def locate() -> OdooTree:
    """Return the Odoo to work with, downloading it at first use."""
    if home := os.environ.get("ODOO_HOME"):
        home = Path(home).expanduser().resolve()
        tree = OdooTree(home / "odoo-bin", home, (home / "odoo" / "addons", home / "addons"))
        if not tree.script.is_file() or not tree.version.startswith(SERIES):
            raise CannotDo(f"ODOO_HOME={home} is no source checkout of Odoo {SERIES}")
        return tree
    root = paths.build(paths.CACHE / "odoo-19", _unpack)
    packages = root / "usr" / "lib" / "python3" / "dist-packages"
    return OdooTree(root / "usr" / "bin" / "odoo", packages, (packages / "odoo" / "addons",))


def _unpack(root: Path) -> None:
    if not shutil.which("apt-get"):
        raise CannotDo(f"apt-get is not on this machine; {ALTERNATIVE}")
    say("downloading Odoo 19 from the Debian archive (150 MB, once)")
    apt = root / "apt"
    for part in ("lists/partial", "cache/archives/partial"):
        (apt / part).mkdir(parents=True)
    (apt / "status").touch()
    sources = apt / "debian.sources"
    sources.write_text(f"Types: deb\nURIs: {_mirror()}\nSuites: sid bookworm\nComponents: main\nSigned-By: {KEYRING}\n")
    options = {
        "Dir::Etc::sourcelist": sources,
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::State": apt,
        "Dir::State::lists": apt / "lists",
        "Dir::State::status": apt / "status",
        "Dir::Cache": apt / "cache",
        "Acquire::Languages": "none",
        "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled": "false",
        # As root apt would drop to a user that cannot read a home folder.
        "APT::Sandbox::User": "root" if os.geteuid() == 0 else "",
    }
    quiet = [] if sys.stderr.isatty() else ["-qq"]
    command = ["apt-get", *quiet, *(f"-o{key}={value}" for key, value in options.items())]
    call([*command, "update"], doing="reading the package lists of the Debian archive")
    call([*command, "download", *PACKAGES.split()], doing="downloading Odoo 19", cwd=apt)
    for package in sorted(apt.glob("*.deb")):
        call(["dpkg", "-x", package, root], doing=f"unpacking {package.name}")
    shutil.rmtree(apt)


def _mirror() -> str:
    """The address of the Debian archive in the machine's own apt sources."""
    targets = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]
    found = [address for address in run(targets, doing="reading the apt sources").split() if "security" not in address]
    if not found:
        raise CannotDo(f"no Debian archive among the apt sources of this machine; {ALTERNATIVE}")
    # The archive proper, before a vendor's own.
    return next((address for address in found if address.rstrip("/").endswith("/debian")), found[0])


def prepare() -> None:
    """Bring up all that is needed before the first database, for this process and all that it starts."""
    for folder in (paths.ADDONS, paths.LOGS):
        folder.mkdir(parents=True, exist_ok=True)
    paths.point(paths.LINK, paths.CHECKOUT)
    tree = locate()
    postgres.start()
    os.environ.update(
        ODOO_RC=os.devnull,  # not the developer's own
        ODOO_ADDONS_PATH=",".join(map(str, (*tree.addons_paths, paths.ADDONS))),
        ODOO_DATA_DIR=str(paths.STATE / "data"),
        ODOO_HTTP_INTERFACE="127.0.0.1",
        ODOO_LIST_DB="False",
        # The executor keeps a time budget of its own; Odoo's would also count idle waits.
        ODOO_LIMIT_TIME_REAL_CRON="0",
        PATH=f"{Path(sys.prefix, 'bin')}{os.pathsep}{os.environ['PATH']}",
        PYTHONPATH=f"{tree.python_path}{os.pathsep}{paths.SCRIPTS}",
    )


def main(options) -> int:
    """Run any Odoo command against the developer's database."""
    from . import databases

    prepare()
    # The database goes by environment, as the configuration does: every command of Odoo can be passed through unchanged.
    os.environ["PGDATABASE"] = options.db or databases.demo()
    os.execv(sys.executable, command(*options.rest))


def command(*arguments: str) -> list[str]:
    """How to call Odoo. By its script, not as `-m odoo`: prefork mode starts its children by that path."""
    return [sys.executable, str(locate().script), *arguments]


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
    while time.monotonic() < deadline and process.status() != psutil.STATUS_ZOMBIE:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/web/health", timeout=5):
            return
        time.sleep(0.2)
    raise CannotDo(f"the server did not come up; see {log}")


def free_port(*preferred: int) -> int:
    for port in (*preferred, 0):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return probe.getsockname()[1]
    raise CannotDo("no free port on 127.0.0.1")
