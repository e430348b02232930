"""The payload of a chunk: its items, and the operation and place that each came from."""

import json
import math
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import Enum
from typing import Any

from .operations import PRODUCES_IDS
from .values import can_be_id

#: The layout of stored JSON.
COMPACT = {"separators": (",", ":")}
#: Types of values that hold other values; a tuple is a command of an x2many field.
CONTAINERS = (dict, list, tuple)


class Kept:
    """A value that is kept elsewhere until it is written as JSON."""

    def as_json(self) -> Any:
        """The value."""
        raise NotImplementedError


def dumps(value: Any, **layout: Any) -> str:
    """A value as JSON text, compact by default.

    :param layout: other options of `json.dumps`
    :raises TypeError, ValueError, RecursionError: the value has no JSON form
    """
    if layout:
        text = json.dumps(value, ensure_ascii=False, default=json_default, **layout)
    else:
        text = _compact(value)
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate: PostgreSQL and browsers accept only its escaped form
        text = json.dumps(value, default=json_default, **(layout or COMPACT))
    return text


def indented(text: str, limit: int | None = None) -> str:
    """JSON text indented for people; text that is no JSON is returned unchanged.

    :param limit: characters; longer text is cut off there and not indented
    """
    if limit is not None and len(text) > limit:
        return text[:limit] + " …"
    try:
        return dumps(json.loads(text), indent=2)
    except (ValueError, RecursionError):
        return text


def json_default(value: Any) -> Any:
    """JSON form of values besides plain JSON that Python callers and XML-RPC may send.

    :raises TypeError: the value has no JSON form
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
    if isinstance(value, Kept):
        return value.as_json()
    raise TypeError(f"{type(value).__name__} {value!r:.50}")


#: One for all, as making it takes longer than most values.
_compact = json.JSONEncoder(ensure_ascii=False, default=json_default, **COMPACT).encode


def dumps_strictly(value: Any) -> str:
    """As `dumps`, but as everybody reads it: NaN and infinity, which Python reads and writes and JSON does not know, become texts.

    Odoo takes such a text for the same number, or refuses both.

    :raises TypeError, ValueError, RecursionError: as `dumps`
    """
    text = dumps(value)
    return dumps(_without_odd_numbers(value)) if "NaN" in text or "Infinity" in text else text


def _without_odd_numbers(value):
    if isinstance(value, dict):
        return {key: _without_odd_numbers(held) for key, held in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_odd_numbers(held) for held in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


class BadPayload(ValueError):
    """The stored text of a payload is damaged."""


def copied(value: Any) -> Any:
    """A deep copy of a JSON value, or of values with commands: the code that gets it may change it at any depth."""
    kind = value.__class__
    if kind is dict:
        return {key: copied(item) if item.__class__ in CONTAINERS else item for key, item in value.items()}
    if kind is list:
        return [copied(item) if item.__class__ in CONTAINERS else item for item in value]
    if kind is tuple:
        return tuple(map(copied, value))
    return value


@dataclass(slots=True)
class Payload:
    """The items of one chunk. `operations` and `indexes` hold the operation and the place in its data of each item.

    All items of a chunk share `params` (what the operation type needs besides them) and `context`. `is_retry`: items of it have
    failed before, and their failures are to be told what becomes of them now.
    """

    items: list
    operations: list
    indexes: list
    params: dict = field(default_factory=dict)
    context: dict = field(default_factory=dict)
    is_retry: bool = False

    def __len__(self):
        return len(self.items)

    def subset(self, positions: list[int]) -> "Payload":
        """The same chunk with only some of its items."""
        return replace(
            self,
            items=[self.items[position] for position in positions],
            operations=[self.operations[position] for position in positions],
            indexes=[self.indexes[position] for position in positions],
        )

    @property
    def is_whole(self) -> bool:
        """Whether the records of an operation must stay together, because the method of a `call` gets them as one set."""
        return bool(self.params.get("set"))

    @property
    def parts(self) -> int:
        """The number of parts it can be cut into."""
        if self.is_whole:
            return len(dict.fromkeys(self.operations))
        return len(self.items)

    def halves(self) -> tuple["Payload", "Payload"]:
        """Cut it in two; where operations share it, between two of them.

        So no operation is in two shared chunks (see `batch.chunk`). Needs at least two `parts`.
        """
        middle = len(self.items) // 2
        if self.is_shared:
            middle = nearest_cut(self.operations, middle)
        return self.subset(list(range(middle))), self.subset(list(range(middle, len(self.items))))

    def cut(self, size: int) -> tuple["Payload", "Payload | None"]:
        """Cut off the first `size` items; in a shared chunk more, up to the end of an operation.

        :returns: `(first part, rest)`; the rest is None where nothing is left or it can't be cut
        """
        if size >= len(self.items) or (self.is_whole and not self.is_shared):
            return self, None
        if self.is_shared:
            while size < len(self.items) and self.operations[size] == self.operations[size - 1]:
                size += 1
        if size == len(self.items):
            return self, None
        return self.subset(list(range(size))), self.subset(list(range(size, len(self.items))))

    def split(self, size: int) -> list["Payload"]:
        """Cut it into parts of `size` items, as `cut` does."""
        parts, rest = [], self
        while rest is not None:
            part, rest = rest.cut(size)
            parts.append(part)
        return parts

    def without_values(self, operation_type: str, keep_params: bool) -> "Payload":
        """The payload without the values to be written; ids of existing records stay.

        :param keep_params: keep parameters and context, because some records may run again
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
        """Whether it has records of several operations."""
        return any(operation != self.operations[0] for operation in self.operations)

    @property
    def sole_operation(self) -> int | None:
        """The operation of all its items; None where several share it."""
        return None if self.is_shared else self.operations[0]

    def encode(self) -> str:
        """The text that is stored; `decode` reads it.

        One number stands for equal `operations`, and the first one for consecutive `indexes`.
        """
        operations = self.operations
        if operations and not self.is_shared:
            operations = operations[0]
        indexes = self.indexes
        if indexes and indexes == list(range(indexes[0], indexes[0] + len(indexes))):
            indexes = indexes[0]
        parts = {
            "items": self.items,
            "operations": operations,
            "indexes": indexes,
            "params": self.params,
            "context": self.context,
        }
        return dumps({**parts, "retry": True} if self.is_retry else parts)

    @classmethod
    def decode(cls, text: str) -> "Payload":
        """Read the text that `encode` has written.

        :raises BadPayload: the text is damaged
        """
        try:
            raw = json.loads(text)
            items, operations, indexes = raw["items"], raw["operations"], raw["indexes"]
            if not isinstance(operations, list):
                operations = [operations] * len(items)
            if not isinstance(indexes, list):
                indexes = list(range(indexes, indexes + len(items)))
            payload = cls(items, operations, indexes, raw["params"], raw["context"], bool(raw.get("retry")))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise BadPayload("The stored text of a payload is damaged.") from error
        if not payload._is_sound:
            raise BadPayload("The stored text of a payload is damaged.")
        return payload

    @property
    def _is_sound(self) -> bool:
        """Whether each item has an operation and a place, and all parts have the right type."""
        return (
            isinstance(self.items, list)
            and len(self.operations) == len(self.indexes) == len(self.items)
            and {*map(type, self.operations), *map(type, self.indexes)} <= {int}
            and isinstance(self.params, dict)
            and isinstance(self.context, dict)
        )


def nearest_cut(operations: list, middle: int) -> int:
    """The position nearest to `middle` where another operation begins.

    :raises ValueError: there is only one operation
    """
    cuts = [place for place in range(1, len(operations)) if operations[place] != operations[place - 1]]
    return min(cuts, key=lambda place: abs(place - middle))


def named_id(item: Any) -> int | None:
    """The record id in an item of an update, delete or call; None where it names no record."""
    id_ = item[0] if isinstance(item, list) and item else item
    return id_ if can_be_id(id_) else None
