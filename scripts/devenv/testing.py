"""Run the addon's tests with pytest, in a database made for this run; and what a test run needs of pytest, as its plugin."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from . import databases, environment, machine, paths
from .console import say

CHAOS = paths.CHECKOUT / "tests" / "test_chaos.py"
#: Options of pytest whose value is the next argument, and never a path to collect.
WITH_VALUE = {"-k", "-m", "-p", "-o", "-r", "-n", "-W", "-c"}


def main(options) -> int:
    """Return pytest's exit code."""
    arguments = options.rest
    if options.command == "chaos":
        os.environ["BATCH_CHAOS_MINUTES"] = str(options.minutes)
        arguments = [str(CHAOS), *arguments]
    environment.prepare()
    machine.ensure_test_programs()
    database = databases.unique_name("batch_test")
    try:
        databases.create(database)
        say(f"running the tests in the database {database}{' (kept)' if options.keep_db else ''}")
        # Outside the checkout's own name, or Odoo takes its folder for the addon's.
        return subprocess.call(_command(database, arguments), cwd=paths.ADDONS, stdin=subprocess.DEVNULL)
    finally:
        if not options.keep_db:
            databases.drop(database)


def _command(database: str, arguments: list[str]) -> list[str]:
    given = [
        argument if argument.startswith("-") or previous in WITH_VALUE else _through_link(argument)
        for previous, argument in zip(["", *arguments], arguments, strict=False)
    ]
    has_paths = any(argument.startswith(str(paths.LINK)) for argument in given)
    return [
        sys.executable, "-m", "pytest", "-p", "devenv.testing",
        f"--rootdir={paths.ADDONS}", "-o", f"cache_dir={paths.STATE / 'pytest_cache'}",
        f"--odoo-database={database}", "--odoo-http",
        "-W", "ignore:'crypt' is deprecated:DeprecationWarning",
        *given, *([] if has_paths else [str(paths.LINK / "tests")]),
    ]  # fmt: skip


def _through_link(argument: str) -> str:
    """A path in the checkout by way of the link, where the addon has its name."""
    path, separator, rest = argument.partition("::")
    for base in (Path.cwd(), paths.CHECKOUT):
        found = (base / path).resolve()
        if found.exists() and found.is_relative_to(paths.CHECKOUT):
            return f"{paths.LINK / found.relative_to(paths.CHECKOUT)}{separator}{rest}"
    return argument


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """A test over HTTP or in a browser that was skipped has failed.

    Odoo skips these quietly where a server or a browser is missing: a run that tested nothing of the sort would look green.
    """
    from odoo.tests.common import HttpCase

    report = (yield).get_result()
    if not report.skipped or not issubclass(getattr(item, "cls", None) or object, HttpCase):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    if not (machine.has_no_browser() and "chrom" in reason.lower()):
        report.outcome = "failed"
        report.longrepr = f"must not be skipped: {reason}"
