"""A plain HTTP client of the demo's server: what any program would do with `requests`."""

from __future__ import annotations

import json
import urllib.error
import urllib.request

from .console import CannotDo

TIMEOUT_S = 120


class Refused(Exception):
    """The server does not know this API key."""


class Client:
    def __init__(self, address: str, key: str):
        self.address = address
        self._key = key

    def batch(self, verb: str, **params) -> dict:
        """Call a verb of the batch API (JSON-RPC)."""
        body = {"jsonrpc": "2.0", "method": "call", "params": params}
        answer = self._post(f"/batch/v1/{verb}", body)
        if error := answer.get("error"):
            raise CannotDo(f"/batch/v1/{verb} answered: {error.get('data', {}).get('message') or error}")
        return answer["result"]

    def call(self, model: str, method: str, **arguments):
        """Call a method of a model (Odoo's own JSON-2 API)."""
        return self._post(f"/json/2/{model}/{method}", arguments)

    def _post(self, path: str, body: dict):
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._key}"}
        request = urllib.request.Request(self.address + path, json.dumps(body).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
                return json.load(response)
        except urllib.error.HTTPError as problem:
            if problem.code == 401:
                raise Refused from None
            raise CannotDo(f"POST {path} answered {problem.code}: {problem.read()[:500].decode()}") from None
