"""What can go wrong, by what follows from it."""

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


# Odoo's answer holds the arguments of an exception, and for a message their texts, one below the other: the two below
# look as any other text and list in the first, and make up the message in the second.


class _Text(str):
    """All of the message, whose text is all of it but its last line."""

    __slots__ = ("shown",)

    def __new__(cls, message, shown):
        self = super().__new__(cls, message)
        self.shown = shown
        return self

    def __str__(self):
        return self.shown


class _Errors(list):
    """All problems, whose text is the last line of the message."""

    def __init__(self, errors, shown):
        super().__init__(errors)
        self.shown = shown

    def __str__(self):
        return self.shown


class BatchExecutionError(UserError):
    """An inline execution that could not go on."""

    def __init__(self, message, failed_operations=None, partial_results=None):
        super().__init__(message)
        self.failed_operations = list(failed_operations or [])
        self.partial_results = partial_results or {}


class TransactionControlError(Exception):
    """User code tried to end the transaction that belongs to its chunk."""


class TransactionEnded(TransactionControlError):
    """User code has ended the transaction that belongs to its chunk, by ways that can't be barred to it."""


class NotAlone(Exception):
    """It failed inside a savepoint shared with others; the caller rolls that back and runs the parts again."""


class ChunkTimeout(Exception):
    """The attempt ran longer than it may."""


class ClaimLost(Exception):
    """The chunk is no longer ours: another lane has taken it over."""


class SignalsAreNew(Exception):
    """Other processes have changed models or cached data: a claim must be made with what is true now."""


class ChunkBroken(Exception):
    """A chunk whose row can't even be read; the cause says why."""

    def __init__(self, chunk_id):
        super().__init__(chunk_id)
        self.chunk_id = chunk_id


class JobBroken(Exception):
    """A job that can't be counted or moved on; the cause says why."""

    def __init__(self, job_id):
        super().__init__(job_id)
        self.job_id = job_id


class LoadError(ValueError):
    """An import row that `Model.load` refused, with all its reasons."""

    def __init__(self, texts):
        super().__init__(texts)
        self.texts = texts

    def __str__(self):
        return "\n".join(dict.fromkeys(self.texts))
