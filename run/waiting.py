"""Waits until a job has changed, for the verb `status`: without a transaction, and in a bounded share of the server's requests."""

import os
import signal
import socket
import threading
import time
from contextlib import contextmanager

from odoo.exceptions import AccessDenied, UserError
from odoo.http import request
from odoo.service.server import thread_local
from odoo.sql_db import Cursor
from odoo.tools import config

from ..engine import states
from ..engine.verbs import MAX_WAIT_S
from ..store.watch import figures_of
from .access import check_visible
from .wake import STALLED_S, wake_if_stalled

try:
    import fcntl
except ImportError:  # no Unix: all requests are threads of one process there
    fcntl = None

#: Seconds between two looks at the job: (up to so many seconds of waiting, seconds). A look takes a tenth of a millisecond or two.
LOOKS = ((2.0, 0.02), (6.0, 0.05), (float("inf"), 0.1))
#: One of so many HTTP workers or threads may wait.
SHARE = 2
#: One of so many database connections of a process with threads may wait.
CONNECTIONS_SHARE = 4

#: Requests that call `status`, and nothing else.
PATHS = ("/batch/v1/status", "/json/2/batch.job/status")
METHOD = "batch.job.status"


def checked_wait(env, wait):
    """Check how long a caller wants to wait.

    :param wait: seconds, as sent
    :returns: seconds, at most `MAX_WAIT_S`
    :raises UserError: it is no number, or below 0
    """
    if wait in (None, False):
        return 0.0
    if wait.__class__ not in (int, float) or not wait >= 0:  # which NaN is not either
        raise UserError(env._("wait must be a number of seconds from 0."))
    return float(min(wait, MAX_WAIT_S, config["limit_time_real"] / 2 if config["limit_time_real"] > 0 else MAX_WAIT_S))


def wait_for_change(job, wait_s):
    """Wait until the state or a counter of a job changes, or it is deleted.

    Returns at once for a finished job; where too many requests wait already; and where this is not the only thing that a request
    does: code that calls a verb in the middle of its work has a transaction, which must not be committed here, and must not be
    open for so long. Returns early where the server is asked to end, as that waits for its requests.

    :param job: the job, in the caller's environment
    :param float wait_s: most seconds
    :raises AccessDenied: the caller is archived by now
    :raises AccessError: the caller may not read the job any more
    :raises MissingError: the job is gone
    """
    cr = job.env.cr
    if wait_s <= 0 or not _is_whole_request() or not isinstance(cr, Cursor):
        return
    with _place() as has_place:
        if has_place:
            _wait(job, wait_s)
            _check_again(job)


def _check_again(job):
    """Check the caller as a new call would: rights and users may have changed meanwhile, also by other processes."""
    job.env.registry.check_signaling()
    job.env.transaction.reset()
    if not job.env.su and not job.env["res.users"]._is_batch_user_active(job.env.uid):
        raise AccessDenied
    check_visible(job)


def _wait(job, wait_s):
    cr = job.env.cr
    deadline = time.monotonic() + wait_s
    cr.commit()  # pylint: disable=unknown-option-value,invalid-commit  # ends the request's transaction, which has only checked its caller
    seen = None
    while (left := deadline - time.monotonic()) > 0 and not _is_ending():
        seen, has_changed = _watch(cr, job.id, seen, min(left, STALLED_S))
        if has_changed:
            return
        wake_if_stalled(job.sudo())
        cr.commit()  # pylint: disable=unknown-option-value,invalid-commit  # wakes the lanes


def _is_ending():
    """Whether this process is asked to end. Its server of threads, or its worker, is what Odoo lets receive that signal."""
    server = getattr(signal.getsignal(signal.SIGINT), "__self__", None)
    return not getattr(server, "alive", True) or getattr(server, "quit_signals_received", 0) > 0


def _is_whole_request():
    """Whether the present request is nothing but a call of `status`.

    Odoo notes the method that a request calls by RPC. It hides the request itself from what JSON-RPC and XML-RPC call.
    """
    return getattr(thread_local, "rpc_model_method", "") == METHOD or (bool(request) and request.httprequest.path in PATHS)


def _watch(cr, job_id, seen, seconds):
    """Look at a job again and again.

    :param cr: a cursor without a transaction
    :param seen: what was seen last; None at first
    :returns: what was seen last, and whether the caller need not wait any more
    """
    cr.connection.autocommit = True
    try:
        started = time.monotonic()
        while True:
            figures = figures_of(cr, job_id)
            if figures is None or figures[0] in states.JOB_FINAL or figures != (seen or figures):
                return figures, True
            seen = figures
            waited = time.monotonic() - started
            if waited >= seconds or _is_ending():
                return seen, False
            time.sleep(min(next(pause for until, pause in LOOKS if waited < until), seconds - waited))
    finally:
        if not cr.connection.closed:
            cr.connection.autocommit = False


# -- how many may wait -----------------------------------------------------------------------------


@contextmanager
def _place():
    """Take a place among the requests of this server that may wait; yields whether there was one."""
    if config["workers"] and fcntl:
        with _place_of_workers(config["workers"] // SHARE) as has_place:
            yield has_place
        return
    has_place = _threads.acquire(blocking=False)
    try:
        yield has_place
    finally:
        if has_place:
            _threads.release()


def _most_threads():
    connections = config["db_maxconn"] // CONNECTIONS_SHARE
    threads = os.environ.get("ODOO_MAX_HTTP_THREADS", "")
    return min(connections, int(threads) // SHARE) if threads.isdecimal() else connections


_threads = threading.BoundedSemaphore(_most_threads())


@contextmanager
def _place_of_workers(places):
    """As `_place`, over the processes of a server with HTTP workers, and over all its databases: locked files.

    PostgreSQL's locks would count for each database on its own. The system releases the lock of a process that ends, however it ends.
    """
    for number in range(places):
        try:
            file = _open(number)
        except OSError:
            break
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                continue
            yield True
            return
    yield False


def _open(number):
    folder = os.path.join(config["data_dir"], "batch_executor")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    return open(os.path.join(folder, f"waiting-{socket.gethostname()}-{config['http_port']}-{number}"), "w")
