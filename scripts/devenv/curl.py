"""The command that the shell examples of the documentation need; their tests run them."""

from __future__ import annotations

import os
import shutil

from .console import CannotDo
from .debian import system_install


def ensure() -> None:
    """Make sure that the examples can run."""
    if shutil.which("curl"):
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        system_install("curl", "ca-certificates")
        return
    raise CannotDo("the tests of the documentation need curl on PATH: install it")
