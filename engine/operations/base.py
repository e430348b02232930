"""Base class of the types of operations."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..operation import Operation
from ..reader import Reader


@dataclass(frozen=True, slots=True)
class Form:
    """One way to submit an operation of a type: its keys, each with its JSON Schema, besides those that all types have."""

    required: dict[str, Any]
    optional: dict[str, Any]


class OperationType:
    """How operations of one type are submitted."""

    #: Its `operation_type`, and other names that callers may use for it.
    name: str
    aliases: tuple[str, ...] = ()
    #: Name of the type in the backend.
    label: str
    #: The ways to submit it.
    forms: tuple[Form, ...] = ()
    #: Whether callers may submit it.
    is_submitted = True
    #: Whether its result is ids, which other operations may refer to.
    produces_ids = False
    #: Whether it is told of each record what became of it, see `engine/effects.py`.
    has_effects = False

    @cached_property
    def keys(self) -> frozenset[str]:
        """Its keys, besides those that all types have."""
        return frozenset().union(*(form.required | form.optional for form in self.forms))

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
