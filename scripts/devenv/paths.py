"""Where everything lives: what belongs to this checkout in `.odoo/`, what is large and never changes in the user's cache."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
from pathlib import Path

ADDON = "batch_executor"
CHECKOUT = Path(__file__).resolve().parents[2]
SCRIPTS = CHECKOUT / "scripts"
STATE = CHECKOUT / ".odoo"
ADDONS = STATE / "addons"
#: Odoo names an addon after its folder, and a checkout may have any name: Odoo finds it by this link.
LINK = ADDONS / ADDON
LOGS = STATE / "logs"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / ADDON


@contextlib.contextmanager
def lock(folder: Path, name: str):
    """Let one script at a time do a piece of work; the kernel frees the lock of one that is killed."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def build(target: Path, make) -> Path:
    """Return a folder; at first use `make` fills it, in a scratch folder that takes its name when all went well."""
    if not target.is_dir():
        with lock(target.parent, target.name):
            if not target.is_dir():
                scratch = target.with_name(f"{target.name}.building")
                shutil.rmtree(scratch, ignore_errors=True)
                scratch.mkdir()
                make(scratch)
                scratch.rename(target)
    return target


def point(link: Path, target: Path) -> None:
    """Have a symbolic link lead there."""
    if not link.is_symlink() or link.readlink() != target:
        link.unlink(missing_ok=True)
        link.symlink_to(target)


def digest(*parts: str) -> str:
    """A short stable name for this combination of inputs."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]
