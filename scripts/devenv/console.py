"""Talk to the developer, and run programs on their behalf."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time

STARTED = time.monotonic()
ERROR_TAIL_LINES = 25
#: How far a program is: Odoo's "module mail (12/34)", apt's "dlstatus:1:56.7:...".
SHARE = re.compile(r"\((\d+)/(\d+)\)|^dlstatus:\d+:([\d.]+):")


class CannotDo(Exception):
    """Something is missing that only the developer can supply; the text says what."""


def say(message: str) -> None:
    """Print one step to stderr, with the seconds since the script began; stdout is for what a wrapped program prints."""
    print(f"[{time.monotonic() - STARTED:6.1f}s] {message}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def progress(doing: str):
    """Show a bar on a terminal; gives a function that takes what is done, of how much, and a text."""
    try:
        from rich import console
        from rich import progress as bars
    except ImportError:  # this is the machine's Python, before the environment is there
        yield lambda *update: None
        return
    columns = bars.BarColumn(), bars.TimeElapsedColumn(), bars.TextColumn("{task.description}", markup=False)
    screen = console.Console(stderr=True)
    with bars.Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as bar:
        task = bar.add_task(doing, total=None)
        yield lambda done, total, text=doing: bar.update(task, completed=done, total=total, description=text)


def run(command, *, doing: str, input: str | None = None, env: dict | None = None, **options) -> str:
    """Run a program, with a bar while it runs, and return what it prints; where it fails, the last lines are the message."""
    process = subprocess.Popen(
        [os.fspath(part) for part in command], env={**os.environ, **(env or {})}, text=True, errors="replace",
        stdin=subprocess.DEVNULL if input is None else subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options,
    )  # fmt: skip
    if input is not None:
        with process.stdin:
            process.stdin.write(input)
    output = []
    with progress(doing) as show, process:
        for line in process.stdout:
            output.append(line)
            if found := SHARE.search(line):
                done, total, percent = found.groups()
                show(float(percent or done), float(total or 100))
    if process.returncode:
        tail = "".join(output).strip().splitlines()[-ERROR_TAIL_LINES:]
        raise CannotDo("\n  ".join([f"{doing} failed (exit {process.returncode}):", *tail]))
    return "".join(output)


def main(entry) -> None:
    """Run an entry point; a foreseen problem is one message, not a traceback."""
    # Leave through the `finally` clauses, which drop what was made for this run.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        sys.exit(entry(sys.argv[1:]) or 0)
    except CannotDo as problem:
        say(f"cannot go on: {problem}")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
