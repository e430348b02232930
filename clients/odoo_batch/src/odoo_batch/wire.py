"""What goes over the wire: requests as bytes, answers as results or errors, and which errors pass."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx

from .errors import AccessDenied, BatchError, NotFound, Refused

#: The first pause before a request is sent again in seconds, the factor it grows by, and the longest pause.
FIRST_PAUSE_S, GROWTH, LONGEST_PAUSE_S = 0.25, 2.5, 15.0
#: Statuses of proxies and servers that are restarting, and of those that are too busy, or got no whole request in time.
PASSING = (408, 429, 502, 503, 504)
#: Errors of Odoo that pass: PostgreSQL is restarting, two requests were in each other's way, or a request did not arrive whole.
PASSING_ERRORS = (
    "OperationalError", "InterfaceError", "AdminShutdown", "CrashShutdown", "CannotConnectNow", "ConnectionFailure", "PoolError",
    "SerializationFailure", "DeadlockDetected", "LockNotAvailable", "ConcurrencyError", "LockError",
    "RequestTimeout", "ServiceUnavailable", "ClientDisconnected",
)  # fmt: skip
#: Options that are texts, truths and numbers, whatever they look like.
TEXTS = ("name", "rollback", "run_at", "notify", "idempotency_key", "limit")
TRUTHS = ("dry_run", "strict", "quiet", "track_changes", "skip_unchanged", "draft")
NUMBERS = ("max_chunk_size", "max_concurrency", "timeout", "retry_attempts", "max_failures", "priority", "on_complete")
NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
#: Before the server has seen anything of a request; after any other error it may have done all of it.
UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


class Passing(Exception):
    """The request may succeed when it is sent again.

    :ivar reason: what went wrong, in words
    :ivar is_unsent: whether the server has certainly done nothing
    :ivar after: seconds that the server asks to wait, or None
    """

    def __init__(self, reason: str, is_unsent: bool = False, after: float | None = None):
        super().__init__(reason)
        self.reason = reason
        self.is_unsent = is_unsent
        self.after = after


class Absent(Passing):
    """The address is not there. While PostgreSQL is restarting, Odoo answers like that too, before it has done anything."""

    def __init__(self, reason: str):
        super().__init__(reason, is_unsent=True)


def pause_before(attempt: int, after: float | None = None) -> float:
    """Seconds to wait before attempt 1, 2, ...: longer and longer, and not the same for all clients of a server."""
    pause = min(FIRST_PAUSE_S * GROWTH ** (attempt - 1), LONGEST_PAUSE_S) * random.uniform(0.5, 1)
    return max(pause, min(after or 0, LONGEST_PAUSE_S))


# -- requests ------------------------------------------------------------------------------------------


def encoded(value: Any) -> bytes:
    """A value as JSON. Dates and times become texts as Odoo takes them (times in UTC), numbers of other libraries plain ones.

    :raises ValueError: NaN or infinity: JSON has neither
    :raises TypeError: it has no form in JSON
    """
    try:
        return json.dumps(value, default=_plain, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"a text can't be encoded: {error}") from None


def envelope(params: bytes) -> bytes:
    """A request of JSON-RPC."""
    return b'{"jsonrpc":"2.0","id":1,"method":"call","params":' + params + b"}"


def odoo_time(value: datetime) -> str:
    """A moment as Odoo takes it: in UTC, which is also what one without a zone is in."""
    if value.tzinfo is not None:
        value = value.astimezone(timezone.utc)
    return value.strftime("%Y-%m-%d %H:%M:%S")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return odoo_time(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset, range)):
        return list(value)
    if hasattr(value, "tolist"):  # numpy
        return value.tolist()
    if isinstance(value, Sequence):
        return list(value)
    raise TypeError(f"{value!r} of type {type(value).__name__} has no form in JSON")


def query(options: Mapping[str, Any]) -> dict[str, str]:
    """Options as parameters of an address; None stands for "not given"."""
    return {name: _as_text(name, value) for name, value in options.items() if value is not None}


def typed(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as JSON has them, from values as an address has them: the server reads the two alike."""
    return {name: _typed(name, value) for name, value in options.items() if value is not None}


def _typed(name: str, value: Any) -> Any:
    if name in TEXTS and value is not False:
        return _as_text(name, value)
    if not isinstance(value, str):
        return value
    if name in TRUTHS:
        return {"true": True, "1": True, "false": False, "0": False}.get(value.lower(), value)
    if name in NUMBERS and NUMBER.fullmatch(value):
        return float(value) if "." in value else int(value)
    return value


def _as_text(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return encoded(value).decode()
    if isinstance(value, (list, tuple)):
        if any("," in str(item) for item in value):
            raise ValueError(f"{name}: a comma can't be part of a name")
        return ",".join(map(str, value))
    return str(value)


# -- answers -------------------------------------------------------------------------------------------


def result_of(response: httpx.Response) -> Any:
    """The result in an answer of JSON-RPC.

    :raises Passing: it may succeed when it is sent again
    :raises BatchError: what the server says is wrong
    """
    body = content_of(response)
    if not isinstance(body, dict):
        raise BatchError(f"{response.url} does not answer as Odoo does.")
    if "error" in body:
        raise _error(body["error"].get("data") or body["error"])
    return body.get("result")


def content_of(response: httpx.Response) -> Any:
    """The JSON of an answer that is no error.

    :raises Passing: as `result_of`
    :raises BatchError: likewise
    """
    check(response)
    try:
        return response.json()
    except ValueError:
        raise BatchError(f"{response.url} does not answer as Odoo does: {_start(response)}") from None


def check(response: httpx.Response) -> None:
    """Raise what an answer means that is an error. Its content must have been read.

    :raises Passing: as `result_of`
    :raises BatchError: likewise
    """
    status = response.status_code
    if status < 300:
        return
    if status in PASSING:
        raise Passing(f"The server answers {status} {response.reason_phrase}", status == 429, _retry_after(response))
    if status < 400:
        address = response.headers.get("location", "another address")
        raise BatchError(f"{response.url} redirects to {address}: use that one.")
    try:
        body = response.json()
    except ValueError:
        body = None
    if isinstance(body, dict):
        data = body.get("error", body)
        if isinstance(data, dict) and "message" in data:
            raise _error({"name": data.get("type", ""), **data}, status)
    raise _http_error(response)


def _error(data: Mapping[str, Any], status: int = 200) -> Exception:
    """What Odoo's JSON of an exception means: `name`, `message`, and `problems` or `arguments`."""
    name, message = str(data.get("name") or ""), str(data.get("message") or data.get("name") or "the server failed")
    short = name.rpartition(".")[2]
    if short in PASSING_ERRORS:
        return Passing(f"The server answers: {message}")
    if short in ("AccessDenied", "AccessError", "Unauthorized", "Forbidden", "SessionExpiredException") or status in (401, 403):
        return AccessDenied(message)
    if short in ("MissingError", "NotFound") or status == 404:
        return NotFound(message if short == "MissingError" else _no_api(message))
    arguments = data.get("arguments")
    problems = data.get("problems")
    if problems is None and short == "BatchValidationError" and isinstance(arguments, list) and len(arguments) > 1:
        message, problems = arguments[:2]
    if short in ("BatchValidationError", "UserError", "ValidationError", "RequestEntityTooLarge") or 400 <= status < 500:
        return Refused(message, problems)
    return BatchError(message)


def _http_error(response: httpx.Response) -> Exception:
    status = response.status_code
    said = f"{response.url.copy_with(query=None)} answers {status} {response.reason_phrase}"
    if status in (401, 403):
        return AccessDenied(f"{said}: is the API key right?")
    if status == 404:
        return Absent(_no_api(said))
    if status == 500:  # what the API itself says is JSON; this comes from before it, as while PostgreSQL is restarting
        return Passing(f"{said}: {_start(response)}")
    if status in (400, 409, 413, 415, 422):
        return Refused(f"{said}: {_start(response)}")
    return BatchError(f"{said}: {_start(response)}")


def _no_api(said: str) -> str:
    return f"{said}: is the addon batch_executor installed there, and is it the right database?"


def _start(response: httpx.Response) -> str:
    return " ".join(response.text[:300].split())


def _retry_after(response: httpx.Response) -> float | None:
    try:
        return float(response.headers.get("retry-after", ""))
    except ValueError:
        return None
