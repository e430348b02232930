"""Odoo in a process of the benchmark's own, on a database that no server runs on: nobody else takes its jobs."""

from __future__ import annotations

import contextlib
import multiprocessing
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor

from .. import odoo_bin, paths

CALL_TIMEOUT_S = 900


def load_odoo(database: str | None = None) -> None:
    """Make Odoo and its addons importable here, and load a database."""
    global registry
    sys.path.insert(0, str(odoo_bin.locate().python_path))
    import odoo.init  # noqa: F401
    from odoo.modules.module import initialize_sys_path
    from odoo.modules.registry import Registry
    from odoo.tools import config

    config.parse_config(
        ["--no-http", "--log-level=warn", f"--logfile={paths.LOGS / 'bench-inside.log'}"], setup_logging=True
    )
    initialize_sys_path()
    registry = Registry(database) if database else None


@contextlib.contextmanager
def process(database: str):
    """Give a function that calls another one in that process, with the registry and what else it needs."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context, load_odoo, (database,)) as pool:
        yield lambda function, **arguments: pool.submit(_call, function, arguments).result(CALL_TIMEOUT_S)


def _call(function: Callable, arguments: dict):
    registry.check_signaling()
    return function(registry, **arguments)
