"""What a measurement works with."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import psycopg2.extensions

from ..client import Client, pause_s
from .agent import Agent
from .measuring import Invalid
from .options import Scale

PATIENCE_S = 600
#: How often the benchmark looks into the database; that costs those it measures next to nothing.
LOOK_S = 0.01
#: What the server needs to fall idle after a job: its lanes stay for half a second.
REST_S = 1.0
FINAL = {"completed", "partial", "failed", "cancelled"}


@dataclass(frozen=True)
class Crowd:
    """A queue with very many chunks, in a database of its own."""

    agent: Agent
    few: int  # a job with a few chunks
    many: int  # a job with many


@dataclass(frozen=True)
class Bench:
    scale: Scale
    address: str  # of the server
    database: str  # that it serves
    client: Client
    connection: psycopg2.extensions.connection
    inside: Agent  # on a copy of that database, without a server
    new_agent: Callable[[], AbstractContextManager[Agent]]  # another one, fresh
    crowd: Crowd

    def sql(self, query: str, *params) -> list[tuple]:
        """Run a statement in the served database; returns its rows."""
        with self.connection.cursor() as cursor:
            cursor.execute(query, params or None)
            return cursor.fetchall() if cursor.description else []

    def wait(self, condition: Callable, what: str, every_s: float = LOOK_S):
        """Ask until something is there; returns it."""
        deadline = time.monotonic() + PATIENCE_S
        while not (found := condition()):
            if time.monotonic() > deadline:
                raise Invalid(f"{what} did not come about within {PATIENCE_S} seconds")
            time.sleep(every_s)
        return found

    # -- the batch API, as any program uses it -----------------------------------------------------

    def submit(self, operations: list[dict], **options) -> int:
        return self.client.batch("submit", operations=operations, **options)["job_id"]

    def follow(self, status: dict) -> dict:
        """Ask for the status of a job until it is over, when it may be; returns the last one."""
        deadline = time.monotonic() + PATIENCE_S
        while not status["finished_at"]:
            if time.monotonic() > deadline:
                raise Invalid(f"job {status['job_id']} was not over within {PATIENCE_S} seconds")
            time.sleep(pause_s(status))
            status = self.client.batch("status", job_id=status["job_id"])
        return status

    def look_after(self, job: int) -> None:
        """Wait until all records of a job have succeeded, without asking the server."""

        def final():
            [(state,)] = self.sql("SELECT state FROM batch_job WHERE id = %s", job)
            return state if state in FINAL else None

        state = self.wait(final, f"the end of job {job}")
        if state != "completed":
            raise Invalid(f"a job ended as {state}")

    def run_s(self, job: int) -> float:
        """Seconds from the start of a job's first chunk to the end of its last."""
        [(seconds,)] = self.sql(
            "SELECT extract(epoch FROM max(finished_at) - min(claimed_at))::float FROM batch_chunk WHERE job_id = %s",
            job,
        )
        return seconds

    def expect_partners(self, mark: str, wanted: int) -> None:
        [(count,)] = self.sql("SELECT count(*) FROM res_partner WHERE ref LIKE %s", f"{mark}-%")
        if count != wanted:
            raise Invalid(f"{count:,} partners instead of {wanted:,}")

    def rest(self) -> None:
        time.sleep(REST_S)
