"""Files and pictures in a temporary file: those of a chunk, before and after, may be more than fits into memory."""

from base64 import b64decode, b64encode
from hashlib import sha256
from tempfile import TemporaryFile

from ...engine.payload import Kept

#: Before base64 text that stands for other bytes: most binary fields hold base64 already, but not `raw` of attachments.
OTHER = "data:;base64,"


class Content(Kept):
    """A value that is kept in a file. Equal contents are the same object."""

    def __init__(self, file, place, length):
        self._file = file
        self._place = place
        self._length = length

    def as_json(self):
        """As `Kept.as_json`: the text that it is, which is base64 mostly; other bytes as the URL of their data."""
        self._file.seek(self._place)
        data = self._file.read(self._length)
        if data.isascii() and not data.startswith(OTHER.encode()):
            return data.decode()
        return OTHER + b64encode(data).decode()


def content_of(text):
    """What to write on a binary field so that it gets a content again.

    :param text: as of `Content.as_json`, or False
    """
    if not isinstance(text, str):
        return text
    return b64decode(text.removeprefix(OTHER)) if text.startswith(OTHER) else text.encode()


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
