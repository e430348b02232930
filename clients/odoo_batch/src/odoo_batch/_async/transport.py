"""Requests to the server: sent again where that is safe, and their answers read."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

from .. import wire
from .._version import __version__
from ..config import Config
from ..errors import AnswerLost, ConnectionFailed, NotFound
from ..files import Piece

logger = logging.getLogger("odoo_batch")

#: Seconds that the server may take besides for each MiB that it is sent.
MIB_S = 20.0
#: How often a request is tried at an address that has never answered as the batch API.
ABSENT_ATTEMPTS = 3
JSON = {"Content-Type": "application/json"}


class AsyncTransport:
    """The connections to one server, and how often and how long a request is tried."""

    def _open(self, config: Config, timeout: float, attempts: int) -> None:
        self.config = config
        #: Seconds for which the server is asked to wait: well within those for an answer.
        self.wait_s = min(20.0, timeout / 2)
        self.timeout = timeout
        self.attempts = attempts
        #: Whether the batch API has answered already: if it is absent afterwards, it comes back.
        self._was_there = False
        self._http = httpx.AsyncClient(
            headers={**config.headers, "User-Agent": f"odoo-batch/{__version__}"},
            timeout=httpx.Timeout(timeout, connect=min(timeout, 15.0)),
        )

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections. Jobs run on."""
        await self._http.aclose()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.config.url!r})"

    async def call(self, verb: str, *, repeat: bool = True, **params: Any) -> Any:
        """Call any verb of the API, and return its answer.

        :param verb: for example `status`
        :param repeat: whether it may be sent again when it is not known whether the server has done it
        :raises AnswerLost: that is not known
        """
        return await self._rpc(verb, wire.encoded(params), repeat=repeat)

    async def _rpc(self, verb: str, params: bytes, repeat: bool = True, patience: float = 0) -> Any:
        sent = wire.envelope(params)
        return await self._send(
            "POST", f"/batch/v1/{verb}", sent, JSON, repeat=repeat, read=wire.result_of, patience=patience
        )

    async def _send_file(self, path: str, parameters: Mapping[str, Any], piece: Piece, repeat: bool = True) -> dict[str, Any]:
        headers = {"Content-Type": piece.media_type, "Content-Length": str(piece.size)}
        params = wire.query(parameters)
        return wire_status(await self._send("POST", path, piece, headers, params=params, repeat=repeat))

    async def _send(
        self,
        method: str,
        path: str,
        content: bytes | Piece | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        params: Mapping[str, str] | None = None,
        repeat: bool = True,
        read: Callable[[httpx.Response], Any] = wire.content_of,
        patience: float = 0,
        save: Path | None = None,
    ) -> Any:
        """Send a request, again where that is safe, and read its answer.

        :param repeat: whether it may be sent again when it is not known whether the server has done it
        :param patience: seconds that the server may take at least
        :param save: a file to write the answer to, instead of reading it
        :raises AnswerLost: that is not known
        :raises ConnectionFailed: it could not be sent, or not be answered, at any attempt
        """
        attempt = 0
        size = content.size if isinstance(content, Piece) else len(content or b"")
        limits = self._limits(max(MIB_S * (size >> 20) + self.timeout, patience))
        while True:
            attempt += 1
            try:
                async with self._http.stream(
                    method,
                    self.config.url + path,
                    content=_stream(content) if isinstance(content, Piece) else content,
                    headers=dict(headers or {}),
                    params=dict(params) if params else None,
                    timeout=limits,
                ) as response:
                    if save and response.is_success:
                        await _save(response, save)
                        return None
                    await response.aread()
                    answer = read(response)
                self._was_there = True
                return answer
            except httpx.TransportError as error:
                if "CERTIFICATE_VERIFY_FAILED" in str(error):
                    raise ConnectionFailed(f"{self.config.url} has a certificate that can't be trusted ({error}).") from error
                passing = wire.Passing(f"{type(error).__name__}: {error}", isinstance(error, wire.UNSENT))
            except wire.Absent as error:
                if (save or not self._was_there) and attempt >= ABSENT_ATTEMPTS:  # there may just be no such file
                    raise NotFound(error.reason) from None
                passing = error
            except wire.Passing as error:
                passing = error
            where = f"{self.config.url} can't be reached" if passing.is_unsent else f"{self.config.url}{path} was not answered"
            if not (repeat or passing.is_unsent):
                raise AnswerLost(f"{where} ({passing.reason}); it is not known whether it was done.")
            if attempt >= self.attempts:
                raise ConnectionFailed(f"{where}, in {attempt} attempts ({passing.reason}).")
            logger.info("%s (%s); trying again", where, passing.reason)
            await asyncio.sleep(wire.pause_before(attempt, passing.after))

    def _limits(self, read_s: float) -> httpx.Timeout:
        """The timeouts of a request for which the server may take some seconds at least."""
        usual = self._http.timeout
        return httpx.Timeout(max(read_s, self.timeout), connect=usual.connect, write=usual.write, pool=usual.pool)


def wire_status(answer: Any) -> dict[str, Any]:
    """An answer that has to be a status object.

    :raises NotFound: it is none
    """
    if not isinstance(answer, dict) or "job_id" not in answer:
        raise NotFound("The server does not answer as the batch API does: is that its address?")
    return answer


async def _save(response: httpx.Response, path: Path) -> None:
    with path.open("wb") as file:
        async for chunk in response.aiter_bytes():
            file.write(chunk)


async def _stream(piece: Piece) -> Any:
    for chunk in piece.chunks():
        yield chunk
