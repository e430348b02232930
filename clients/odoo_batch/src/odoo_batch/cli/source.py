"""The file that is loaded."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import stat
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path, PurePath
from types import TracebackType
from typing import BinaryIO, TypeVar

from .. import files
from .errors import Changed, UsageError

AnyPath = TypeVar("AnyPath", bound=PurePath)

#: Bytes read at once.
READ = 1 << 20
#: Where names of files are names of streams: `/dev/stdin`, and `/dev/fd/63` of `<(zcat partners.csv.gz)`.
STREAMS = ("/dev/", "/proc/")


class Source:
    """A file to be loaded, or what standard input or a pipe has: that is put on the disk first, as it may have to be sent again.

    :param name: path of the file; `-`: standard input
    :ivar name: what people call it
    :ivar digest: of the content
    :ivar identity: what tells this source from others
    :ivar failed: where the records that failed are written: beside the file, `partners.failed.csv`
    """

    def __init__(self, name: str) -> None:
        self._stack = ExitStack()
        self._path = Path(name)
        self._is_stdin = name == "-"
        self._is_named = not self._is_stdin and not name.startswith(STREAMS)
        # bytes of a name that are no text are shown as question marks
        self.name = self._path.name.encode(errors="replace").decode() if self._is_named else "standard input"
        if self._path.suffix.lower() in (".xlsx", ".xls", ".ods"):
            raise UsageError(f"{name} is no text: save it as CSV, or load it in Odoo (Batch > New).")

    def __enter__(self) -> Source:
        """Read it once, for the digest.

        :raises UsageError: it can't be read, or is being written
        """
        try:
            self._file, is_stream = self._opened()
            digest = hashlib.sha256()
            while piece := self._file.read(READ):
                digest.update(piece)
            is_ndjson = files.Source(self.content()).media_type == files.NDJSON
        except (OSError, ValueError) as error:
            self._stack.close()
            raise UsageError(f"{self.name} can't be read: {getattr(error, 'strerror', None) or error}") from error
        except BaseException:
            self._stack.close()
            raise
        self.digest = digest.hexdigest()
        place = self._path if self._is_named else Path("stdin")
        self.failed = failed_of(place, "ndjson" if is_ndjson else "csv")
        # what comes through a pipe has no name that would tell it from others
        self.identity = f"-{self.digest}" if is_stream else str(self._path.resolve())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    def _opened(self) -> tuple[Steady, bool]:
        """The file, or the copy of a stream; and whether it is one."""
        if self._is_stdin:
            return self._copied(sys.stdin.buffer), True
        file = self._stack.enter_context(io.FileIO(self._path))
        is_stream = not stat.S_ISREG(os.fstat(file.fileno()).st_mode)
        return (self._copied(file) if is_stream else Steady(file, self.name)), is_stream

    def _copied(self, stream: BinaryIO) -> Steady:
        # the end of its name may say what it is
        copy = Path(self._stack.enter_context(tempfile.TemporaryDirectory())) / f"stdin{self._path.suffix}"
        with copy.open("wb") as file:
            shutil.copyfileobj(stream, file, READ)
        return Steady(self._stack.enter_context(io.FileIO(copy)), self.name)

    def content(self) -> Steady:
        """The open file, at its beginning."""
        self._file.seek(0)
        return self._file


def failed_of(path: AnyPath, kind: str) -> AnyPath:
    """Where the records of a file are written that have failed: beside it."""
    return path.with_name(f"{path.stem}.failed.{kind}")


class Steady(io.BufferedReader):
    """An open file, all of whose bytes are of the same version: what was read is not given away once the file has changed.

    :param called: what people call it
    :raises Changed: by `read`: the file is no longer what it was when it was opened
    """

    def __init__(self, file: io.FileIO, called: str) -> None:
        super().__init__(file)
        self._called = called
        self._opened_as = self._version()

    def read(self, size: int | None = -1, /) -> bytes:
        """Read so many bytes."""
        data = super().read(size)
        if self._version() != self._opened_as:
            raise Changed(f"{self._called} has changed while it was read, and is not loaded: is it still being written?")
        return data

    def _version(self) -> tuple[int, int]:
        now = os.fstat(self.fileno())
        return now.st_size, now.st_mtime_ns
