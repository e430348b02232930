"""What to do with a chunk whose attempt was interrupted: try again, in halves, or fail it.

An error of a record interrupts nothing: it is isolated inside its attempt.
"""

from dataclasses import dataclass

from .backoff import next_delay

#: What interrupted an attempt.
CONFLICT = "conflict"  # serialization failure, deadlock, lock not available, connection lost
TIMEOUT = "timeout"
LOST = "lost"  # its worker died
ENDED = "ended"  # its code has ended the transaction, and nothing of it was committed

RETRY, HALVE, FAIL = "retry", "halve", "fail"

#: `error_type` of the records once their chunk is failed.
ERROR_TYPES = {CONFLICT: "ConcurrencyError", TIMEOUT: "TimeoutError", LOST: "WorkerLostError", ENDED: "TransactionControlError"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision, and how long (in seconds) to wait before it takes effect."""

    action: str
    delay_s: float = 0.0
    error_type: str | None = None


def decide(interruption: str, *, attempt: int, parts: int, retry_attempts: int) -> Verdict:
    """Judge an attempt that was interrupted and rolled back.

    :param interruption: one of the constants of this module
    :param attempt: attempts made at this chunk, this one included
    :param parts: into how many parts it could be cut. What took too long, killed its worker or ended the transaction is
        halved, so that all records succeed but the one to blame
    """
    if interruption in (TIMEOUT, LOST, ENDED) and parts > 1:
        return Verdict(HALVE)
    if attempt <= retry_attempts and interruption != ENDED:
        return Verdict(RETRY, 0.0 if interruption == LOST else next_delay(attempt))
    return Verdict(FAIL, error_type=ERROR_TYPES[interruption])
