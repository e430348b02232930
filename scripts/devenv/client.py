"""An HTTP client of a server: what any program would do with `requests`."""

import json
from collections.abc import Callable
from datetime import datetime, timezone

import requests

from .console import CannotDo

TIMEOUT_S = 120
#: Seconds between two questions for the status of a job; and while the server has no idea of how long the job takes.
SHORTEST_S, LONGEST_S, UNKNOWN_S = 0.02, 5, 0.1


def pause_s(status: dict) -> float:
    """Seconds to wait before asking for the status again: about as long as the server thinks that the job takes."""
    if not status["eta"]:
        return UNKNOWN_S
    left = datetime.fromisoformat(status["eta"].replace("Z", "+00:00")) - datetime.now(timezone.utc)
    return min(max(left.total_seconds(), SHORTEST_S), LONGEST_S)


class Client:
    def __init__(self, address: str, key: str):
        self._address = address
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy between this machine and itself
        self._key = {"Authorization": f"Bearer {key}"}
        self._rpc_headers = self._key

    def log_in(self, database: str, login: str, password: str) -> None:
        """Call the batch API with a session from now on: checking a key takes the server as long as the rest of a small call."""
        self.prepare("/web/session/authenticate", db=database, login=login, password=password)()
        self._rpc_headers = {}

    def batch(self, verb: str, **params) -> dict:
        """Call a verb of the batch API (JSON-RPC)."""
        return self.prepare(f"/batch/v1/{verb}", **params)()

    def prepare(self, path: str, **params) -> Callable[[], dict]:
        """A call by JSON-RPC, encoded, to be sent when it is called."""
        body = json.dumps({"jsonrpc": "2.0", "method": "call", "params": params})

        def send():
            answer = self._post(path, body, self._rpc_headers)
            if error := answer.get("error"):
                raise CannotDo(f"{path} answered: {error.get('data', {}).get('message') or error}")
            return answer["result"]

        return send

    def call(self, model: str, method: str, **arguments):
        """Call a method of a model (Odoo's own JSON-2 API)."""
        return self._post(f"/json/2/{model}/{method}", json.dumps(arguments), self._key)

    def _post(self, path: str, body: str, headers: dict):
        headers = {"Content-Type": "application/json", **headers}
        response = self._session.post(self._address + path, body, headers=headers, timeout=TIMEOUT_S)
        if not response.ok:
            raise CannotDo(f"POST {path} answered {response.status_code}: {response.text[:500]}")
        return response.json()
