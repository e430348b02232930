"""A pgbouncer in front of a PostgreSQL of ours, in session mode: what Odoo can be run behind."""

import contextlib
import os
import shutil
import time
from pathlib import Path

import psutil
import psycopg2

from . import debian
from .base import CACHE, CannotDo, build
from .odoo_bin import free_port, stop
from .postgres import ROLE, server_user

#: With the libraries that a machine may not have.
PACKAGES = "pgbouncer/bookworm libevent-2.1-7/bookworm libc-ares2/bookworm"
START_TIMEOUT_S = 20
SETTINGS = """
[databases]
* = host={folder} port=5432 user={role}
[pgbouncer]
pool_mode = session
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
max_client_conn = 200
default_pool_size = 60
ignore_startup_parameters = extra_float_digits
"""


def locate() -> Path:
    """Return the folder in which pgbouncer is unpacked; downloads it at first use."""
    return build(CACHE / "pgbouncer-bookworm", _unpack)


@contextlib.contextmanager
def running(folder: Path):
    """Run one in front of the PostgreSQL whose socket is in a folder; yields the variables with which libpq finds it."""
    usr, port = folder / "pgbouncer", free_port()
    shutil.copytree(locate() / "usr", usr)  # the server's user may not be able to enter the cache
    settings = folder / "pgbouncer.ini"
    settings.write_text(SETTINGS.format(folder=folder, port=port, role=ROLE))
    settings.chmod(0o644)
    user, group = server_user()
    as_user = {"user": user, "group": group, "extra_groups": []} if os.geteuid() == 0 else {}
    libraries = os.pathsep.join(str(path) for path in usr.glob("lib/*-linux-gnu*"))
    with (folder / "pgbouncer.log").open("w") as log:
        process = psutil.Popen(
            [usr / "sbin" / "pgbouncer", settings], stdout=log, stderr=log, cwd="/", env={**os.environ, "LD_LIBRARY_PATH": libraries}, **as_user
        )
    variables = {"PGHOST": "127.0.0.1", "PGPORT": str(port), "PGUSER": ROLE}
    try:
        _wait(variables, process, log.name)
        yield variables
    finally:
        stop(process)


def _unpack(root: Path) -> None:
    debian.unpack(root, ("bookworm",), *PACKAGES.split(), doing="downloading pgbouncer from the Debian archive (1 MB, once)")


def _wait(variables, process, log) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and process.is_running():
        with contextlib.suppress(psycopg2.OperationalError):
            psycopg2.connect(
                host=variables["PGHOST"], port=variables["PGPORT"], user=variables["PGUSER"], dbname="postgres"
            ).close()
            return
        time.sleep(0.05)
    raise CannotDo(f"pgbouncer did not come up; see {log}")
