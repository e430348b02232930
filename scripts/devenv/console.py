"""Talk to the developer, and run programs on their behalf."""

from __future__ import annotations

import subprocess
import sys
import time

STARTED = time.monotonic()
ERROR_TAIL_LINES = 25


class CannotDo(Exception):
    """Something is missing that only the developer can supply; the text says what."""


def say(message: str) -> None:
    """Print one step to stderr, with the seconds since the script began; stdout is for what a wrapped program prints."""
    print(f"[{time.monotonic() - STARTED:6.1f}s] {message}", file=sys.stderr, flush=True)


def call(command, *, doing: str, **options) -> None:
    """Run a program that shows its own progress."""
    if subprocess.call(command, stdin=subprocess.DEVNULL, stdout=sys.stderr, **options):
        raise CannotDo(f"{doing} failed")


def run(command, *, doing: str, input: str = "", **options) -> str:
    """Run a program and return what it prints; where it fails, the last lines are the message."""
    from rich.console import Console  # not on the machine's Python

    with Console(stderr=True).status(doing):
        ended = subprocess.run(
            command,
            input=input,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            **options,
        )
    if ended.returncode:
        tail = ended.stdout.strip().splitlines()[-ERROR_TAIL_LINES:]
        raise CannotDo("\n  ".join([f"{doing} failed (exit {ended.returncode}):", *tail]))
    return ended.stdout
