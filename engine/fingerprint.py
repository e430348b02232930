"""Whether two submissions ask for the same: what a client that sends its key again must have sent before."""

import hashlib
import json
from dataclasses import asdict, is_dataclass
from typing import Any

from .payload import json_default
from .spec import IGNORED


def fingerprint_of(operations: Any, options: dict) -> str:
    """A hash of what was submitted, without what says nothing of it: the key itself, and bookkeeping of clients.

    :raises TypeError, ValueError, RecursionError: it has no JSON form
    """
    options = {name: value for name, value in options.items() if name != "idempotency_key"}
    if isinstance(operations, (list, tuple)):
        operations = [_essence(operation) for operation in operations]
    try:
        text = json.dumps([operations, options], sort_keys=True, default=json_default)
    except TypeError:  # keys of several kinds have no order
        text = json.dumps(_with_text_keys([operations, options]), sort_keys=True, default=json_default)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _essence(operation):
    if is_dataclass(operation) and not isinstance(operation, type):
        operation = asdict(operation)
    if isinstance(operation, dict) and not IGNORED.isdisjoint(operation):
        return {key: value for key, value in operation.items() if key not in IGNORED}
    return operation


def _with_text_keys(value):
    """The same with the keys that JSON makes of it."""
    if isinstance(value, dict):
        return {
            key if isinstance(key, str) else json.dumps(key): _with_text_keys(item) for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_with_text_keys(item) for item in value]
    return value
