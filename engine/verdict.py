"""Decides what to do with a chunk whose attempt was interrupted: retry it, halve it, or fail it.

An error of a record is no interruption: it is isolated inside the attempt.
"""

from dataclasses import dataclass

from .backoff import next_delay

#: What interrupted an attempt.
CONFLICT = "conflict"  # serialization failure, deadlock, lock not available, connection lost
TIMEOUT = "timeout"
LOST = "lost"  # the worker died
ENDED = "ended"  # user code ended the transaction, and nothing was committed

RETRY, HALVE, FAIL = "retry", "halve", "fail"

#: Interruption -> `error_type` of the records of a failed chunk.
ERROR_TYPES = {CONFLICT: "ConcurrencyError", TIMEOUT: "TimeoutError", LOST: "WorkerLostError", ENDED: "TransactionControlError"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision, the wait before a retry (seconds), and the error type of records that fail."""

    action: str
    delay_s: float = 0.0
    error_type: str | None = None


def decide(interruption: str, *, attempt: int, parts: int, retry_attempts: int) -> Verdict:
    """Decide about a chunk whose attempt was interrupted and rolled back.

    A chunk that took too long, killed its worker or ended the transaction is halved, so that in the end only the record that
    causes it fails.

    :param interruption: `CONFLICT`, `TIMEOUT`, `LOST` or `ENDED`
    :param attempt: attempts made at this chunk, including this one
    :param parts: number of parts that the chunk can be cut into
    :param retry_attempts: most retries of the chunk
    """
    if interruption in (TIMEOUT, LOST, ENDED) and parts > 1:
        return Verdict(HALVE)
    if attempt <= retry_attempts and interruption != ENDED:
        return Verdict(RETRY, 0.0 if interruption == LOST else next_delay(attempt))
    return Verdict(FAIL, error_type=ERROR_TYPES[interruption])
