"""Talk to the developer, and run programs on their behalf."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

STARTED = time.monotonic()
ERROR_TAIL_LINES = 25


class CannotDo(Exception):
    """Something is missing that only the developer can supply; the text says what."""


def say(message: str) -> None:
    """Print one step, with the seconds since the script began.

    Steps go to stderr: what a wrapped program prints stays alone on stdout.
    """
    print(f"[{time.monotonic() - STARTED:6.1f}s] {message}", file=sys.stderr, flush=True)


def run(command, *, doing: str, env: dict | None = None, merge: bool = False, **options) -> str:
    """Run a program quietly and return its stdout, with `merge` its stderr as well.

    Its output matters only when it fails: then the last lines are the message.
    """
    if "input" not in options:
        options["stdin"] = subprocess.DEVNULL
    done = subprocess.run(
        [os.fspath(part) for part in command],
        env={**os.environ, **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if merge else subprocess.PIPE,
        text=True,
        **options,
    )
    if done.returncode:
        tail = (done.stdout + (done.stderr or "")).strip().splitlines()[-ERROR_TAIL_LINES:]
        raise CannotDo("\n  ".join([f"{doing} failed (exit {done.returncode}):", *tail]))
    return done.stdout


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
