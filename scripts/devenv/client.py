"""An HTTP client of a server: what any program would do with `requests`."""

import time
from collections.abc import Iterator

import requests

from .base import CannotDo

TIMEOUT_S = 120
#: Seconds for which the server may wait for a change of a job; and between two questions, where it can't.
WAIT_S, PAUSE_S = 20, 0.05


class Client:
    """Calls with an API key, or with the session of a login."""

    def __init__(self, address: str, key: str | None = None):
        self._address = address
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy between this machine and itself
        if key:
            self._session.headers["Authorization"] = f"Bearer {key}"
        self.answered_in_s = 0.0  # the last call, from the moment it was sent, encoded

    def call(self, model: str, method: str, **arguments):
        """Call a method of a model (Odoo's own JSON-2 API, which needs a key)."""
        return self._post(f"/json/2/{model}/{method}", arguments)

    def rpc(self, path: str, **params) -> dict:
        """Call a route by JSON-RPC, for example a verb of the batch API: `/batch/v1/status`."""
        answer = self._post(path, {"jsonrpc": "2.0", "method": "call", "params": params})
        if error := answer.get("error"):
            raise CannotDo(f"{path} answered: {error.get('data', {}).get('message') or error}")
        return answer["result"]

    def follow(self, status: dict, every_s: float | None = None) -> Iterator[dict]:
        """Give the statuses of a job until it is over: after each change, or so far apart."""
        while not status["finished_at"]:
            yield status
            asked_at = time.monotonic()
            if every_s:
                time.sleep(every_s)
            status = self.rpc("/batch/v1/status", job_id=status["job_id"], wait=0 if every_s else WAIT_S)
            if not status["finished_at"] and time.monotonic() - asked_at < PAUSE_S:
                time.sleep(PAUSE_S)  # it could not wait just now
        yield status

    def _post(self, path: str, content: dict):
        response = self._session.post(self._address + path, json=content, timeout=TIMEOUT_S)
        if not response.ok:
            raise CannotDo(f"POST {path} answered {response.status_code}: {response.text[:500]}")
        self.answered_in_s = response.elapsed.total_seconds()
        return response.json()
