"""Kinds of values that callers give as options and parameters: what each accepts, as a check and as a JSON Schema."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .reader import MAX_NAME, is_id, is_name
from .values import MAX_INTEGER

#: How true and false are written as text.
BOOLEANS = {"true": True, "1": True, "false": False, "0": False}

_INTEGER = re.compile(r"[+-]?[0-9]{1,20}")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of value."""

    #: Returns a value in its normal form; raises a `ValueError` that says what it must be.
    read: Callable[[Any], Any]
    #: What `read` accepts, as a JSON Schema with a `type`.
    schema: dict[str, Any]

    def read_text(self, text: str) -> Any:
        """Read a value that is written as text, as in an address: `true`, `500`, `5%`; commas separate a list, an object is JSON.

        :raises ValueError: says what it must be
        """
        return self.read(self.typed(text))

    def typed(self, text: str) -> Any:
        """The value that a text stands for, not checked yet."""
        types = self.schema["type"]
        if "boolean" in types:
            return BOOLEANS.get(text.lower(), text)
        if ("integer" in types or "number" in types) and _INTEGER.fullmatch(text):
            return int(text)
        if "number" in types or "object" in types:
            try:
                return float(text) if "number" in types else json.loads(text)
            except (ValueError, RecursionError):
                return text
        return [part.strip() for part in text.split(",")] if "array" in types else text


def integer(low: int, high: int = MAX_INTEGER, description: str = "") -> Kind:
    """A whole number within bounds."""

    def read(value):
        if value.__class__ is not int or not low <= value <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return value

    return Kind(read, {"type": "integer", "minimum": low, "maximum": high, "description": description})


def boolean(description: str = "") -> Kind:
    """True or false."""

    def read(value):
        if not isinstance(value, bool):
            raise ValueError("must be true or false")
        return value

    return Kind(read, {"type": "boolean", "description": description})


def text(limit: int, description: str = "") -> Kind:
    """A text that is not blank, of at most `limit` characters."""

    def read(value):
        if not is_name(value) or len(value) > limit:
            raise ValueError(f"must be a text of 1 to {limit} characters")
        return value

    return Kind(read, {"type": "string", "maxLength": limit, "pattern": r"\S", "description": description})


def one_of(values: tuple[str, ...], description: str = "") -> Kind:
    """One of some texts."""

    def read(value):
        if value not in values:
            raise ValueError(f"must be one of {', '.join(values)}")
        return value

    return Kind(read, {"type": "string", "enum": list(values), "description": description})


def server_action(description: str = "") -> Kind:
    """The id or the external id of a server action."""

    def read(value):
        if is_id(value) or (is_name(value) and value.count(".") == 1):
            return value
        raise ValueError("must be the id or the external id (module.name) of a server action")

    return Kind(
        read,
        {"type": ["integer", "string"], "minimum": 1, "pattern": r"^[^.]*\.[^.]*$", "maxLength": MAX_NAME, "description": description},
    )
