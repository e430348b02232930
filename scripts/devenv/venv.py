"""The Python environment: Odoo's requirements and the developer's tools, pinned.

It lives in the cache under a name made of its inputs, so checkouts that want the
same versions share one, and changed requirements make a new one.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from .console import CannotDo, run, say
from .debian import system_install
from .paths import CACHE, SCRIPTS, digest, lock

REQUIREMENTS = SCRIPTS / "requirements.txt"
# What Odoo 19.0.0 runs on (it fails on 3.14), and what the pins are for, compiled packages as ready-made wheels.
OLDEST, NEWEST = (3, 10), (3, 13)


def locate() -> Path:
    """Return the environment's folder, building it at first use."""
    base = _base_python()
    version = run([base, "-c", "import sys; print(sys.version)"], doing="asking Python for its version")
    venv = CACHE / f"venv-{digest(REQUIREMENTS.read_text(), version)}"
    # A virtual environment cannot be renamed when it is ready: a marker says so instead.
    ready = venv / "ready"
    if not ready.exists():
        with lock(CACHE, venv.name):
            if not ready.exists():
                _build(venv, base)
                ready.touch()
    return venv


def _base_python() -> str:
    """Choose the interpreter: the one running this script, where its version will do."""
    if OLDEST <= sys.version_info[:2] <= NEWEST:
        return sys.executable
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        if found := shutil.which(f"python3.{minor}"):
            return found
    oldest, newest, this = (".".join(map(str, version[:3])) for version in (OLDEST, NEWEST, sys.version_info))
    raise CannotDo(f"Python {oldest} to {newest} is needed: this is {this}, and no other is on PATH")


def _build(venv: Path, base: str) -> None:
    say("installing the Python packages (about a minute, once)")
    shutil.rmtree(venv, ignore_errors=True)
    if uv := shutil.which("uv"):
        run([uv, "venv", "--quiet", "--python", base, venv], doing="creating the virtual environment")
    else:
        _ensure_venv_module(base)
        run([base, "-m", "venv", venv], doing="creating the virtual environment")
    run([*installer(venv), "--requirement", REQUIREMENTS], doing="installing the Python packages")


def installer(venv: Path) -> list:
    """The start of a command that installs packages for this environment."""
    python = venv / "bin" / "python"
    if uv := shutil.which("uv"):
        return [uv, "pip", "install", "--quiet", "--python", python]
    return [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]


def _ensure_venv_module(base: str) -> None:
    """Debian ships `venv` as a package of its own."""
    try:
        run([base, "-c", "import ensurepip, venv"], doing="looking for the module venv")
    except CannotDo:
        if os.geteuid():
            raise CannotDo("this Python has no venv module: install python3-venv, or uv") from None
        system_install("python3-venv")
