"""Sorts more than fits into memory."""

import heapq
import os
import struct
import tempfile

#: Tuples sorted in memory, and read back at once.
RUN, BLOCK = 50_000, 1_000


class SortedFile:
    """Tuples of whole numbers, which come back in order. All but the last `RUN` wait in a temporary file, in sorted runs.

    :param int width: length of each tuple
    """

    def __init__(self, width):
        self.layout = struct.Struct(f"<{width}q")
        self.file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 pylint: disable=consider-using-with  # `close` closes it
        self.runs = []  # the last byte of each
        self.rest = []

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.file.close()

    def add(self, entries):
        """Add tuples.

        :param entries: iterable
        """
        for entry in entries:
            self.rest.append(entry)
            if len(self.rest) >= RUN:
                self._store()

    def __iter__(self):
        self.rest.sort()
        starts = [0, *self.runs]
        return heapq.merge(*(self._run(start, end) for start, end in zip(starts, self.runs, strict=False)), self.rest)

    def _store(self):
        self.rest.sort()
        self.file.write(b"".join(self.layout.pack(*entry) for entry in self.rest))
        self.runs.append(self.file.tell())
        self.rest = []

    def _run(self, start, end):
        size = self.layout.size * BLOCK
        for at in range(start, end, size):
            yield from self.layout.iter_unpack(os.pread(self.file.fileno(), min(size, end - at), at))
