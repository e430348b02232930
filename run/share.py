"""Holds a chunk to its share of the records that its limit allows in a second: failing records run again, which counts as well."""

import time
from contextlib import contextmanager

from ..engine.limit import Spending

#: Seconds between two calls of `while_waiting`.
LOOK_S = 0.5


class Share:
    """What a running chunk may run, see `engine.limit`.

    :param int size: most records at once, and in `window_s`
    :param float window_s: seconds
    :param while_waiting: function called about twice a second meanwhile; may raise
    """

    def __init__(self, size, window_s, while_waiting=lambda: None):
        self.size = size
        self.spending = Spending(size, window_s)
        self.while_waiting = while_waiting

    @classmethod
    def of_claim(cls, claim, *args):
        """The share of a claimed chunk; None where records are not limited."""
        return cls(claim.share, claim.share_window_s, *args) if claim.share else None

    @contextmanager
    def spent_on(self, count):
        """Wait until so many records may run, then run the body of the `with`, which runs them.

        :returns: the seconds waited
        """
        slept_s = 0.0
        while wait_s := self.spending.wait_s(time.monotonic(), count):
            time.sleep(min(wait_s, LOOK_S))
            slept_s += min(wait_s, LOOK_S)
            self.while_waiting()
        try:
            yield slept_s
        finally:
            self.spending.add(time.monotonic(), count)
