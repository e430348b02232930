"""The exceptions of the addon. Each class stands for one reaction of the engine or the caller."""

from odoo.exceptions import UserError, ValidationError


class BatchValidationError(ValidationError):
    """A submission was refused as a whole; nothing of it is stored.

    In Odoo's JSON answer, `arguments` is `[message, [{"operation", "record", "key", "message"}, ...]]`.

    :param str message: text for users, which lists the first problems
    :param list validation_errors: all problems kept, as dicts
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
        """Make the exception from collected `Problems`: the message lists the first ones, and counts the others.

        :param env: an environment for the language of the message
        :param Problems problems: at least one
        """
        lines = problems.lines()
        head = env._("The batch was refused, nothing of it is stored. Problems found: %s", problems.count)
        more = problems.count - len(lines)
        if more > 0:
            lines.append(env._("... and %s more", more))
        return cls("\n".join([head, *(f"- {line}" for line in lines)]), problems.as_dicts())


class ParameterError(BatchValidationError):
    """The parameters in the address of a request can't be used."""


# Odoo's JSON answer contains the exception's `args` as JSON, and a message made of the `str()` of each, joined by newlines. The two
# classes below become the message and the list of problems as JSON, while their joined `str()`s are the message once.


class _Text(str):
    """The whole message; its `str()` is the message without the last line."""

    __slots__ = ("shown",)

    def __new__(cls, message, shown):
        self = super().__new__(cls, message)
        self.shown = shown
        return self

    def __str__(self):
        return self.shown


class _Errors(list):
    """The list of problems; its `str()` is the last line of the message."""

    def __init__(self, errors, shown):
        super().__init__(errors)
        self.shown = shown

    def __str__(self):
        return self.shown


class BatchExecutionError(UserError):
    """`execute` could not continue.

    :param str message: text for users
    :param list failed_operations: names of the operations that have not completed
    :param dict partial_results: the result object so far
    """

    def __init__(self, message, failed_operations=None, partial_results=None):
        super().__init__(message)
        self.failed_operations = list(failed_operations or [])
        self.partial_results = partial_results or {}


class TransactionControlError(Exception):
    """User code tried to commit or roll back the transaction of its chunk, which was prevented. Its records fail."""


class TransactionEnded(TransactionControlError):
    """User code ended the transaction of its chunk in a way that the guard can't prevent."""


class NeedsSavepoint(Exception):
    """A chunk failed in a savepoint shared with other chunks; the caller rolls back and runs them in smaller groups."""


class ChunkTimeout(Exception):
    """The attempt took longer than its timeout."""


class ClaimLost(Exception):
    """Another lane has taken over the chunk: this attempt must be rolled back."""


class SignalsAreNew(Exception):
    """Another process has changed models or cached data: roll the claim back, apply the signals, and claim again."""


class ChunkBroken(Exception):
    """The row of a chunk can't be read (see `__cause__`): the chunk is set aside."""

    def __init__(self, chunk_id):
        super().__init__(chunk_id)
        self.chunk_id = chunk_id


class JobBroken(Exception):
    """A job can't be counted or advanced (see `__cause__`): it is taken out of the queue for a while."""

    def __init__(self, job_id):
        super().__init__(job_id)
        self.job_id = job_id


class LoadError(ValueError):
    """`Model.load` refused rows.

    :param list texts: the import's messages
    """

    def __init__(self, texts):
        super().__init__(texts)
        self.texts = texts

    def __str__(self):
        return "\n".join(dict.fromkeys(self.texts))


class ChangedSinceError(UserError):
    """A record is not what it was when a job has changed it, or a plan has seen it: it is left alone."""


class NotUndoable(UserError):
    """What a job has done to a record can't be taken back."""
