"""Talk to the developer, and run programs on their behalf."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import signal
import subprocess
import sys
import threading
import time

STARTED = time.monotonic()
ERROR_TAIL_LINES = 25
#: What takes less shows no bar.
SHORT_S = 1
#: How far a program is: apt's "dlstatus:1:56.7:...", a line for such readers alone; Odoo's "module mail (12/34)".
SHARE = re.compile(r"^dlstatus:[^:]*:([\d.]+):|\((\d+)/(\d+)\)")


class CannotDo(Exception):
    """Something is missing that only the developer can supply; the text says what."""


def say(message: str) -> None:
    """Print one step to stderr, with the seconds since the script began; stdout is for what a wrapped program prints."""
    print(f"[{time.monotonic() - STARTED:6.1f}s] {message}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def progress(doing: str):
    """Show a bar on a terminal; gives a function that takes what is done, of how much, and a text."""
    # The machine's Python, before the environment is there, has no `rich`.
    if not sys.stderr.isatty() or not importlib.util.find_spec("rich"):
        yield lambda *update: None
        return
    from rich import progress as bars
    from rich.console import Console

    columns = bars.BarColumn(), bars.TimeElapsedColumn(), bars.TextColumn("{task.description}", markup=False)
    bar = bars.Progress(*columns, console=Console(stderr=True), transient=True)
    task = bar.add_task(doing, total=None)
    start = threading.Timer(SHORT_S, bar.start)
    start.start()
    try:
        yield lambda done, total, text=doing: bar.update(task, completed=done, total=total, description=text)
    finally:
        start.cancel()
        start.join()
        bar.stop()


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
        try:
            for line in process.stdout:
                percent, done, total = found.groups() if (found := SHARE.search(line)) else (None, None, None)
                if percent or done:
                    show(float(percent or done), float(total or 100))
                if not percent:
                    output.append(line)
        except BaseException:  # somebody ends this script: not without what it runs
            process.kill()
            raise
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
