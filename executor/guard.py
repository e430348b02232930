"""The cursor of a chunk while user code has it: what it must not do, and how long it may take."""

import re
import threading
import time
from contextlib import contextmanager, suppress

import psycopg2

from odoo.tools import SQL

from ..exceptions import ChunkTimeout, TransactionControlError
from .errors import is_conflict

#: Seconds between two attempts to cancel the running statement once time is up.
CANCEL_EVERY_S = 0.05
#: Statements that would end the transaction; `ROLLBACK TO SAVEPOINT` does not.
ENDS_TRANSACTION = re.compile(
    r"(\s|--[^\n]*\n|/\*.*?\*/)*"
    r"(commit|end|abort|begin|start\s+transaction|prepare\s+transaction|rollback(?!\s+(work\s+|transaction\s+)?to\b))\b",
    re.IGNORECASE | re.DOTALL,
)
UNDOES = re.compile(r"\s*(rollback\s+to|release)\b", re.IGNORECASE)
#: What may hold a semicolon that ends no statement: texts, quoted names, comments.
QUOTED = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|\$(\w*)\$.*?\$\1\$|--[^\n]*|/\*.*?\*/", re.DOTALL)

#: How long a lock is waited for where the job sets no timeout, in seconds.
LOCK_TIMEOUT_S = 60.0
#: How often PostgreSQL looks whether the worker still exists, in seconds.
CLIENT_CHECK_S = 2


def limited_waits(cr, timeout_s):
    """Statements that let their transaction wait for a lock no longer than an attempt may take, and end soon after its client.

    PostgreSQL itself would go on with the statement of a worker that was killed, and keep its locks till the end of it.
    """
    statements = [SQL("SET LOCAL lock_timeout = %s", f"{int((timeout_s or LOCK_TIMEOUT_S) * 1000)}ms")]
    if cr.connection.server_version >= 140000:
        statements.append(SQL("SET LOCAL client_connection_check_interval = %s", f"{CLIENT_CHECK_S}s"))
    return statements


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


class Guard:
    """Lends a cursor to user code: it can neither end the transaction nor go on past the deadline.

    The cursor's own methods are shadowed on the instance, for this while only. Expected errors of the data are
    stored with the record, so that failing statements are not logged as the server's errors.

    What user code has caught must not pass for success: a refused commit and a passed deadline are raised again at the end.

    :param message: what to tell code that tries to commit or roll back
    """

    def __init__(self, cr, deadline, message):
        self.cr = cr
        self.deadline = deadline
        self.message = message
        self.conflict = None  # the first conflict with another transaction, whatever became of it
        self.refused = False
        self.shadows = {"execute": self.execute, "commit": self.refuse, "rollback": self.refuse, "close": self.refuse}

    def __enter__(self):
        self.original = self.cr.execute
        # a batch run by the code of another one finds the guard of the outer one here
        self.outer = {name: vars(self.cr)[name] for name in self.shadows if name in vars(self.cr)}
        vars(self.cr).update(self.shadows)
        self.watchdog = _watchdog(self.cr, self.deadline)
        self.watchdog.__enter__()
        return self

    def __exit__(self, exc_type, exc_value, traceback):
        self.watchdog.__exit__(None, None, None)
        for name in self.shadows:
            vars(self.cr).pop(name, None)
        vars(self.cr).update(self.outer)
        if exc_type is None and self.refused:
            raise TransactionControlError(self.message)
        if exc_type is None and self.deadline.expired:
            raise ChunkTimeout

    def execute(self, query, params=None, log_exceptions=True):
        if ends_transaction(query):
            self.refuse()
        if self.deadline.expired and not (query.__class__ is str and UNDOES.match(query)):
            raise ChunkTimeout
        try:
            return self.original(query, params, log_exceptions=False)
        except psycopg2.Error as error:
            if self.conflict is None and is_conflict(error):
                self.conflict = error
            raise

    def refuse(self, *args, **kwargs):
        self.refused = True
        raise TransactionControlError(self.message)


def ends_transaction(query):
    """Whether one of the statements in a query ends the transaction."""
    text = query.code if isinstance(query, SQL) else query
    if isinstance(text, bytes):
        text = text.decode(errors="replace")
    if not isinstance(text, str):
        return False
    if ENDS_TRANSACTION.match(text):
        return True
    return ";" in text and any(map(ENDS_TRANSACTION.match, QUOTED.sub("''", text).split(";")))


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
                with suppress(psycopg2.Error):  # a lost connection: the statement ends by itself
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
