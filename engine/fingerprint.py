"""A hash that tells whether two submissions are the same.

A client that reuses an idempotency key must send the same submission again.
"""

import hashlib
import json
from dataclasses import asdict, is_dataclass
from typing import Any

from .payload import json_default
from .spec import IGNORED


def fingerprint_of(operations: Any, options: dict) -> str:
    """A SHA-256 hash (hex) of a submission, without the idempotency key and without bookkeeping keys of clients.

    :param operations: as the caller sent them
    :param options: likewise
    :raises TypeError, ValueError, RecursionError: the submission has no JSON form
    """
    options = {name: value for name, value in options.items() if name != "idempotency_key"}
    if isinstance(operations, (list, tuple)):
        operations = [_essence(operation) for operation in operations]
    try:
        text = json.dumps([operations, options], sort_keys=True, default=json_default)
    except TypeError:  # keys of mixed types can't be sorted
        text = json.dumps(_with_text_keys([operations, options]), sort_keys=True, default=json_default)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _essence(operation):
    if is_dataclass(operation) and not isinstance(operation, type):
        operation = asdict(operation)
    if isinstance(operation, dict) and not IGNORED.isdisjoint(operation):
        return {key: value for key, value in operation.items() if key not in IGNORED}
    return operation


def _with_text_keys(value):
    """The value with all keys as texts, as JSON writes them."""
    if isinstance(value, dict):
        return {
            key if isinstance(key, str) else json.dumps(key): _with_text_keys(item) for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_with_text_keys(item) for item in value]
    return value
