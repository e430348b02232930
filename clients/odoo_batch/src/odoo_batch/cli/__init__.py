"""The command `odoo-batch`: load files, and follow what becomes of them."""

from __future__ import annotations

import io
import os
import signal
import sys
from contextlib import ExitStack
from typing import NoReturn

from . import exits
from .run import run
from .session import even_unread


def main() -> NoReturn:
    """Run the command, and end the process with its exit code."""
    # on the way out the terminal is put back in order
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(exits.TERMINATED))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a narrow encoding is no reason to fail
    last = ExitStack()
    code = run(sys.argv[1:], last)
    # A load is forgotten in the very last moment: killed before, the same command finds its job; killed after, it would start
    # another one. So nothing comes after it, not even what Python does at its end.
    with even_unread():
        sys.stdout.flush()
    last.close()
    os._exit(code)
