"""An Odoo process of the benchmark's own, in which functions of `inside/` are run."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import subprocess

from .. import paths
from ..console import CannotDo
from ..environment import Environment
from .measuring import Invalid

SERVE = "from devenv.bench.inside import serve; serve.forever(env)"
START_TIMEOUT_S = 60
CALL_TIMEOUT_S = 900
STOP_TIMEOUT_S = 20


class Agent:
    """`odoo shell` on a database; no server runs on that, so nobody else takes its jobs."""

    def __init__(self, env: Environment, database: str):
        self.connection, theirs = multiprocessing.Pipe()
        with (paths.LOGS / "bench-agent.log").open("a") as log:
            self.process = subprocess.Popen(
                [*env.odoo, "shell", f"--database={database}", "--no-http", "--log-level=warn"],
                env={**os.environ, **env.variables, "BENCH_FD": str(theirs.fileno())},
                pass_fds=[theirs.fileno()],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
            )
        theirs.close()
        self.process.stdin.write(SERVE)
        self.process.stdin.close()
        self._receive(START_TIMEOUT_S)

    def call(self, function: str, **arguments):
        """Run `module.function` of `inside/` there; it gets the registry and these arguments."""
        self.connection.send((function, arguments))
        return self._receive(CALL_TIMEOUT_S)

    def end(self) -> None:
        self.connection.close()
        try:
            self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _receive(self, timeout_s: float):
        try:
            if not self.connection.poll(timeout_s):
                raise CannotDo(f"an Odoo process of the benchmark did not answer within {timeout_s} seconds")
            outcome, value = self.connection.recv()
        except EOFError:
            raise CannotDo(f"an Odoo process of the benchmark has died; see {paths.LOGS / 'bench-agent.log'}") from None
        if outcome == "invalid":
            raise Invalid(value)
        return value


@contextlib.contextmanager
def running(env: Environment, database: str):
    agent = Agent(env, database)
    try:
        yield agent
    finally:
        agent.end()
