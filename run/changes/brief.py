"""Long texts by their hashes: enough to compare files and pictures of many records, which would not fit into memory together."""

from hashlib import sha256

#: Characters from which on a text is long.
LONG = 1_000


class Brief:
    """A text that is only to be compared: it equals the same text, and another `Brief` of it."""

    __slots__ = ("digest",)

    def __init__(self, text):
        self.digest = sha256(text.encode(errors="surrogatepass")).digest()

    def __eq__(self, other):
        if isinstance(other, str):
            other = Brief(other)
        return isinstance(other, Brief) and self.digest == other.digest

    def __hash__(self):
        return hash(self.digest)


def brief(value):
    """A value; the `Brief` of a long text."""
    return Brief(value) if isinstance(value, str) and len(value) >= LONG else value
