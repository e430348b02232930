"""Everything found and running: what the other modules work with."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path

from . import odoo_tree, paths, postgres, venv
from .odoo_tree import OdooTree

CONF = paths.STATE / "odoo.conf"
# Odoo's name for an option, and libpq's variable that sets it.
CONNECTION = {"db_host": "PGHOST", "db_port": "PGPORT", "db_user": "PGUSER", "db_password": "PGPASSWORD"}


@dataclass(frozen=True)
class Environment:
    tree: OdooTree
    venv: Path
    variables: dict[str, str]

    @property
    def python(self) -> Path:
        return self.venv / "bin" / "python"

    @property
    def odoo(self) -> list[str]:
        """The start of every Odoo command; its configuration is in the variables.

        The script, not `-m odoo`: prefork mode starts its children by that path.
        """
        return [str(self.python), str(self.tree.script)]


def prepare() -> Environment:
    """Bring up all that is needed before the first database."""
    paths.prepare()
    tree = odoo_tree.locate()
    folder = venv.locate()
    postgres.start()
    connection = postgres.environment()
    _write_conf(tree, connection)
    variables = {
        **connection,
        "ODOO_RC": str(CONF),
        "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(tree.python_path),
    }
    return Environment(tree, folder, variables)


def for_tests(env: Environment, database: str) -> dict[str, str]:
    """What a test needs to start real servers and connections of its own."""
    return {
        **env.variables,
        "BATCH_CONF": str(CONF),
        "BATCH_ODOO_BIN": shlex.join(env.odoo),
        "BATCH_PYTHON": str(env.python),
        "BATCH_SCRIPTS": str(paths.SCRIPTS),
        "BATCH_TEST_DB": database,
    }


def _write_conf(tree: OdooTree, connection: dict[str, str]) -> None:
    options = {
        "addons_path": ",".join(str(path) for path in (*tree.addons_paths, paths.ADDONS)),
        "data_dir": paths.STATE / "data",
        **{option: connection[name] for option, name in CONNECTION.items() if name in connection},
        "http_interface": "127.0.0.1",
        "list_db": "False",
        # The executor keeps a time budget of its own; Odoo's would also count idle waits.
        "limit_time_real_cron": 0,
    }
    text = "[options]\n" + "".join(f"{name} = {value}\n" for name, value in options.items())
    if not CONF.exists() or CONF.read_text() != text:
        scratch = CONF.with_name(f"odoo.conf.{os.getpid()}")
        scratch.touch(mode=0o600)
        scratch.write_text(text)
        scratch.replace(CONF)
