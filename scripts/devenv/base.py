"""What every script stands on: its places (this checkout's `.odoo/`, the cache for what never changes), and how it talks."""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

STARTED = time.monotonic()
ADDON = "batch_executor"
CHECKOUT = Path(__file__).resolve().parents[2]
SCRIPTS = CHECKOUT / "scripts"
CONFIGURATION = SCRIPTS / "devenv"
STATE = CHECKOUT / ".odoo"
ADDONS = STATE / "addons"
#: Odoo names an addon after its folder, and a checkout may have any name: Odoo finds it by this link.
LINK = ADDONS / ADDON
LOGS = STATE / "logs"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / ADDON


class CannotDo(Exception):
    """Something is missing that only the developer can supply; the text says what."""


def say(message: str) -> None:
    """Print one step to stderr, with the seconds since the script began; stdout is for what a wrapped program prints."""
    print(f"[{time.monotonic() - STARTED:6.1f}s] {message}", file=sys.stderr, flush=True)


def call(command, *, doing: str, **options) -> None:
    """Say what is going on, and run a program that shows its own progress."""
    say(doing)
    if subprocess.call(command, stdin=subprocess.DEVNULL, stdout=sys.stderr, **options):
        raise CannotDo(f"{doing}: failed")


def run(command, *, doing: str, input: str = "", **options) -> str:
    """Run a program and return what it prints; where it fails, the last lines are the message."""
    from rich.console import Console  # not on the machine's Python

    captured = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "errors": "replace"}
    with Console(stderr=True).status(doing):
        ended = subprocess.run(command, input=input, **captured, **options)
    if ended.returncode:
        tail = ended.stdout.strip().splitlines()[-25:]
        raise CannotDo("\n  ".join([f"{doing} failed (exit {ended.returncode}):", *tail]))
    return ended.stdout


@contextlib.contextmanager
def lock(folder: Path, name: str):
    """Let one script at a time do a piece of work; the kernel frees the lock of one that is killed."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def build(target: Path, make) -> Path:
    """Return a folder; at first use `make` fills it, in a scratch folder that takes its name when all went well."""
    with lock(target.parent, target.name):
        if not target.is_dir():
            scratch = target.with_name(f"{target.name}.building")
            shutil.rmtree(scratch, ignore_errors=True)
            scratch.mkdir()
            make(scratch)
            scratch.rename(target)
    return target


def digest(*parts: str) -> str:
    """A short stable name for this combination of inputs."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]
