"""Where everything lives.

Two homes: what belongs to this checkout is in `.odoo/`; what is large and never
changes is in the user's cache, so that a second clone starts fast.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
from pathlib import Path

from .console import say

ADDON = "batch_executor"
CHECKOUT = Path(__file__).resolve().parents[2]
SCRIPTS = CHECKOUT / "scripts"
STATE = CHECKOUT / ".odoo"
ADDONS = STATE / "addons"
LINK = ADDONS / ADDON
LOGS = STATE / "logs"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / ADDON


def prepare() -> None:
    """Create the folders, and the link through which Odoo finds the addon.

    The link is there because Odoo names an addon after its folder, and a
    checkout may have any name.
    """
    for folder in (CACHE, ADDONS, LOGS):
        folder.mkdir(parents=True, exist_ok=True)
    if not LINK.is_symlink() or LINK.resolve() != CHECKOUT:
        LINK.unlink(missing_ok=True)
        LINK.symlink_to(CHECKOUT, target_is_directory=True)


@contextlib.contextmanager
def lock(folder: Path, name: str):
    """Let one script at a time do a piece of work; the others wait and reuse it.

    The kernel frees the lock with the process, so a killed script leaves none behind.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another script to finish with: {name}")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def built(target: Path):
    """Give a scratch folder that becomes `target` once the body went through.

    An interrupted build leaves only a scratch folder, which the next one clears.
    """
    scratch = target.with_name(f"{target.name}.building")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    yield scratch
    scratch.rename(target)


def digest(*parts: str) -> str:
    """A short stable name for this combination of inputs."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]
