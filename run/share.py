"""Holds a chunk to its share of the records that its limit allows in a second: failing records run again, which counts as well."""

import time
from contextlib import contextmanager

from ..engine.limit import Spending


class Share:
    """What a running chunk may run, see `engine.limit`.

    :param int size: most records at once, and in `window_s`
    :param float window_s: seconds
    """

    def __init__(self, size, window_s):
        self.size = size
        self.spending = Spending(size, window_s)

    @classmethod
    def of_claim(cls, claim):
        """The share of a claimed chunk; None where records are not limited."""
        return cls(claim.share, claim.share_window_s) if claim.share else None

    @contextmanager
    def spent_on(self, count):
        """Wait until so many records may run, then run the body of the `with`, which runs them.

        :returns: the seconds waited
        """
        slept_s = 0.0
        while wait_s := self.spending.wait_s(time.monotonic(), count):
            time.sleep(wait_s)
            slept_s += wait_s
        try:
            yield slept_s
        finally:
            self.spending.add(time.monotonic(), count)
