"""Which chunk a thread runs, and which trace what it does belongs to."""

import threading
from contextlib import contextmanager
from contextvars import ContextVar

from ..engine.trace import read_traceparent

_claim = ContextVar("batch_executor.claim", default=None)
#: The request that this thread serves, by the time when it began, and its `traceparent`.
_request = ContextVar("batch_executor.request", default=(None, None))


@contextmanager
def traced(claim):
    """Tell what runs during the body of the `with`, on this thread, to `current_claim`.

    :param claim: the `Claim`
    """
    token = _claim.set(claim)
    try:
        yield
    finally:
        _claim.reset(token)


def current_claim():
    """The `Claim` of the chunk that this thread runs, or None."""
    return _claim.get()


def of_job(job_id, chunk_id=None, traceparent=None):
    """What a line of the log is about, as `extra` of the logger: see `run/log_records.py`."""
    ids = {"batch_job_id": job_id, "batch_chunk_id": chunk_id, "traceparent": traceparent}
    return {name: value for name, value in ids.items() if value}


def note_request(headers):
    """Note the trace of the request that this thread serves. Odoo hides the request itself from what is called over `/jsonrpc` and XML-RPC.

    :param headers: of the request
    """
    _request.set((_began_at(), read_traceparent(headers.get("traceparent"))))


def current_traceparent():
    """The `traceparent` for a job that is submitted now: that of the job which submits it, or of the request. None where there is none."""
    if claim := current_claim():
        return claim.traceparent
    began_at, traceparent = _request.get()
    return traceparent if began_at == _began_at() else None


def _began_at():
    """When the request that this thread serves began, as Odoo has noted it; another one begins at another time."""
    return getattr(threading.current_thread(), "perf_t0", None)
