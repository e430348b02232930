"""The file that is loaded."""

from __future__ import annotations

import hashlib
import shutil
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from .. import files
from .errors import UsageError

#: Bytes read at once.
READ = 1 << 20


class Source:
    """A file to be loaded, or what standard input has: that is put on the disk first, as it may have to be sent again.

    :param name: path of the file; `-`: standard input
    :ivar path: where the content is
    :ivar name: what people call it
    :ivar digest: of the content
    :ivar identity: what tells this source from others
    """

    def __init__(self, name: str) -> None:
        self._stack = ExitStack()
        self.is_stdin = name == "-"
        self.path = Path(name)
        # bytes of a name that are no text are shown as question marks
        self.name = "standard input" if self.is_stdin else self.path.name.encode(errors="replace").decode()
        if self.path.suffix.lower() in (".xlsx", ".xls", ".ods"):
            raise UsageError(f"{name} is no text: save it as CSV, or load it in Odoo (Batch > New).")

    def __enter__(self) -> Source:
        """Read it once, for the digest.

        :raises UsageError: it can't be read
        """
        try:
            if self.is_stdin:
                self.path = Path(self._stack.enter_context(tempfile.TemporaryDirectory())) / "stdin"
                with self.path.open("wb") as file:
                    shutil.copyfileobj(sys.stdin.buffer, file, READ)
            with self.path.open("rb") as file:
                digest = hashlib.sha256()
                while piece := file.read(READ):
                    digest.update(piece)
        except OSError as error:
            self._stack.close()
            raise UsageError(f"{self.name} can't be read: {error.strerror or error}") from error
        self.digest = digest.hexdigest()
        # what comes through a pipe has no name that would tell it from others
        self.identity = f"-{self.digest}" if self.is_stdin else str(self.path.resolve())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    def failed(self) -> Path:
        """Where the records that failed are written: beside the file, `partners.failed.csv`."""
        with files.Source(self.path) as source:
            ending = "ndjson" if source.media_type == files.NDJSON else "csv"
        place = Path("stdin") if self.is_stdin else self.path
        return place.with_name(f"{place.stem}.failed.{ending}")
