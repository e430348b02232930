"""Files and pictures in a temporary file: those of a chunk, before and after, may be more than fits into memory."""

from hashlib import sha256
from tempfile import TemporaryFile

from ...engine.payload import Kept


class Content(Kept):
    """A value that is kept in a file. Equal contents are the same object."""

    def __init__(self, file, place, length):
        self._file = file
        self._place = place
        self._length = length

    def as_json(self):
        """As `Kept.as_json`: base64 text."""
        self._file.seek(self._place)
        return self._file.read(self._length).decode()


class Contents:
    """Keeps values in a file, which is gone when nobody needs them any more."""

    def __init__(self):
        self._file = None
        self._known = {}  # hash -> `Content`

    def keep(self, value):
        """The `Content` of a value, False for none.

        :param value: of a binary field, as `read()` gives it
        """
        if not value:
            return False
        data = value if isinstance(value, bytes) else str(value).encode()
        key = sha256(data).digest()
        if key not in self._known:
            self._file = self._file or TemporaryFile(prefix="batch_executor_")  # noqa: SIM115  # as long as its contents
            self._known[key] = Content(self._file, self._file.seek(0, 2), len(data))
            self._file.write(data)
        return self._known[key]
