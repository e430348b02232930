"""Run the addon's tests with pytest, in a database made for this run."""

import os
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

from . import databases, odoo_bin, postgres, venv
from .base import CHECKOUT, CONFIGURATION, LINK, LOGS, STATE, say

#: In the order in which Odoo's own tests look for one.
BROWSERS = ("google-chrome", "chromium", "chromium-browser", "google-chrome-stable")
#: How many processes share the tests when all are run.
PROCESSES = min(os.cpu_count(), 4)
#: What runs after all others: a transaction in any database keeps PostgreSQL from cleaning up what these tests look at.
ALONE = ["test_dead_rows.py"]


def test(options) -> int:
    """Return pytest's exit code."""
    if options.command in ("chaos", "soak"):
        os.environ[f"BATCH_{options.command.upper()}_MINUTES"] = str(options.minutes)
        options.rest[:0] = [str(CHECKOUT / "tests" / f"test_{options.command}.py"), "--capture=no"]
    odoo_bin.prepare()
    browser()
    if not shutil.which("curl"):
        venv.apt_install("curl")
    runs = [list(map(_by_link, options.rest))]
    if all(argument.startswith("--") for argument in options.rest):  # all tests
        # beside the first ones: it takes minutes, and one of the later ones waits for it
        with (LOGS / "business.log").open("w") as log:
            subprocess.Popen([sys.executable, "-c", "from devenv.databases import business as make; make()"], stdout=log, stderr=log)
        alone = [str(LINK / "tests" / name) for name in ALONE]
        shared = [f"--numprocesses={PROCESSES}", "--no-loadscope-reorder", "-p", "devenv.distribution"]
        runs = [[*options.rest, *shared, *(f"--ignore={path}" for path in alone)], [*options.rest, *alone]]
        # with which pytest-odoo copies the database
        os.environ["PATH"] += f"{os.pathsep}{postgres.OURS.programs}"
    database = f"batch_test_{secrets.token_hex(4)}"
    command = [
        sys.executable, "-m", "pytest", f"--config-file={CONFIGURATION / 'pytest.ini'}", f"--rootdir={STATE}",
        f"--odoo-database={database}",
    ]  # fmt: skip
    try:
        databases.create(database)
        say(f"running the tests in the database {database}{' (kept)' if options.keep_db else ''}")
        # Outside the checkout's own name, or Odoo takes its folder for the addon's.
        codes = [subprocess.call([*command, *arguments], cwd=STATE, stdin=subprocess.DEVNULL) for arguments in runs]
        return next(filter(None, codes), 0)
    finally:
        if not options.keep_db:
            databases.drop_all(database)


def _by_link(argument: str) -> str:
    """A test that is given by its path, by way of the link, where the addon has its name."""
    path = Path(argument).resolve()
    is_test = path.is_relative_to(CHECKOUT / "tests") and Path(argument.partition("::")[0]).exists()
    return str(LINK / path.relative_to(CHECKOUT)) if is_test else argument


def browser() -> str | None:
    """Return the browser's program; it is installed where there is none, if that can be done."""
    if not any(map(shutil.which, BROWSERS)):
        venv.apt_install("chromium")
    return next(filter(None, map(shutil.which, BROWSERS)), None)
