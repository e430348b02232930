"""Convert results that XML-RPC can't represent."""

import threading
from urllib.parse import urlsplit

from ..engine.values import MAX_INTEGER


def as_carried(result):
    """A result in the form that the caller's protocol can carry.

    XML-RPC has 32-bit integers, and no null. For a call over XML-RPC, larger integers become texts, and nulls false.

    :param dict result: the result object; it is changed in place
    :returns: the same object
    """
    # Odoo does not set `request` for code called by RPC
    if urlsplit(getattr(threading.current_thread(), "url", "")).path.startswith("/xmlrpc/"):
        for entry in result.get("results", ()):
            entry["result"] = _small(entry["result"])
        for change in result.get("changes", ()):
            change.update(before=_small(change["before"]), after=_small(change["after"]))
    return result


def _small(value):
    if isinstance(value, dict):
        return {key: _small(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_small(item) for item in value]
    if value is None:
        return False
    return str(value) if value.__class__ is int and abs(value) > MAX_INTEGER else value
