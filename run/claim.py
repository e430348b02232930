"""What a lane holds while it runs a chunk."""

import os
import socket
from dataclasses import dataclass
from decimal import Decimal

from ..engine.payload import Payload


@dataclass(slots=True)
class Claim:
    """A chunk that is ours as long as its row still says `number`."""

    chunk_id: int
    number: int  # `claims` of the row at our claim
    attempt: int
    kind: str
    operation_id: int | None
    operation_type: str
    model: str
    sequence: int
    payload: Payload
    waits: bool  # whether operations of this chunk depend on others
    group_keys: list
    round_no: Decimal | None  # set where it matters in which order its records, and chunks of its operation, are run
    runs_alone: bool  # with no other chunk of its job in flight
    job_id: int
    user_id: int
    context: dict
    timeout_s: float | None
    retry_attempts: int
    rollback: str
    max_failures: int
    chunk_size: int
    is_atomic: bool
    is_dry_run: bool
    is_strict: bool
    in_flight: int  # other chunks of the job that were running when it was claimed
    transaction: str | None = None  # PostgreSQL's number of the transaction of its work, once that has begun

    def __str__(self):
        return f"job {self.job_id} chunk {self.chunk_id} attempt {self.attempt}"

    @property
    def size(self):
        return len(self.payload)


def new_worker_name(cron_name):
    """Who runs a chunk, for people: host, process and lane."""
    return f"{socket.gethostname()}:{os.getpid()} {cron_name}"
