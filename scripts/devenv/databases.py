"""Odoo databases, copied from a template so that each costs a second."""

import contextlib
import os
import sys

import psycopg2

from . import odoo_bin, postgres
from .base import ADDON, CACHE, CHECKOUT, STATE, CannotDo, digest, lock, run

#: What the addon depends on, and what its tests use besides.
BASE_MODULES = "base,web,bus,mail,product,base_automation"
#: What people look at the demo's records in.
DEMO_APPS = "contacts"
#: What `tests/test_fast_rows.py` uses besides.
BUSINESS_MODULES = "account,crm,hr,project,sale"
# Attachments are in the database, so that a copy needs no files and leaves none; a developer's database does not call home.
SETTLE = """
env["ir.config_parameter"].set_param("ir_attachment.location", "db")
env["ir.attachment"].force_storage()
env.ref("mail.ir_cron_module_update_notification").active = False
env.cr.commit()
"""
#: Which of the addon's files `-u` has to be told about; the rest is read at each start.
UPGRADED_BY = {".py", ".xml", ".csv", ".js"}
NOT_CODE = {"scripts", "tests", "docs"}
KEY_FILE = STATE / "api_key"
NEW_KEY = 'print(env["res.users.apikeys"].with_user(2)._generate("rpc", "scripts", None)); env.cr.commit()'


def query(statement: str, *params, database: str = "postgres") -> list[tuple]:
    """Run a statement in autocommit; return its rows."""
    try:
        connection = psycopg2.connect(dbname=database)
    except psycopg2.OperationalError as problem:
        raise CannotDo(f"no connection to the database {database}: {problem}") from None
    connection.autocommit = True
    with contextlib.closing(connection), connection.cursor() as cursor:
        cursor.execute(statement, params or None)
        return cursor.fetchall() if cursor.description else []


def odoo(options) -> int:
    """Run any Odoo command against the developer's database."""
    odoo_bin.prepare()
    # The database goes by environment, as the configuration does: every command of Odoo can be passed through unchanged.
    os.environ["PGDATABASE"] = options.db or demo()
    os.execv(sys.executable, odoo_bin.command(*options.rest))


def demo() -> str:
    """Return the developer's long-lived database, making it at first use."""
    # On a server of the developer's own, each checkout has one for itself.
    name = f"batch_demo_{digest(str(CHECKOUT))}" if postgres.is_external() else "batch_demo"
    with lock(STATE, "demo"):
        if not _made_from(name):
            KEY_FILE.unlink(missing_ok=True)
            create(name, DEMO_APPS)
        if not KEY_FILE.exists():
            KEY_FILE.touch(mode=0o600)
            KEY_FILE.write_text(new_key(name))
    return name


def create(name: str, *apps: str, business: bool = False) -> None:
    """Copy the template, or the one with business apps, under this name, and install the addon, with other apps."""
    copy(business_template() if business else template(), name)
    _install(name, apps=apps, doing=f"installing {ADDON} into a new database")


def business() -> str:
    """Return a database with business apps and the addon as it is now, which tests copy; it is made once for the same code."""
    name = f"batch_twins_{digest(str(CHECKOUT))}"
    with lock(STATE, "business"):
        if not is_current(name):
            create(name, business=True)
    return name


def copy(source: str, name: str) -> None:
    drop(name)  # what was left unfinished
    query(f'CREATE DATABASE "{name}" TEMPLATE "{source}"')


def drop(name: str) -> None:
    query(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def drop_all(prefix: str) -> None:
    """Drop a database, and its copies that begin with its name."""
    for (name,) in query("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", prefix):
        drop(name)


def is_current(name: str) -> bool:
    """Whether the database was made from the code as it is now."""
    return _made_from(name) == _fingerprint()


def upgrade(name: str) -> None:
    """Bring the addon in the database up to the code as it is now."""
    if not is_current(name):
        _install(name, f"--update={ADDON}", doing=f"the code has changed: upgrading {ADDON} in {name}")


def new_key(database: str) -> str:
    """Make an API key of the administrator's."""
    return shell(database, NEW_KEY, doing="making an API key").split()[-1]


def _install(name: str, *options: str, apps: tuple = (), doing: str) -> None:
    odoo_bin.finish(name, f"--init={','.join((ADDON, *apps))}", *options, doing=doing)
    _finish(name, _fingerprint())


def template() -> str:
    """Return the database that every other one is copied from, making it at first use."""
    return _with_modules("batch_base", "template0", BASE_MODULES, "half a minute", os.environ.get("ODOO_HOME", "19.0.0"))


def business_template() -> str:
    """Return a copy of the template that has business apps, making it at first use."""
    return _with_modules("batch_business", template(), BUSINESS_MODULES, "a minute and a half")


def _with_modules(prefix: str, source: str, modules: str, lasts: str, *made_of: str) -> str:
    name = f"{prefix}_{digest(source, modules, SETTLE, *made_of)}"
    with lock(CACHE, name):  # a server of the developer's own has one for all checkouts
        if not _made_from(name):
            copy(source, name)
            odoo_bin.finish(name, f"--init={modules}", doing=f"installing {modules} into the template database {name} ({lasts}, once)")
            shell(name, SETTLE, doing="settling the template")
            _finish(name, modules)
    return name


def shell(database: str, program: str, *, doing: str) -> str:
    return run(odoo_bin.command("shell", f"--database={database}", "--no-http", "--log-level=warn"), doing=doing, input=program)


def _finish(name: str, made_from: str) -> None:
    query(f"COMMENT ON DATABASE \"{name}\" IS '{made_from}'")


def _made_from(name: str) -> str | None:
    """What was noted when the database was finished, if it ever was."""
    comment = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s"
    return next((row[0] for row in query(comment, name)), None)


def _fingerprint() -> str:
    """A name for the present state of the code that a database is made from."""
    files = [path for path in CHECKOUT.glob("[!.]*/**/*") if path.relative_to(CHECKOUT).parts[0] not in NOT_CODE]
    code = sorted(path for path in (*CHECKOUT.glob("*"), *files) if path.suffix in UPGRADED_BY)
    return digest(*(f"{path} {path.read_text()}" for path in code))
