"""A PostgreSQL to work with: the developer's own (PG* variables), or a private one.

The private server belongs to this checkout: own data, own socket, a free port on
127.0.0.1. Its facts are kept in `.odoo/postgres.json`.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import socket
import stat
from pathlib import Path

from . import postgres_binaries
from .console import CannotDo, run, say
from .paths import CHECKOUT, STATE, digest, lock

FACTS = STATE / "postgres.json"
ROLE = "odoo"
SETTINGS = {
    "max_connections": 200,
    "shared_buffers": "256MB",
    # Durability is what this addon promises: never test it on a server that skips it.
    "fsync": "on",
    "listen_addresses": "127.0.0.1",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


def is_external() -> bool:
    """Whether the developer's own server is used.

    Programs started by these scripts inherit PG* variables that name the private
    server; scripts they start in turn must still know it for what it is.
    """
    named = os.environ.get("PGHOST"), os.environ.get("PGPORT")
    if not any(named):
        return False
    facts = _facts()
    return not facts or named != (facts["socket"], str(facts["port"]))


def environment() -> dict[str, str]:
    """The variables that lead libpq (and Odoo) to the server."""
    if is_external():
        return {name: value for name, value in os.environ.items() if name.startswith("PG")}
    facts = _facts()
    return {
        "PGHOST": facts["socket"],
        "PGPORT": str(facts["port"]),
        "PGUSER": ROLE,
        "PGPASSWORD": facts["password"],
    }


def start() -> None:
    """Make sure the server runs; an external one is the developer's business."""
    if is_external():
        say(f"using the PostgreSQL server at {os.environ.get('PGHOST', 'the default socket')}")
        return
    with lock(STATE, "postgres"):
        if not _is_complete():
            _create()
        if not is_running():
            _pg_ctl("start", "--wait", "--log", str(_folder() / "server.log"))
            say(f"PostgreSQL is up on 127.0.0.1:{_facts()['port']}")


def stop() -> None:
    if not is_external() and is_running():
        _pg_ctl("stop", "--wait", "--mode", "fast")
        say("PostgreSQL is stopped")


def restart_immediate() -> None:
    """Crash the server and start it again, as after a power cut."""
    if is_external():
        raise CannotDo("this PostgreSQL server is not ours to crash: unset PGHOST and PGPORT")
    start()
    _pg_ctl("restart", "--wait", "--mode", "immediate", "--log", str(_folder() / "server.log"))


def is_running() -> bool:
    if is_external():
        return True
    if not _is_complete():
        return False
    try:
        _pg_ctl("status")
    except CannotDo:
        return False
    return True


def _facts() -> dict:
    return json.loads(FACTS.read_text()) if FACTS.exists() else {}


def _is_complete() -> bool:
    facts = _facts()
    # A copied or moved checkout brings facts along that belong to another one's server.
    return bool(facts) and facts["socket"] == str(_folder()) and Path(facts["data"], "PG_VERSION").exists()


def _folder() -> Path:
    """Everything of the private server: reachable for its user, closed to others.

    Not in the checkout: that may lie below a home folder which the server's user
    cannot enter, or so deep that the socket's path exceeds the system's limit.
    """
    return Path("/var/tmp") / f"batch_executor-{os.geteuid()}-{digest(str(CHECKOUT))}"


def _create() -> None:
    user = postgres_binaries.server_user()
    folder = _folder()
    _claim_folder(folder, user)
    binaries = postgres_binaries.locate(folder)
    say(f"creating a PostgreSQL server with {binaries}")
    data, scratch, secret = folder / "data", folder / "data.building", folder / "secret"
    if (data / "postmaster.pid").exists():
        # `.odoo/` was removed while its server ran.
        with contextlib.suppress(CannotDo):
            run([binaries / "pg_ctl", "stop", "--mode", "immediate", "--pgdata", data],
                doing="stopping the former server", cwd="/", **postgres_binaries.run_as(user))  # fmt: skip
    for leftover in (data, scratch):
        shutil.rmtree(leftover, ignore_errors=True)
    password = secrets.token_urlsafe(24)
    secret.touch(mode=0o600)
    secret.write_text(password)
    shutil.chown(secret, user or os.geteuid())
    # The socket's folder is closed to other users; over TCP a password is asked for.
    run(
        [binaries / "initdb", f"--pgdata={scratch}", f"--username={ROLE}", f"--pwfile={secret}",
         "--auth-local=trust", "--auth-host=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8"],
        doing="creating the PostgreSQL server", **postgres_binaries.run_as(user),
    )  # fmt: skip
    secret.unlink()
    port = _free_port()
    settings = {**SETTINGS, "port": port, "unix_socket_directories": folder}
    with (scratch / "postgresql.conf").open("a") as conf:
        conf.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
    scratch.rename(data)
    facts = {"data": str(data), "socket": str(folder), "port": port, "password": password,
             "binaries": str(binaries), "user": user}  # fmt: skip
    FACTS.touch(mode=0o600)
    FACTS.write_text(json.dumps(facts, indent=2))


def _claim_folder(folder: Path, user: str | None) -> None:
    """Make the folder ours; one that somebody else made under this name is refused."""
    folder.mkdir(mode=0o700, exist_ok=True)
    if user and folder.stat().st_uid == os.geteuid():
        shutil.chown(folder, user)
    found = folder.lstat()
    owner = postgres_binaries.user_id(user)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner or stat.S_IMODE(found.st_mode) != 0o700:
        raise CannotDo(f"{folder} is not a private folder of ours; remove it")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _pg_ctl(action: str, *options: str) -> str:
    facts = _facts()
    command = [Path(facts["binaries"], "pg_ctl"), action, "--pgdata", facts["data"], *options]
    as_user = postgres_binaries.run_as(facts["user"])
    return run(command, doing=f"pg_ctl {action}", cwd="/", **as_user)
