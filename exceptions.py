"""What can go wrong, by what follows from it."""

from odoo.exceptions import UserError, ValidationError


class BatchValidationError(ValidationError):
    """A submission that was refused as a whole; nothing of it is stored.

    `arguments` on the wire: `[message, [{"operation", "record", "key", "message"}, ...]]`.
    """

    def __init__(self, message, validation_errors=None):
        super().__init__(message)
        self.validation_errors = list(validation_errors or ())
        self.args = (message, _Quiet(self.validation_errors))

    def __str__(self):
        return self.args[0]

    @classmethod
    def from_problems(cls, env, problems):
        """Build it from collected `Problems`: the first are spelled out, the rest counted."""
        lines = problems.lines()
        head = env._("The batch was refused, nothing of it is stored. Problems found: %s", problems.count)
        more = problems.count - len(lines)
        if more > 0:
            lines.append(env._("... and %s more", more))
        return cls("\n".join([head, *(f"- {line}" for line in lines)]), problems.as_dicts())


class _Quiet(list):
    """A list that adds nothing where Odoo joins the texts of an exception's arguments into its message."""

    def __str__(self):
        return ""


class BatchExecutionError(UserError):
    """An inline execution that could not go on."""

    def __init__(self, message, failed_operations=None, partial_results=None):
        super().__init__(message)
        self.failed_operations = list(failed_operations or [])
        self.partial_results = partial_results or {}


class TransactionControlError(Exception):
    """User code tried to end the transaction that belongs to its chunk."""


class ChunkTimeout(Exception):
    """The attempt ran longer than it may."""


class ClaimLost(Exception):
    """The chunk is no longer ours: another lane has taken it over."""
