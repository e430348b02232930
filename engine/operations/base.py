"""Base class of the types of operations."""

from typing import Any

from ..operation import Operation
from ..reader import Reader


class OperationType:
    """How operations of one type are submitted."""

    #: Its `operation_type`, and other names that callers may use for it.
    name: str
    aliases: tuple[str, ...] = ()
    #: Name of the type in the backend.
    label: str
    #: Its keys, besides those that all types have.
    keys: frozenset[str]
    #: Whether callers may submit it.
    is_submitted = True
    #: Whether its result is ids, which other operations may refer to.
    produces_ids = False
    #: Whether it is told of each record what became of it, see `engine/effects.py`.
    has_effects = False

    def parse(self, reader: Reader, operation: Operation) -> None:
        """Read the keys of this type.

        :param reader: has the raw operation; problems are added to it
        :param operation: to be completed: `items`, `params`, `selection`
        """
        raise NotImplementedError

    def as_sent(self, item: Any, params: dict) -> dict[str, Any]:
        """The raw keys of an operation with just one item: the inverse of `parse`.

        :param item: as chunks hold it
        :param params: of its chunk
        """
        raise NotImplementedError
