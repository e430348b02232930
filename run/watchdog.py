"""Cancel what runs on a connection once its time is up, or nobody wants it any more."""

import threading
import time
from contextlib import suppress

import psycopg2

#: Seconds between two attempts to cancel the running statement once it has to end.
CANCEL_EVERY_S = 0.05
#: Seconds between two questions whether it is still wanted.
ASK_EVERY_S = 1.0


class Deadline:
    """The instant an attempt must have ended by, on the monotonic clock; None: never."""

    def __init__(self, timeout_s):
        self.timeout_s = timeout_s or None
        self.at = time.monotonic() + timeout_s if timeout_s else None

    @property
    def expired(self):
        return self.at is not None and time.monotonic() >= self.at

    @property
    def left_s(self):
        return None if self.at is None else max(self.at - time.monotonic(), 0.0)


class Watchdog:
    """Cancels the running statement of a connection once it has to end, again and again until `stop`.

    One cancel is not enough: it hits nothing between two statements, and user code may catch what it raises.

    :param connection: the psycopg2 connection to watch
    :param Deadline deadline: when it has to end at the latest
    :param is_wanted: asked about once a second, in a thread of its own, whether to go on at all; None: no question
    """

    def __init__(self, connection, deadline, is_wanted=None):
        self.connection = connection
        self.deadline = deadline
        self.is_wanted = is_wanted
        self.unwanted = False
        self.over = threading.Event()
        # held while a cancel is under way, so that none can hit a statement after the attempt
        self.cancelling = threading.Lock()

    def start(self):
        if self.deadline.at is not None or self.is_wanted:
            threading.Thread(target=self._watch, name="batch_executor.watchdog", daemon=True).start()
        return self

    def stop(self):
        with self.cancelling:
            self.over.set()

    @property
    def must_end(self):
        return self.unwanted or self.deadline.expired

    def _watch(self):
        while not self.over.wait(self._pause_s()):
            if not self.must_end and self.is_wanted:
                self.unwanted = not self._ask()
            if self.must_end:
                with self.cancelling:
                    if self.over.is_set():
                        return
                    with suppress(psycopg2.Error):  # a lost connection: the statement ends by itself
                        self.connection.cancel()

    def _pause_s(self):
        if self.must_end:
            return CANCEL_EVERY_S
        pauses = [self.deadline.left_s, ASK_EVERY_S if self.is_wanted else None]
        return min(pause for pause in pauses if pause is not None)

    def _ask(self):
        try:
            return self.is_wanted()
        except psycopg2.Error:  # no answer to be had now
            return True
