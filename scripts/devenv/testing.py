"""Run the addon's tests with pytest, in a database made for this run, and what a test run needs of pytest, as its plugin."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from . import databases, odoo_bin, paths, venv
from .console import say

#: A file of tests, or their folder, as it can be named from anywhere.
TEST_FILE = re.compile(r"(?:[^-].*/)?(test_\w+\.py)|(?:\./)?tests/?$")
#: In the order in which Odoo's own tests look for one.
BROWSERS = ("google-chrome", "chromium", "chromium-browser", "google-chrome-stable")
#: Set to 1, this does without browser tests.
NO_BROWSER = "BATCH_TEST_NO_BROWSER"


def chaos(options) -> int:
    os.environ["BATCH_CHAOS_MINUTES"] = str(options.minutes)
    options.rest.insert(0, "test_chaos.py")
    return test(options)


def test(options) -> int:
    """Return pytest's exit code."""
    odoo_bin.prepare()
    _ensure_programs()
    database = databases.unique_name("batch_test")
    try:
        databases.create(database)
        say(f"running the tests in the database {database}{' (kept)' if options.keep_db else ''}")
        # Outside the checkout's own name, or Odoo takes its folder for the addon's.
        return subprocess.call(_command(database, options.rest), cwd=paths.ADDONS, stdin=subprocess.DEVNULL)
    finally:
        if not options.keep_db:
            databases.drop(database)


def _ensure_programs() -> None:
    """Make sure that browser tests and the shell examples of the documentation can run, rather than be skipped unnoticed."""
    if os.environ.get(NO_BROWSER) != "1":
        browser()
    if not shutil.which("curl"):
        venv.apt_install(
            "curl", "ca-certificates", otherwise="the tests of the documentation need curl on PATH: install it"
        )


def browser() -> str:
    """Return the browser's program; it is installed where there is none."""
    if not any(map(shutil.which, BROWSERS)):
        venv.apt_install("chromium", otherwise=f"Chromium must be on PATH: install it, or do without by {NO_BROWSER}=1")
    return next(filter(None, map(shutil.which, BROWSERS)))


def _command(database: str, arguments: list[str]) -> list[str]:
    # By way of the link, where the addon has its name.
    tests = paths.LINK / "tests"
    given = [
        TEST_FILE.sub(lambda found: str(tests / (found[1] or "")), argument) if TEST_FILE.match(argument) else argument
        for argument in arguments
    ]
    return [
        sys.executable, "-m", "pytest", "-p", "devenv.testing",
        f"--rootdir={paths.ADDONS}", "-o", f"cache_dir={paths.STATE / 'pytest_cache'}",
        f"--odoo-database={database}", "--odoo-http",
        "-W", "ignore:'crypt' is deprecated:DeprecationWarning",
        *given, *([] if any(argument.startswith(str(tests)) for argument in given) else [str(tests)]),
    ]  # fmt: skip


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
    if not (os.environ.get(NO_BROWSER) == "1" and "chrom" in reason.lower()):
        report.outcome = "failed"
        report.longrepr = f"must not be skipped: {reason}"
