"""The exceptions of the addon. A class says what the engine, or the caller, does next."""

from odoo.exceptions import UserError, ValidationError


class BatchValidationError(ValidationError):
    """A submission that was refused as a whole; nothing of it is stored.

    `arguments` on the wire: `[message, [{"operation", "record", "key", "message"}, ...]]`.
    """

    def __init__(self, message, validation_errors=None):
        super().__init__(message)
        self.message = message
        self.validation_errors = list(validation_errors or ())
        first, last = message.rsplit("\n", 1) if "\n" in message else (message, "")
        self.args = (_Text(message, first), _Errors(self.validation_errors, last))

    def __str__(self):
        return self.message

    @classmethod
    def from_problems(cls, env, problems):
        """Build it from collected `Problems`: the first are spelled out, the rest counted."""
        lines = problems.lines()
        head = env._("The batch was refused, nothing of it is stored. Problems found: %s", problems.count)
        more = problems.count - len(lines)
        if more > 0:
            lines.append(env._("... and %s more", more))
        return cls("\n".join([head, *(f"- {line}" for line in lines)]), problems.as_dicts())


# Odoo's answer has the arguments of an exception as JSON, and as its message the `str()` of each, joined by newlines. As JSON,
# the two classes below are the message and the list of problems; joined, their texts are the message again.


class _Text(str):
    """The message as a value; as a text, the message without its last line."""

    __slots__ = ("shown",)

    def __new__(cls, message, shown):
        self = super().__new__(cls, message)
        self.shown = shown
        return self

    def __str__(self):
        return self.shown


class _Errors(list):
    """The problems as a value; as a text, the last line of the message."""

    def __init__(self, errors, shown):
        super().__init__(errors)
        self.shown = shown

    def __str__(self):
        return self.shown


class BatchExecutionError(UserError):
    """`execute` could not go on; the results so far are in `partial_results`."""

    def __init__(self, message, failed_operations=None, partial_results=None):
        super().__init__(message)
        self.failed_operations = list(failed_operations or [])
        self.partial_results = partial_results or {}


class TransactionControlError(Exception):
    """User code tried to commit or roll back the transaction of its chunk. Its records fail."""


class TransactionEnded(TransactionControlError):
    """User code did commit or roll back the transaction of its chunk, in a way that the guard can't prevent."""


class NeedsSavepoint(Exception):
    """A chunk failed in a savepoint that it shares with others; the caller rolls back and runs them in smaller groups."""


class ChunkTimeout(Exception):
    """The attempt took longer than its timeout."""


class ClaimLost(Exception):
    """Another lane has taken the chunk over: what was done in this attempt must be rolled back."""


class SignalsAreNew(Exception):
    """Another process has changed models or cached data: reload them, then claim again."""


class ChunkBroken(Exception):
    """The row of a chunk can't be read, `__cause__` says why: the chunk is set aside."""

    def __init__(self, chunk_id):
        super().__init__(chunk_id)
        self.chunk_id = chunk_id


class JobBroken(Exception):
    """A job can't be counted or moved on, `__cause__` says why: lanes leave it alone for a while."""

    def __init__(self, job_id):
        super().__init__(job_id)
        self.job_id = job_id


class LoadError(ValueError):
    """`Model.load` refused an import row, for these reasons."""

    def __init__(self, texts):
        super().__init__(texts)
        self.texts = texts

    def __str__(self):
        return "\n".join(dict.fromkeys(self.texts))
