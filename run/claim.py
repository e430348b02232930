"""What a lane holds while it runs a chunk."""

import json
import os
import socket
from dataclasses import dataclass
from decimal import Decimal

from ..engine.payload import Payload

#: Keys of a caller's context that mean nothing outside its own request.
TRANSIENT_CONTEXT = frozenset(
    (
        "active_id",
        "active_ids",
        "active_model",
        "params",
        "uid",
        "bin_size",
        "guest",  # set by the module `mail` on every change of user
        "cron_id",
        "cron_end_time",
        "lastcall",
        "ir_cron_progress_id",
        "mail_notify_force_send",
        "prefetch_fields",
        "import_file",
    )
)


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


def kept_context(context):
    """What of a caller's context its job keeps: all that is plain JSON, but for what belongs to the request."""
    kept = {}
    for key, value in context.items():
        if key in TRANSIENT_CONTEXT or not isinstance(key, str):
            continue
        try:
            json.dumps(value)
        except (TypeError, ValueError, RecursionError):
            continue
        kept[key] = value
    return kept


def new_worker_name(cron_name):
    """Who runs a chunk, for people: host, process and lane."""
    return f"{socket.gethostname()}:{os.getpid()} {cron_name}"
