"""The browser that tours and screenshots need."""

from __future__ import annotations

import os
import shutil

from .console import CannotDo
from .debian import system_install

# In the order in which Odoo's own tests look for one.
NAMES = ("google-chrome", "chromium", "chromium-browser", "google-chrome-stable")
OPT_OUT = "BATCH_TEST_NO_BROWSER"


def is_waived() -> bool:
    return os.environ.get(OPT_OUT) == "1"


def ensure() -> None:
    """Make sure that browser tests can run, rather than be skipped unnoticed."""
    if is_waived() or any(map(shutil.which, NAMES)):
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        system_install("chromium")
        return
    raise CannotDo(f"browser tests need Chromium on PATH: install it, or set {OPT_OUT}=1 to do without them")
