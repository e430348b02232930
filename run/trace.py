"""Which chunk a thread runs, and which trace what it does belongs to."""

from contextlib import contextmanager
from contextvars import ContextVar

from odoo.http import request

from ..engine.trace import read_traceparent

_claim = ContextVar("batch_executor.claim", default=None)


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


def current_traceparent():
    """The `traceparent` for a job that is submitted now: that of the job which submits it, or of the request. None where there is none."""
    if claim := current_claim():
        return claim.traceparent
    return read_traceparent(request.httprequest.headers.get("traceparent")) if request else None
