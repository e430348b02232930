"""What a load remembers outside its process, so that the same command goes on with the same job after a crash."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from .errors import UsageError

#: What is remembered: the content that is being sent, in requests of which size, the key that makes sending it again safe, and the
#: job where it is known.
DIGEST, SIZE, KEY, JOB = "digest", "request_bytes", "idempotency_key", "job"


class State:
    """The memory of one load: a small file that is replaced as a whole, and a lock that ends with the process.

    Used as a context manager, which takes the lock.

    :param identity: what tells this load from others: server, database, file, and all that decides what is stored
    """

    def __init__(self, identity: Mapping[str, Any]) -> None:
        text = json.dumps(identity, sort_keys=True, default=str)
        self._path = _folder() / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.json"
        self._identity = dict(identity)
        self._values: dict[str, str] = {}
        self._lock: IO[str] | None = None

    def __enter__(self) -> State:
        """Take the lock, and read what an earlier process has left.

        :raises UsageError: another process is at the same load
        """
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = _locked(self._path.with_suffix(".lock"))
        except OSError as error:
            raise UsageError(
                f"The folder {self._path.parent} can't be used ({error}). It holds what makes an interrupted load go on; "
                "name another one by XDG_STATE_HOME."
            ) from error
        # what can't be read was never whole, as the file is replaced in one step
        with contextlib.suppress(OSError, ValueError, KeyError):
            kept = json.loads(self._path.read_text(encoding="utf-8"))
            self._values = {name: str(kept[name]) for name in (DIGEST, SIZE, KEY, JOB) if kept.get(name)}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._lock:
            # only now: without it, another process could take a lock of its own
            with contextlib.suppress(OSError):  # Windows keeps files that are open
                self._path.with_suffix(".lock").unlink(missing_ok=True)
            self._lock.close()

    @property
    def digest(self) -> str | None:
        """The digest of the content that is being sent; None: nothing is."""
        return self._values.get(DIGEST)

    @property
    def request_bytes(self) -> int:
        """Most bytes in one request: the file is cut the same way again."""
        return int(self._values[SIZE])

    @property
    def key(self) -> str | None:
        """The idempotency key of the submission."""
        return self._values.get(KEY)

    @property
    def job(self) -> str | None:
        """The uuid of the job, once it is known."""
        return self._values.get(JOB)

    def begin(self, digest: str, request_bytes: int) -> None:
        """Start anew with this content: a new key, kept before the first request is sent."""
        self._values = {DIGEST: digest, SIZE: str(request_bytes), KEY: str(uuid.uuid4())}
        self._save()

    def found(self, job: str) -> None:
        """Keep the uuid of the job."""
        if self.job != job:
            self._values[JOB] = job
            self._save()

    def forget(self) -> None:
        """The load is over: the same command starts a new job from here on. The lock stays until this process ends."""
        self._values = {}
        self._path.unlink(missing_ok=True)

    def _save(self) -> None:
        new = self._path.with_suffix(".new")
        with open(new, "w", encoding="utf-8", opener=_own) as file:
            json.dump({**self._identity, **self._values}, file, indent=1, default=str)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._path)


def _folder() -> Path:
    """Where programs keep such things: by the rules of XDG, or of Windows."""
    named = os.environ.get("XDG_STATE_HOME")
    if named:
        return Path(named) / "odoo-batch"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home()) / "odoo-batch"
    return Path.home() / ".local" / "state" / "odoo-batch"


def _own(path: str, flags: int) -> int:
    """Open a file that nobody else may read."""
    return os.open(path, flags, 0o600)


def _locked(path: Path) -> IO[str]:
    """The file at this path, open and locked.

    :raises UsageError: another process has the lock
    """
    while True:
        file = open(path, "a+", encoding="utf-8", opener=_own)  # noqa: SIM115
        if not _lock(file):
            file.seek(0)
            owner = file.read().strip()
            file.close()
            raise UsageError(
                f"The same load is running already{f' (process {owner})' if owner else ''}. "
                "It waits for its job, or sends the file; nothing was done."
            )
        with contextlib.suppress(FileNotFoundError):
            # an owner that has just ended removes its file: a lock on that is worth nothing
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                file.truncate(0)
                file.write(str(os.getpid()))
                file.flush()
                return file
        file.close()


def _lock(file: IO[str]) -> bool:
    """Try to lock an open file; the operating system unlocks it when the process ends, however it ends."""
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(1024)  # beyond what others read
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
