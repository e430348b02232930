"""What can go wrong: one class for each reaction of a caller."""

from __future__ import annotations

from typing import Any


class BatchError(Exception):
    """Anything that goes wrong in this package or on the server.

    :ivar message: what went wrong, in words for people
    """

    def __init__(self, message: str):
        super().__init__(message)
        self.message = message


class ConfigError(BatchError):
    """The address of the server or the API key is missing, or can't be used."""


class Refused(BatchError):
    """The server refuses what it was sent, or does not do it in the job's present state. Nothing of this request was stored.

    :ivar problems: dicts of `operation` and `record` (places in the data, from 0) or `row` (of a file), `key`, `message`; empty where
        the message says all
    """

    def __init__(self, message: str, problems: list[dict[str, Any]] | None = None):
        super().__init__(message)
        self.problems = problems or []


class AccessDenied(BatchError):
    """The API key is wrong, its user is archived, or has no right to do this."""


class NotFound(BatchError):
    """There is no such job (or not for this user), or no batch API at this address."""


class ConnectionFailed(BatchError):
    """The server can't be reached, also after several attempts."""


class AnswerLost(ConnectionFailed):
    """The request was sent, but no answer came: it is not known whether the server has done it."""


class WaitTimeout(BatchError, TimeoutError):
    """The job has not ended in the time given to `wait`; it runs on."""


class JobFailed(BatchError):
    """A job has ended with records that failed or were cancelled (`wait(check=True)`).

    :ivar status: the status object of the job
    :ivar failures: its first failures
    """

    def __init__(self, status: dict[str, Any], failures: list[dict[str, Any]]):
        stats = status["stats"]
        message = f"Batch job {status['job_id']} is {status['state']}: {stats['processed_records']} of {status['total']} records succeeded."
        if status["error"]:
            message += f" {status['error']}"
        elif failures:
            message += f" The first failure: {failures[0]['error']}"
        super().__init__(message)
        self.status = status
        self.failures = failures
