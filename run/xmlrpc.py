"""What XML-RPC can't carry."""

import threading
from urllib.parse import urlsplit

from ..engine.values import MAX_INTEGER


def as_carried(result):
    """A result as the caller's protocol can carry it.

    XML-RPC has integers of 32 bits: larger ones that a method returned become texts there.
    """
    # Odoo hides the request from what is called by RPC
    if urlsplit(getattr(threading.current_thread(), "url", "")).path.startswith("/xmlrpc/"):
        for entry in result["results"]:
            entry["result"] = _small(entry["result"])
    return result


def _small(value):
    if isinstance(value, dict):
        return {key: _small(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_small(item) for item in value]
    return str(value) if value.__class__ is int and abs(value) > MAX_INTEGER else value
