"""Prometheus and its tool, to have metrics, dashboard and alert rules read by what reads them elsewhere.

Of Debian's package just the programs are used, which need nothing but libc: no service is started, no user made.
"""

import contextlib
import json
import subprocess
import time
import urllib.parse
import urllib.request
from pathlib import Path

import psutil

from . import debian
from .base import CACHE, CannotDo, build
from .odoo_bin import free_port, stop

PACKAGE = "prometheus/bookworm"
START_TIMEOUT_S = 30


def locate() -> Path:
    """Return the folder with the programs `prometheus` and `promtool`; downloads them at first use."""
    return build(CACHE / "prometheus-bookworm", _unpack) / "usr" / "bin"


def _unpack(root: Path) -> None:
    debian.unpack(root, ("bookworm",), PACKAGE, doing="downloading Prometheus from the Debian archive (19 MB, once)")


class Prometheus:
    """A Prometheus that runs, heard on this machine alone.

    :param url: of its HTTP API
    """

    def __init__(self, url: str):
        self.url = url

    def ask(self, path: str, **parameters) -> tuple:
        """Ask its HTTP API.

        :param path: below `/api/v1/`, such as `query`
        :returns: the data of the answer, and what it warns of
        :raises urllib.error.HTTPError: it is an error
        """
        query = urllib.parse.urlencode(parameters, doseq=True)
        with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{query}", timeout=START_TIMEOUT_S) as answer:
            found = json.load(answer)
        return found["data"], found.get("warnings", []) + found.get("infos", [])


@contextlib.contextmanager
def running(program: Path | str, folder: Path, settings: Path):
    """Run one with a file of settings, its data in a folder; yields the `Prometheus`."""
    prometheus = Prometheus(f"http://127.0.0.1:{free_port()}")
    log = folder / "prometheus.log"
    command = [
        program, f"--config.file={settings}", f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={prometheus.url.removeprefix('http://')}", "--log.level=warn",
    ]  # fmt: skip
    with log.open("w") as output:
        process = psutil.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        _wait(prometheus, process, log)
        yield prometheus
    finally:
        stop(process)


def _wait(prometheus, process, log) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and process.status() != psutil.STATUS_ZOMBIE:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{prometheus.url}/-/ready", timeout=5):
            return
        time.sleep(0.1)
    raise CannotDo(f"Prometheus did not come up:\n{log.read_text()}")
