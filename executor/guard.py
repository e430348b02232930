"""The cursor of a chunk while user code has it: what it must not do, and how long it may take."""

import re
import threading
import time
from contextlib import contextmanager

from ..exceptions import ChunkTimeout, TransactionControlError

#: Seconds between two attempts to cancel the running statement once time is up.
CANCEL_EVERY_S = 0.05
#: Statements that would end the transaction; `ROLLBACK TO SAVEPOINT` does not.
ENDS_TRANSACTION = re.compile(
    r"\s*(commit|end|abort|begin|start\s+transaction|rollback(?!\s+to\b|\s+work\s+to\b))\b", re.IGNORECASE
)
UNDOES = re.compile(r"\s*(rollback\s+to|release)\b", re.IGNORECASE)


#: How long a lock is waited for where the job sets no timeout, in seconds.
LOCK_TIMEOUT_S = 60.0


def limit_lock_waits(cr, timeout_s):
    """Let this transaction wait for a lock no longer than an attempt may take."""
    cr.execute("SELECT set_config('lock_timeout', %s, true)", [f"{int((timeout_s or LOCK_TIMEOUT_S) * 1000)}ms"])


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
        return max(self.at - time.monotonic(), 0.0)


@contextmanager
def guarded(cr, deadline, message):
    """Lend a cursor to user code: it can neither end the transaction nor go on past the deadline.

    The cursor's own methods are shadowed on the instance, for this while only. Expected errors of the data are
    stored with the record, so that failing statements are not logged as the server's errors.

    :param message: what to tell code that tries to commit or roll back
    """
    execute = cr.execute

    def guarded_execute(query, params=None, log_exceptions=True):
        if query.__class__ is str and ENDS_TRANSACTION.match(query):
            raise TransactionControlError(message)
        if deadline.expired and not (query.__class__ is str and UNDOES.match(query)):
            raise ChunkTimeout
        return execute(query, params, log_exceptions=False)

    def refuse(*args, **kwargs):
        raise TransactionControlError(message)

    shadows = {"execute": guarded_execute, "commit": refuse, "rollback": refuse, "close": refuse}
    vars(cr).update(shadows)
    try:
        with _watchdog(cr, deadline):
            yield
    finally:
        for name in shadows:
            vars(cr).pop(name, None)


@contextmanager
def _watchdog(cr, deadline):
    """Cancel what runs on the cursor's connection once the deadline has passed, again and again until it ends.

    One cancel is not enough: it hits nothing between two statements, and user code may catch what it raises.
    """
    if deadline.at is None:
        yield
        return
    over = threading.Event()
    # held while a cancel is under way, so that none can hit a statement after the attempt
    cancelling = threading.Lock()

    def watch():
        if over.wait(deadline.left_s):
            return
        while True:
            with cancelling:
                if over.is_set():
                    return
                cr.connection.cancel()
            if over.wait(CANCEL_EVERY_S):
                return

    thread = threading.Thread(target=watch, name="batch_executor.watchdog", daemon=True)
    thread.start()
    try:
        yield
    finally:
        with cancelling:
            over.set()
        thread.join()
