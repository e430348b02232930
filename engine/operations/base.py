"""What a type of operation says of itself."""

from typing import Any

from ..operation import Operation
from ..reader import Reader


class OperationType:
    """How operations of one type are submitted."""

    #: Its `operation_type`, and other names that callers may use for it.
    name: str
    aliases: tuple[str, ...] = ()
    #: What people read.
    label: str
    #: The keys it takes, beside those that all types take.
    keys: frozenset[str]
    #: Whether its result is the ids of the records, which others may refer to.
    produces_ids = False

    def parse(self, reader: Reader, operation: Operation) -> None:
        """Read its own keys from `reader.raw`, and set `items`, `params`, `selection` by them."""
        raise NotImplementedError

    def as_sent(self, item: Any, params: dict) -> dict[str, Any]:
        """The same keys for an operation of just one item, as a chunk holds it: the inverse of `parse`."""
        raise NotImplementedError
