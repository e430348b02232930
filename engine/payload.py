"""What a chunk carries: its items, and where each of them came from."""

import json
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum
from typing import Any

from .operations import PRODUCES_IDS
from .values import can_be_id

#: What a JSON value may hold others in.
CONTAINERS = (dict, list)


def dumps(value: Any, **layout: Any) -> str:
    """JSON kept as text: exact, empty values and all; compact but for another `layout`."""
    layout = layout or {"separators": (",", ":")}
    text = json.dumps(value, ensure_ascii=False, default=json_default, **layout)
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate: PostgreSQL, and a browser, take it only in its escaped form
        text = json.dumps(value, default=json_default, **layout)
    return text


def indented(text: str, limit: int | None = None) -> str:
    """JSON text laid out for people; what is none, or longer than `limit`, as it stands."""
    if limit is not None and len(text) > limit:
        return text[:limit] + " …"
    try:
        return dumps(json.loads(text), indent=2)
    except (ValueError, RecursionError):
        return text


def json_default(value: Any) -> Any:
    """JSON form of what Python callers and XML-RPC may send besides plain JSON.

    :raises TypeError: it has none
    """
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")  # Odoo's own format
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode()  # base64, in Odoo's binary fields
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} {value!r:.50}")


class BadPayload(ValueError):
    """The stored text of a payload is damaged."""


def copied(value: Any) -> Any:
    """A copy of a JSON value that shares no list and no dict with it: code it is handed to may change it at any depth."""
    kind = value.__class__
    if kind is dict:
        return {key: copied(item) if item.__class__ in CONTAINERS else item for key, item in value.items()}
    if kind is list:
        return [copied(item) if item.__class__ in CONTAINERS else item for item in value]
    return value


@dataclass(slots=True)
class Payload:
    """The items of one chunk. `operations` and `indexes` say for each item whose it is, and where it stood.

    All items of a chunk share `params` (what the operation type needs besides them) and `context`.
    """

    items: list
    operations: list
    indexes: list
    params: dict = field(default_factory=dict)
    context: dict = field(default_factory=dict)

    def __len__(self):
        return len(self.items)

    def subset(self, positions: list[int]) -> "Payload":
        """The same chunk with only some of its items."""
        return Payload(
            [self.items[position] for position in positions],
            [self.operations[position] for position in positions],
            [self.indexes[position] for position in positions],
            self.params,
            self.context,
        )

    @property
    def is_whole(self) -> bool:
        """Whether the records of an operation must stay together: the method of a `call` sees them as one set."""
        return bool(self.params.get("set"))

    @property
    def parts(self) -> int:
        """Into how many parts it could be cut."""
        if self.is_whole:
            return len(dict.fromkeys(self.operations))
        return len(self.items)

    def halves(self) -> tuple["Payload", "Payload"]:
        """Cut it in two, between two operations if it holds several.

        An operation is then never in two chunks that hold others as well: see `batch.chunk`. Needs two `parts`.
        """
        middle = len(self.items) // 2
        if self.is_shared:
            middle = nearest_cut(self.operations, middle)
        return self.subset(list(range(middle))), self.subset(list(range(middle, len(self.items))))

    def cut(self, size: int) -> tuple["Payload", "Payload | None"]:
        """The first `size` items (more, if one operation would be torn from others), and the rest."""
        if size >= len(self.items) or (self.is_whole and not self.is_shared):
            return self, None
        if self.is_shared:
            while size < len(self.items) and self.operations[size] == self.operations[size - 1]:
                size += 1
        if size == len(self.items):
            return self, None
        return self.subset(list(range(size))), self.subset(list(range(size, len(self.items))))

    def split(self, size: int) -> list["Payload"]:
        """All of it, in parts of `size` items (see `cut`)."""
        parts, rest = [], self
        while rest is not None:
            part, rest = rest.cut(size)
            parts.append(part)
        return parts

    def without_values(self, operation_type: str, keep_params: bool) -> "Payload":
        """The same places without what was to be written there: just the ids of the records that were named.

        :param keep_params: some of it may run again, by the same parameters
        """
        names_records = operation_type not in PRODUCES_IDS
        return Payload(
            [named_id(item) if names_records else None for item in self.items],
            self.operations,
            self.indexes,
            self.params if keep_params else {},
            self.context if keep_params else {},
        )

    @property
    def is_shared(self) -> bool:
        """Whether it holds records of several operations."""
        return any(operation != self.operations[0] for operation in self.operations)

    @property
    def sole_operation(self) -> int | None:
        """The operation that all its items belong to; None where it is shared."""
        return None if self.is_shared else self.operations[0]

    def encode(self) -> str:
        operations = self.operations
        if operations and not self.is_shared:
            operations = operations[0]
        indexes = self.indexes
        if indexes and indexes == list(range(indexes[0], indexes[0] + len(indexes))):
            indexes = indexes[0]
        return dumps(
            {
                "items": self.items,
                "operations": operations,
                "indexes": indexes,
                "params": self.params,
                "context": self.context,
            }
        )

    @classmethod
    def decode(cls, text: str) -> "Payload":
        """Read what `encode` has written.

        :raises BadPayload: the text is damaged
        """
        try:
            raw = json.loads(text)
            items, operations, indexes = raw["items"], raw["operations"], raw["indexes"]
            if not isinstance(operations, list):
                operations = [operations] * len(items)
            if not isinstance(indexes, list):
                indexes = list(range(indexes, indexes + len(items)))
            payload = cls(items, operations, indexes, raw["params"], raw["context"])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise BadPayload("The stored text of a payload is damaged.") from error
        if not payload._is_sound:
            raise BadPayload("The stored text of a payload is damaged.")
        return payload

    @property
    def _is_sound(self) -> bool:
        """Whether each item has an operation and a place, and parameters and context are what they should be."""
        return (
            isinstance(self.items, list)
            and len(self.operations) == len(self.indexes) == len(self.items)
            and {*map(type, self.operations), *map(type, self.indexes)} <= {int}
            and isinstance(self.params, dict)
            and isinstance(self.context, dict)
        )


def nearest_cut(operations: list, middle: int) -> int:
    """The place nearest to `middle` where one operation ends and another begins."""
    cuts = [place for place in range(1, len(operations)) if operations[place] != operations[place - 1]]
    return min(cuts, key=lambda place: abs(place - middle))


def named_id(item: Any) -> int | None:
    """The id of the record that an item of an update, a delete or a call names; None where it names none."""
    id_ = item[0] if isinstance(item, list) and item else item
    return id_ if can_be_id(id_) else None
