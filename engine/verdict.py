"""What to do about an attempt that came to nothing: try again, in halves, or give up.

A plain error of a record is no such case: it is isolated inside its attempt.
"""

from dataclasses import dataclass

from .backoff import next_delay

#: Why an attempt came to nothing.
CONFLICT = "conflict"  # serialization failure, deadlock, lock not available, connection lost
TIMEOUT = "timeout"
LOST = "lost"  # its worker died
ENDED = "ended"  # its code has ended the transaction, and nothing of it was committed

RETRY, HALVE, FAIL = "retry", "halve", "fail"

#: `error_type` of the records once we give up.
ERROR_TYPES = {CONFLICT: "ConcurrencyError", TIMEOUT: "TimeoutError", LOST: "WorkerLostError", ENDED: "TransactionControlError"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision, and how long (in seconds) to wait before it takes effect."""

    action: str
    delay_s: float = 0.0
    error_type: str | None = None


def decide(trouble: str, *, attempt: int, parts: int, retry_attempts: int) -> Verdict:
    """Judge an attempt that was rolled back.

    :param attempt: attempts made at this chunk, this one included
    :param parts: into how many parts it could be cut; what took too long, killed its worker or ended the transaction is
        halved, so that what fits gets through and what does not ends up alone
    """
    if trouble in (TIMEOUT, LOST, ENDED) and parts > 1:
        return Verdict(HALVE)
    if attempt <= retry_attempts and trouble != ENDED:
        return Verdict(RETRY, 0.0 if trouble == LOST else next_delay(attempt))
    return Verdict(FAIL, error_type=ERROR_TYPES[trouble])
