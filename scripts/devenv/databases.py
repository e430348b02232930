"""Odoo databases, copied from a template so that each costs a second."""

from __future__ import annotations

import json
import os
import secrets

from . import addon, postgres
from .console import CannotDo, run, say
from .environment import Environment
from .paths import ADDON, CACHE, CHECKOUT, STATE, digest, lock

# What the addon depends on, and what its tests use besides.
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
SQL_CLIENT = """
import json, sys, psycopg2
try:
    connection = psycopg2.connect(dbname=sys.argv[1])
except psycopg2.OperationalError as problem:
    sys.exit(str(problem))
connection.autocommit = True
with connection.cursor() as cursor:
    for statement in json.load(sys.stdin):
        cursor.execute(statement)
    print(json.dumps(cursor.fetchall() if cursor.description else []))
"""


def demo(env: Environment) -> str:
    """Return the developer's long-lived database, making it at first use."""
    # On a server of the developer's own, each checkout has one for itself.
    name = f"batch_demo_{digest(str(CHECKOUT))}" if postgres.is_external() else "batch_demo"
    with lock(STATE, "demo"):
        if not exists(env, name):
            create(env, name)
    return name


def unique_name(prefix: str) -> str:
    return f"{prefix}_{os.getpid()}_{secrets.token_hex(3)}"


def query(env: Environment, *statements: str, database: str = "postgres") -> list:
    """Run statements in autocommit; return the rows of the last one."""
    command = [env.python, "-c", SQL_CLIENT, database]
    return json.loads(run(command, doing=f"SQL on {database}", env=env.variables, input=json.dumps(statements)))


def exists(env: Environment, name: str) -> bool:
    return bool(query(env, f"SELECT 1 FROM pg_database WHERE datname = '{name}'"))


def create(env: Environment, name: str) -> None:
    """Copy the template under this name and install the addon."""
    scratch = f"{name}_building"
    try:
        _fill(env, scratch)
        query(env, f'ALTER DATABASE "{scratch}" RENAME TO "{name}"')
    except BaseException:
        drop(env, scratch)
        raise


def _fill(env: Environment, name: str) -> None:
    drop(env, name)
    # PostgreSQL copies no database that somebody is connected to: one at a time.
    with lock(CACHE, "template"):
        query(env, f'CREATE DATABASE "{name}" TEMPLATE "{_template(env)}"')
    if addon.is_there():
        say(f"installing {ADDON} into a new database")
        odoo(env, name, "--init", ADDON)
        _remember_code(env, name)
    else:
        say(f"there is no {ADDON} to install yet: this is a plain Odoo database")


def is_current(env: Environment, name: str) -> bool:
    """Whether the database was made from the code as it is now."""
    rows = query(env, f"SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = '{name}'")
    return rows == [[addon.fingerprint()]]


def upgrade(env: Environment, name: str) -> None:
    say(f"the code has changed: upgrading {ADDON} in {name}")
    odoo(env, name, "--init", ADDON, "--update", ADDON)
    _remember_code(env, name)


def drop(env: Environment, name: str) -> None:
    query(env, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def odoo(env: Environment, database: str, *options: str) -> None:
    """Run Odoo on a database until that is done; an error in its log is a failure."""
    command = [
        *env.odoo,
        "--database",
        database,
        "--no-http",
        "--stop-after-init",
        "--log-level=warn",
        *options,
    ]
    output = run(command, doing=f"Odoo {' '.join(options)} on {database}", env=env.variables, merge=True)
    if " ERROR " in output or " CRITICAL " in output:
        raise CannotDo(f"Odoo {' '.join(options)} on {database} logged errors:\n{output}")


def shell(env: Environment, database: str, code: str) -> str:
    """Run code in `odoo shell`, where `env` is the environment of the superuser."""
    command = [*env.odoo, "shell", "--database", database, "--no-http", "--log-level=warn"]
    return run(command, doing=f"odoo shell on {database}", env=env.variables, input=code)


def api_key(env: Environment, database: str) -> str:
    """Make an API key for the administrator."""
    return shell(env, database, NEW_KEY).partition("KEY=")[2].split()[0]


def _template(env: Environment) -> str:
    """Return the database that every other one is copied from, making it at first use."""
    name = f"batch_base_{digest(env.tree.version, BASE_MODULES, SETTLE)}"
    if not exists(env, name):
        say(f"installing {BASE_MODULES} into the template database {name} (half a minute, once)")
        scratch = f"{name}_building"
        drop(env, scratch)
        query(env, f'CREATE DATABASE "{scratch}" TEMPLATE template0')
        odoo(env, scratch, "--init", BASE_MODULES)
        shell(env, scratch, SETTLE)
        query(env, f'ALTER DATABASE "{scratch}" RENAME TO "{name}"')
    return name


def _remember_code(env: Environment, name: str) -> None:
    query(env, f"COMMENT ON DATABASE \"{name}\" IS '{addon.fingerprint()}'")
