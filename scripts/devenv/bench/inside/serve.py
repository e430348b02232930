"""Take calls from the benchmark, one after the other, until it hangs up."""

from __future__ import annotations

import importlib
import os
import traceback
from multiprocessing.connection import Connection

from ..measuring import Invalid


def forever(env) -> None:
    """Serve the connection whose number the environment names; `env` is the one of `odoo shell`."""
    registry = env.registry
    env.cr.rollback()  # its transaction would keep PostgreSQL from cleaning up
    with Connection(int(os.environ["BENCH_FD"])) as connection:
        connection.send(("done", None))
        while True:
            try:
                function, arguments = connection.recv()
            except EOFError:
                return
            connection.send(_answer(registry, function, arguments))


def _answer(registry, function: str, arguments: dict):
    module, _dot, name = function.partition(".")
    try:
        registry.check_signaling()
        return "done", getattr(importlib.import_module(f"{__package__}.{module}"), name)(registry, **arguments)
    except Invalid as problem:
        return "invalid", str(problem)
    except Exception:  # noqa: BLE001  # whatever it is: the benchmark tells
        return "invalid", traceback.format_exc()
