"""The Python environment, made by `uv`: Odoo's requirements and the developer's tools, pinned.

It is in the cache under a name made of its inputs: checkouts that want the same versions share one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from .console import CannotDo, call, say
from .paths import CACHE, SCRIPTS, build, digest

UV = "uv==0.13.8"
REQUIREMENTS = SCRIPTS / "requirements.txt"
#: What the benchmark needs besides.
BENCH_REQUIREMENTS = SCRIPTS / "bench-requirements.txt"
#: What Odoo 19.0.0 runs on (it fails on 3.14), and what the pins are for, compiled packages as ready-made wheels.
OLDEST, NEWEST = (3, 10), (3, 13)
#: What pip is told by its environment, and how uv calls it: a mirror of PyPI, and whom to trust.
AS_PIP = {"PIP_INDEX_URL": "UV_DEFAULT_INDEX", "PIP_EXTRA_INDEX_URL": "UV_INDEX", "PIP_CERT": "SSL_CERT_FILE"}


def locate(*, bench: bool = False) -> Path:
    """Return the environment's folder, building it at first use."""
    files = [REQUIREMENTS, *([BENCH_REQUIREMENTS] if bench else [])]
    this = sys.version_info[:2]
    is_fit = OLDEST <= this <= NEWEST
    version = ".".join(map(str, this if is_fit else NEWEST))

    def make(folder: Path) -> None:
        say("installing the Python packages (half a minute, once)")
        # Instead of a Python that is too old or too new uv finds another, or fetches it.
        uv("venv", "--relocatable", "--allow-existing", "--python", sys.executable if is_fit else version, folder)
        # The files name all that is needed.
        requirements = [f"--requirement={file}" for file in files]
        uv("pip", "install", f"--python={folder}", "--compile-bytecode", "--no-deps", *requirements)

    return build(CACHE / f"venv-{digest(*(file.read_text() for file in files), version)}", make)


def uv(*arguments) -> None:
    """Run `uv`: the machine's own, or one from PyPI in the cache."""

    def make(folder: Path) -> None:
        say(f"fetching {UV}")
        if subprocess.call([sys.executable, "-c", "import ensurepip, venv"], stderr=subprocess.DEVNULL):
            apt_install("python3-venv", otherwise="this Python has no venv module: install python3-venv, or uv")
        call([sys.executable, "-m", "venv", folder], doing="creating the virtual environment")
        call([folder / "bin" / "python", "-m", "pip", "install", "--quiet", UV], doing=f"fetching {UV}")

    os.environ.setdefault("UV_SYSTEM_CERTS", "true")
    for pips, uvs in AS_PIP.items():
        if pips in os.environ:
            os.environ.setdefault(uvs, os.environ[pips])
    program = shutil.which("uv") or build(CACHE / UV.replace("==", "-"), make) / "bin" / "uv"
    quiet = [] if sys.stderr.isatty() else ["--quiet"]
    call([program, *quiet, *arguments], doing=f"uv {arguments[0]}")


def apt_install(*packages: str, otherwise: str) -> None:
    """Install Debian packages into the system; only root may."""
    if os.geteuid() or not shutil.which("apt-get"):
        raise CannotDo(otherwise)
    say(f"installing from the Debian archive: {' '.join(packages)}")
    call(["apt-get", "-qq", "update"], doing="reading the package lists")
    apt = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "install", "--yes", "--no-install-recommends"]
    call([*apt, *packages], doing=f"installing {packages[0]}")
