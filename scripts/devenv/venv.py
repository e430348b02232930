"""The Python environment, made by `uv`: Odoo's requirements and the developer's tools, pinned.

It is in the cache under a name made of its inputs: checkouts that want the same versions share one.
"""

import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

from .base import CACHE, SCRIPTS, build, call, digest, say

UV = "uv==0.13.8"
#: What Odoo 19.0.0 runs on (it fails on 3.14), and what the pins are for, compiled packages as ready-made wheels.
OLDEST, NEWEST = (3, 10), (3, 13)
#: What pip is told by its environment, and how uv calls it: a mirror of PyPI, and whom to trust.
AS_PIP = {"PIP_INDEX_URL": "UV_DEFAULT_INDEX", "PIP_EXTRA_INDEX_URL": "UV_INDEX", "PIP_CERT": "SSL_CERT_FILE"}


def locate(*, bench: bool = False) -> Path:
    """Return the environment's folder, building it at first use."""
    files = [SCRIPTS / name for name in ("requirements.txt", *(["bench-requirements.txt"] if bench else []))]
    is_fit = OLDEST <= sys.version_info[:2] <= NEWEST
    version = ".".join(map(str, sys.version_info[:2] if is_fit else NEWEST))

    def make(folder: Path) -> None:
        # Instead of a Python that is too old or too new uv finds another, or fetches it.
        python = sys.executable if is_fit else version
        uv("venv", "--relocatable", "--allow-existing", "--python", python, folder, doing="making a Python environment")
        # The files name all that is needed.
        options = f"--python={folder}", "--compile-bytecode", "--no-deps", *(f"--requirement={file}" for file in files)
        uv("pip", "install", *options, doing="installing the Python packages (half a minute, once)")

    return build(CACHE / f"venv-{digest(*(file.read_text() for file in files), version)}", make)


def uv(*arguments, doing: str) -> None:
    """Run `uv`: the machine's own, or one from PyPI in the cache."""
    os.environ.setdefault("UV_SYSTEM_CERTS", "true")
    for pips, uvs in AS_PIP.items():
        if pips in os.environ:
            os.environ.setdefault(uvs, os.environ[pips])
    program = shutil.which("uv") or build(CACHE / UV.replace("==", "-"), _fetch_uv) / "bin" / "uv"
    call([program, *([] if sys.stderr.isatty() else ["--quiet"]), *arguments], doing=doing)


def _fetch_uv(folder: Path) -> None:
    if not find_spec("ensurepip"):
        apt_install("python3-venv")
    call([sys.executable, "-m", "venv", folder], doing=f"making a place for {UV}")
    call([folder / "bin" / "python", "-m", "pip", "install", "--quiet", UV], doing=f"fetching {UV}")


def apt_install(*packages: str) -> None:
    """Install Debian packages into the system; where that can't be done, name them."""
    names = " ".join(packages)
    if os.geteuid() or not shutil.which("apt-get"):
        return say(f"not on this machine, and only root may install it: {names}")
    call(["apt-get", "-qq", "update"], doing="reading the package lists")
    apt = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "install", "--yes", "--no-install-recommends"]
    return call([*apt, *packages], doing=f"installing from the Debian archive: {names}")
