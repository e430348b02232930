"""Run the addon's tests with pytest, in a database made for this run."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from . import chromium, curl, databases, environment, paths
from .console import say

# Options of pytest whose value is the next argument, and never a path to collect.
WITH_VALUE = {"-k", "-m", "-p", "-o", "-r", "-n", "-W", "-c"}


def main(arguments: list[str]) -> int:
    """Return pytest's exit code."""
    keep = "--keep-db" in arguments
    arguments = [argument for argument in arguments if argument != "--keep-db"]
    env = environment.prepare()
    chromium.ensure()
    curl.ensure()
    database = databases.unique_name("batch_test")
    try:
        databases.create(env, database)
        say(f"running the tests in the database {database}{' (kept)' if keep else ''}")
        return subprocess.call(
            _command(env, database, arguments),
            # Outside the checkout's own name, or Odoo takes its folder for the addon's.
            cwd=paths.ADDONS,
            env={**os.environ, **environment.for_tests(env, database), "PYTHONPATH": _python_path(env)},
            stdin=subprocess.DEVNULL,
        )
    finally:
        if not keep:
            databases.drop(env, database)


def _command(env, database: str, arguments: list[str]) -> list[str]:
    given, has_paths = _through_link(arguments)
    return [
        str(env.python), "-m", "pytest", "-p", "devenv.pytest_guard",
        f"--rootdir={paths.ADDONS}", "-o", f"cache_dir={paths.STATE / 'pytest_cache'}",
        f"--odoo-config={environment.CONF}", f"--odoo-database={database}", "--odoo-http",
        "-W", "ignore:'crypt' is deprecated:DeprecationWarning",
        *given, *([] if has_paths else [str(paths.LINK / "tests")]),
    ]  # fmt: skip


def _python_path(env) -> str:
    return os.pathsep.join([env.variables["PYTHONPATH"], str(paths.SCRIPTS)])


def _through_link(arguments: list[str]) -> tuple[list[str], bool]:
    """Rewrite paths in the checkout to go through the link, where the addon has its name."""
    result, has_paths = [], False
    previous = ""
    for argument in arguments:
        mapped = None if argument.startswith("-") or previous in WITH_VALUE else _map_path(argument)
        has_paths = has_paths or mapped is not None
        result.append(mapped or argument)
        previous = argument
    return result, has_paths


def _map_path(argument: str) -> str | None:
    path, separator, rest = argument.partition("::")
    for base in (Path.cwd(), paths.CHECKOUT):
        found = (base / path).resolve()
        if found.exists() and found.is_relative_to(paths.CHECKOUT):
            return f"{paths.LINK / found.relative_to(paths.CHECKOUT)}{separator}{rest}"
    return None
