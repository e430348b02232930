"""Odoo databases, copied from a template so that each costs a second."""

import contextlib
import os
import secrets

import psycopg2
from passlib.hash import pbkdf2_sha512

from . import odoo_bin, postgres
from .console import CannotDo, run
from .paths import ADDON, CHECKOUT, STATE, digest, lock

#: What the addon depends on, and what its tests use besides.
BASE_MODULES = "base,web,bus,mail,product,base_automation"
# The template keeps attachments in the database, so that a copy needs no files
# and a dropped copy leaves none. And a developer's database does not call home.
SETTLE = """
env["ir.config_parameter"].set_param("ir_attachment.location", "db")
env["ir.attachment"].force_storage()
env.ref("mail.ir_cron_module_update_notification").active = False
env.cr.commit()
"""
#: Until the connection ends, whoever else says so on this server waits.
ALONE = "SELECT pg_advisory_lock(hashtext('batch_executor: template'))"
#: Which of the addon's files `-u` has to be told about; the rest is read at each start.
UPGRADED_BY = {".py", ".xml", ".csv", ".js"}
NOT_CODE = {"scripts", "tests", "docs"}
KEY_FILE = STATE / "api_key"
#: As Odoo's `_generate` stores a key.
STORE_KEY = """
    INSERT INTO res_users_apikeys (name, user_id, scope, key, index)
    SELECT 'scripts', id, 'rpc', %s, %s FROM res_users WHERE login = 'admin'
"""


@contextlib.contextmanager
def connected(database: str):
    """A connection in autocommit."""
    try:
        connection = psycopg2.connect(dbname=database)
    except psycopg2.OperationalError as problem:
        raise CannotDo(f"no connection to the database {database}: {problem}") from None
    connection.autocommit = True
    with contextlib.closing(connection):
        yield connection


def query(*statements: str, params: tuple = (), database: str = "postgres") -> list[tuple]:
    """Run statements in autocommit; return the rows of the last one."""
    with connected(database) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement, params or None)
        return cursor.fetchall() if cursor.description else []


def demo() -> str:
    """Return the developer's long-lived database, making it at first use."""
    # On a server of the developer's own, each checkout has one for itself.
    name = f"batch_demo_{digest(str(CHECKOUT))}" if postgres.is_external() else "batch_demo"
    with lock(STATE, "demo"):
        if not _made_from(name):
            create(name)
    return name


def unique_name(prefix: str) -> str:
    return f"{prefix}_{os.getpid()}_{secrets.token_hex(3)}"


def create(name: str) -> None:
    """Copy the template under this name and install the addon."""
    template = _template()
    drop(name)  # what was left unfinished
    copy(template, name)
    install(name, doing=f"installing {ADDON} into a new database")


def copy(source: str, name: str) -> None:
    # PostgreSQL copies no database that somebody is connected to: one at a time.
    query(ALONE, f'CREATE DATABASE "{name}" TEMPLATE "{source}"')


def drop(name: str) -> None:
    query(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def install(name: str, *options: str, doing: str) -> None:
    """Install the addon; with `--update`, bring it up to date."""
    odoo_bin.finish(name, f"--init={ADDON}", *options, doing=doing)
    _finish(name, fingerprint())


def is_current(name: str) -> bool:
    """Whether the database was made from the code as it is now."""
    return _made_from(name) == fingerprint()


def _finish(name: str, made_from: str) -> None:
    query(f"COMMENT ON DATABASE \"{name}\" IS '{made_from}'")


def _made_from(name: str) -> str | None:
    """What was noted when the database was finished, if it ever was."""
    comment = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s"
    return next((row[0] for row in query(comment, params=(name,))), None)


def fingerprint() -> str:
    """A name for the present state of the code that a database is made from."""
    folders = [
        path for path in CHECKOUT.iterdir() if path.is_dir() and path.name[0] != "." and path.name not in NOT_CODE
    ]
    files = [*CHECKOUT.glob("*"), *(path for folder in folders for path in folder.rglob("*"))]
    return digest(*(f"{path} {path.read_text()}" for path in sorted(files) if path.suffix in UPGRADED_BY))


def api_key(database: str) -> str:
    """Let the administrator in by the checkout's key."""
    with lock(STATE, "api_key"):
        if not KEY_FILE.exists():
            KEY_FILE.touch(mode=0o600)
            KEY_FILE.write_text(secrets.token_hex(20))
    key = KEY_FILE.read_text()
    query("DELETE FROM res_users_apikeys WHERE name = 'scripts'", database=database)
    query(STORE_KEY, params=(pbkdf2_sha512.using(rounds=6000).hash(key), key[:8]), database=database)
    return key


def _template() -> str:
    """Return the database that every other one is copied from, making it at first use."""
    name = f"batch_base_{digest(odoo_bin.locate().version, BASE_MODULES, SETTLE)}"
    with connected("postgres") as connection, connection.cursor() as cursor:
        cursor.execute(ALONE)
        if not _made_from(name):
            drop(name)
            query(f'CREATE DATABASE "{name}" TEMPLATE template0')
            doing = f"installing {BASE_MODULES} into the template database {name} (half a minute, once)"
            odoo_bin.finish(name, f"--init={BASE_MODULES}", doing=doing)
            shell = odoo_bin.command("shell", f"--database={name}", "--no-http", "--log-level=warn")
            run(shell, doing="settling the template", input=SETTLE)
            _finish(name, BASE_MODULES)
    return name
