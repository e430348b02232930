"""The case that calls the server with the Python client, and a proxy between the two that cuts connections."""

import asyncio
import random
import socket
import threading
import unittest
from contextlib import contextmanager, suppress
from unittest.mock import patch

from odoo.tests.common import get_db_name

from .api_case import ApiCase
from .case import PATIENCE_S
from .client_package import make_importable
from .doors import base_url
from .extras import is_installed

if HAS_CLIENT := is_installed("httpx"):
    make_importable()
    from odoo_batch import AsyncClient, Client, wire


@unittest.skipUnless(HAS_CLIENT, "needs httpx, which Odoo does not: run it with scripts/test")
class ClientCase(ApiCase):
    """`client` is that of `user`; `in_both` calls the same of the asynchronous one."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.client = cls.new_client()
        cls.addClassCleanup(cls.client.close)

    @classmethod
    def new_client(cls, url=None, someone=None, **options):
        return Client(url or base_url(), (someone or cls.user).key, get_db_name(), timeout=PATIENCE_S, **options)

    def asynchronously(self, program, url=None, **options):
        """What `program(client)`, a coroutine function, returns with a client of its own, while a lane is at work."""

        async def run():
            async with AsyncClient(
                url or base_url(), self.user.key, get_db_name(), timeout=PATIENCE_S, **options
            ) as client:
                return await program(client)

        with self.lanes_at_work():
            return asyncio.run(asyncio.wait_for(run(), 2 * PATIENCE_S))

    def finished(self, job):
        """A job after a lane has run it."""
        self.work()
        return job.refresh()

    def new_refs(self, prefix):
        """The `ref`s of all partners that begin like this, sorted."""
        return sorted(ref for (ref,) in self.sql("SELECT ref FROM res_partner WHERE ref LIKE %s", f"{prefix}%"))


class Proxy:
    """A proxy of the server that cuts each connection after some bytes of the requests, or of the answers.

    :param seed: of the random numbers
    :param most: bytes that a connection lives at most
    :ivar cuts: how many were cut
    """

    def __init__(self, seed, most=3000):
        self._random = random.Random(seed)
        self._most = most
        self.cuts = 0
        self._target = base_url().removeprefix("http://").rpartition(":")
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        """Take no more connections."""
        self._listener.close()

    def _accept(self):
        while True:
            try:
                client, _address = self._listener.accept()
            except OSError:
                return
            host, _colon, port = self._target
            server = socket.create_connection((host, int(port)))
            budgets = [self._random.randrange(self._most), None]
            self._random.shuffle(budgets)
            pair = (client, server)
            for source, target, budget in ((client, server, budgets[0]), (server, client, budgets[1])):
                threading.Thread(target=self._forward, args=(source, target, budget, pair), daemon=True).start()

    def _forward(self, source, target, budget, pair):
        with suppress(OSError):
            while data := source.recv(4096 if budget is None else max(min(4096, budget), 1)):
                if budget is not None:
                    budget -= len(data)
                    if budget <= 0:
                        self.cuts += 1
                        break
                target.sendall(data)
        for end in pair:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


@contextmanager
def proxy(seed, **options):
    """A proxy for this while; the client does not pause before it tries again."""
    made = Proxy(seed, **options)
    try:
        with patch.object(wire, "FIRST_PAUSE_S", 0.001), patch.object(wire, "LONGEST_PAUSE_S", 0.05):
            yield made
    finally:
        made.close()
