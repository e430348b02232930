"""Cancel the statement that runs on a connection when its deadline has passed, or when its job is no longer wanted."""

import threading
import time
from contextlib import suppress

import psycopg2

#: Seconds between two cancel requests.
CANCEL_EVERY_S = 0.05
#: Seconds between two calls of `is_wanted`.
ASK_EVERY_S = 1.0


class Deadline:
    """The time by which an attempt must have ended, on the monotonic clock.

    :param float timeout_s: seconds from now; None or 0: no deadline
    """

    def __init__(self, timeout_s):
        self.timeout_s = timeout_s or None
        self.at = time.monotonic() + timeout_s if timeout_s else None

    @property
    def expired(self):
        """Whether the deadline has passed."""
        return self.at is not None and time.monotonic() >= self.at

    def put_off(self, seconds):
        """Move it by some seconds, in which nothing could be done."""
        if self.at is not None:
            self.at += seconds

    @property
    def left_s(self):
        """Seconds left, at least 0; None without a deadline."""
        return None if self.at is None else max(self.at - time.monotonic(), 0.0)


class Watchdog:
    """Cancels the running statement of a connection after the deadline, again and again until `stop`.

    One cancel request is not enough: it has no effect between two statements, and user code may catch the error.

    :param connection: the psycopg2 connection to watch
    :param Deadline deadline: when the statements must have ended
    :param is_wanted: function called about once a second, in a separate thread; if it returns False, statements are cancelled
        before the deadline. None: it is not called
    """

    def __init__(self, connection, deadline, is_wanted=None):
        self.connection = connection
        self.deadline = deadline
        self.is_wanted = is_wanted
        self.unwanted = False
        self.over = threading.Event()
        # held during a cancel request, so that none can cancel a statement that runs after `stop`
        self.cancelling = threading.Lock()

    def start(self):
        """Start watching, if there is a deadline or `is_wanted`; returns itself."""
        if self.deadline.at is not None or self.is_wanted:
            threading.Thread(target=self._watch, name="batch_executor.watchdog", daemon=True).start()
        return self

    def stop(self):
        """Stop watching. No statement is cancelled after this returns."""
        with self.cancelling:
            self.over.set()

    @property
    def must_end(self):
        """Whether the deadline has passed, or `is_wanted` has returned False."""
        return self.unwanted or self.deadline.expired

    def _watch(self):
        while not self.over.wait(self._pause_s()):
            if not self.must_end and self.is_wanted:
                self.unwanted = not self._ask()
            if self.must_end:
                with self.cancelling:
                    if self.over.is_set():
                        return
                    with suppress(psycopg2.Error):  # on a lost connection, the statement ends by itself
                        self.connection.cancel()

    def _pause_s(self):
        if self.must_end:
            return CANCEL_EVERY_S
        pauses = [self.deadline.left_s, ASK_EVERY_S if self.is_wanted else None]
        return min(pause for pause in pauses if pause is not None)

    def _ask(self):
        try:
            return self.is_wanted()
        except psycopg2.Error:  # unknown now; `is_wanted` is called again later
            return True
