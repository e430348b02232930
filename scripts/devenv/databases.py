"""Odoo databases, copied from a template so that each costs a second."""

from __future__ import annotations

import contextlib
import os
import secrets

import psycopg2

from . import odoo_bin, odoo_tree, postgres
from .console import CannotDo, say
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
NEW_KEY = """
user = env.ref("base.user_admin")
key = env["res.users.apikeys"].with_user(user).sudo()._generate("rpc", "scripts", None)
env.cr.commit()
print("KEY=" + key)
"""
#: Until the connection ends, whoever else says so on this server waits.
ALONE = "SELECT pg_advisory_lock(hashtext('batch_executor: template'))"
#: Which of the addon's files `-u` has to be told about; the rest is read at each start.
UPGRADED_BY = {".py", ".xml", ".csv", ".js"}
NOT_CODE = {"scripts", "tests", "docs"}


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


def query(*statements: str, database: str = "postgres") -> list[tuple]:
    """Run statements in autocommit; return the rows of the last one."""
    with connected(database) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


def demo() -> str:
    """Return the developer's long-lived database, making it at first use."""
    # On a server of the developer's own, each checkout has one for itself.
    name = f"batch_demo_{digest(str(CHECKOUT))}" if postgres.is_external() else "batch_demo"
    with lock(STATE, "demo"):
        if not _exists(name):
            create(name)
    return name


def unique_name(prefix: str) -> str:
    return f"{prefix}_{os.getpid()}_{secrets.token_hex(3)}"


def create(name: str) -> None:
    """Copy the template under this name and install the addon."""
    scratch = f"{name}_building"
    drop(scratch)
    try:
        copy(_template(), scratch)
        install(scratch, doing=f"installing {ADDON} into a new database")
        query(f'ALTER DATABASE "{scratch}" RENAME TO "{name}"')
    except BaseException:
        drop(scratch)
        raise


def copy(source: str, name: str) -> None:
    # PostgreSQL copies no database that somebody is connected to: one at a time.
    query(ALONE, f'CREATE DATABASE "{name}" TEMPLATE "{source}"')


def drop(name: str) -> None:
    query(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _exists(name: str) -> bool:
    return bool(query(f"SELECT 1 FROM pg_database WHERE datname = '{name}'"))


def is_current(name: str) -> bool:
    """Whether the database was made from the code as it is now."""
    rows = query(f"SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = '{name}'")
    return rows == [(fingerprint(),)]


def install(name: str, *options: str, doing: str) -> None:
    """Install the addon; with `--update`, bring it up to date."""
    say(doing)
    odoo_bin.finish(name, f"--init={ADDON}", *options, doing=doing)
    query(f"COMMENT ON DATABASE \"{name}\" IS '{fingerprint()}'")


def fingerprint() -> str:
    """A name for the present state of the code that a database is made from."""
    contents = []
    for path in sorted(CHECKOUT.rglob("*")):
        inside = path.relative_to(CHECKOUT)
        if inside.parts[0] in NOT_CODE or inside.parts[0].startswith(".") or path.suffix not in UPGRADED_BY:
            continue
        contents += [str(inside), path.read_text(errors="replace")]
    return digest(*contents)


def api_key(database: str) -> str:
    """Make an API key for the administrator."""
    say("making an API key for the administrator")
    return odoo_bin.shell(database, NEW_KEY, doing="making an API key").partition("KEY=")[2].split()[0]


def _template() -> str:
    """Return the database that every other one is copied from, making it at first use."""
    name = f"batch_base_{digest(odoo_tree.locate().version, BASE_MODULES, SETTLE)}"
    with connected("postgres") as connection, connection.cursor() as cursor:
        cursor.execute(ALONE)
        if not _exists(name):
            say(f"installing {BASE_MODULES} into the template database {name} (half a minute, once)")
            scratch = f"{name}_building"
            drop(scratch)
            query(f'CREATE DATABASE "{scratch}" TEMPLATE template0')
            odoo_bin.finish(scratch, f"--init={BASE_MODULES}", doing=f"installing {BASE_MODULES}")
            odoo_bin.shell(scratch, SETTLE, doing="settling the template")
            query(f'ALTER DATABASE "{scratch}" RENAME TO "{name}"')
    return name
