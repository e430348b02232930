"""Programs of the machine itself: what is missing is installed where we are root, and else named."""

from __future__ import annotations

import os
import shutil

from .console import CannotDo, run, say

#: In the order in which Odoo's own tests look for one.
BROWSERS = ("google-chrome", "chromium", "chromium-browser", "google-chrome-stable")
#: Set to 1, this does without browser tests.
NO_BROWSER = "BATCH_TEST_NO_BROWSER"


def has_no_browser() -> bool:
    return os.environ.get(NO_BROWSER) == "1"


def ensure_test_programs() -> None:
    """Make sure that browser tests and the shell examples of the documentation can run, rather than be skipped unnoticed."""
    if not has_no_browser() and not any(map(shutil.which, BROWSERS)):
        install("chromium", otherwise=f"browser tests need Chromium on PATH: install it, or set {NO_BROWSER}=1")
    if not shutil.which("curl"):
        install("curl", "ca-certificates", otherwise="the tests of the documentation need curl on PATH: install it")


def install(*packages: str, otherwise: str) -> None:
    """Install Debian packages into the system; only root may."""
    if os.geteuid() or not shutil.which("apt-get"):
        raise CannotDo(otherwise)
    say(f"installing from the Debian archive: {' '.join(packages)}")
    apt, quiet = ["apt-get", "-q"], {"DEBIAN_FRONTEND": "noninteractive"}
    run([*apt, "update"], doing="reading the package lists", env=quiet)
    run([*apt, "install", "--yes", "--no-install-recommends", *packages], doing=f"installing {packages[0]}", env=quiet)
