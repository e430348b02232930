"""A change of one record: what it was before, and what it was afterwards."""

import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from .payload import Kept, dumps

CREATE, UPDATE, DELETE = "create", "update", "delete"
#: Actions with their labels, for a field of the backend.
ACTION_LABELS = [(CREATE, "Created"), (UPDATE, "Updated"), (DELETE, "Deleted")]
#: Types of values that have a JSON form for sure; those of most fields.
PLAIN = frozenset((bool, date, datetime, float, int, str))


@dataclass(frozen=True, slots=True)
class Change:
    """What one item of a chunk has done to one record; values in the form of `read()`.

    `before` and `after` of an update hold the fields that differ. `before` of a creation and `after` of a deletion are empty.
    """

    position: int  # of the item in the chunk's payload
    record_id: int
    action: str
    before: dict[str, Any]
    after: dict[str, Any]
    kept: dict[str, Any] | None = None  # what is needed besides to bring `before` back; None where it is nothing

    def without_json(self) -> list[str]:
        """Names of the fields whose values have no JSON form."""
        return sorted({name for values in (self.before, self.after) for name, value in values.items() if not _has_json(value)})


def change_entry(operation_id: str, index: int, model: str, change: Change) -> dict[str, Any]:
    """A change as the API shows it; its values as they come back from JSON.

    :param operation_id: name of the operation
    :param index: place in the operation's data
    :param model: name of the model
    """
    return {
        "operation_id": operation_id,
        "index": index,
        "model": model,
        "record_id": change.record_id,
        "action": change.action,
        "before": json.loads(dumps(change.before)),
        "after": json.loads(dumps(change.after)),
    }


def _has_json(value):
    if value.__class__ in PLAIN or isinstance(value, Kept):
        return True
    try:
        dumps(value)
    except (TypeError, ValueError, RecursionError):
        return False
    return True
