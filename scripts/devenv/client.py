"""A plain HTTP client of the demo's server: what any program would do with `requests`."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import datetime, timezone

from .console import CannotDo

TIMEOUT_S = 120
#: Seconds between two questions for the status of a job.
SHORTEST_S, LONGEST_S = 0.02, 5
#: The same, while the server has no idea of how long the job takes.
UNKNOWN_S = 0.1


class Refused(Exception):
    """The server does not know this API key."""


def pause_s(status: dict) -> float:
    """Seconds to wait before asking for the status again: about as long as the server thinks that the job takes."""
    if not status["eta"]:
        return UNKNOWN_S
    left = datetime.fromisoformat(status["eta"].replace("Z", "+00:00")) - datetime.now(timezone.utc)
    return min(max(left.total_seconds(), SHORTEST_S), LONGEST_S)


class Client:
    def __init__(self, address: str, key: str):
        self.address = address
        self._authorization = {"Authorization": f"Bearer {key}"}
        self._has_session = False
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())

    def log_in(self, database: str, login: str, password: str) -> None:
        """Call the batch API with a session from now on: checking a key takes the server as long as the rest of a small call."""
        self._prepare_rpc("/web/session/authenticate", {"db": database, "login": login, "password": password})()
        self._has_session = True

    def batch(self, verb: str, **params) -> dict:
        """Call a verb of the batch API (JSON-RPC)."""
        return self.prepare(verb, **params)()

    def prepare(self, verb: str, **params) -> Callable[[], dict]:
        """The call of a verb, encoded, to be sent when it is called."""
        return self._prepare_rpc(f"/batch/v1/{verb}", params)

    def call(self, model: str, method: str, **arguments):
        """Call a method of a model (Odoo's own JSON-2 API)."""
        return self._post(f"/json/2/{model}/{method}", json.dumps(arguments).encode(), self._authorization)

    def _prepare_rpc(self, path: str, params: dict) -> Callable[[], dict]:
        body = json.dumps({"jsonrpc": "2.0", "method": "call", "params": params}).encode()

        def send():
            answer = self._post(path, body, {} if self._has_session else self._authorization)
            if error := answer.get("error"):
                raise CannotDo(f"{path} answered: {error.get('data', {}).get('message') or error}")
            return answer["result"]

        return send

    def _post(self, path: str, body: bytes, authorization: dict):
        headers = {"Content-Type": "application/json", **authorization}
        request = urllib.request.Request(self.address + path, body, headers)
        try:
            with self._opener.open(request, timeout=TIMEOUT_S) as response:
                return json.load(response)
        except urllib.error.HTTPError as problem:
            if problem.code == 401:
                raise Refused from None
            raise CannotDo(f"POST {path} answered {problem.code}: {problem.read()[:500].decode()}") from None
