"""A change of one record: what it was before, and what it was afterwards."""

from dataclasses import dataclass
from typing import Any

CREATE, UPDATE, DELETE = "create", "update", "delete"
#: Actions with their labels, for a field of the backend.
ACTION_LABELS = [(CREATE, "Created"), (UPDATE, "Updated"), (DELETE, "Deleted")]


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


def change_entry(row: dict) -> dict[str, Any]:
    """A change as the API shows it.

    :param row: of `store.changes`, with `before` and `after` decoded
    """
    return {
        "operation_id": row["operation_name"],
        "index": row["index"],
        "model": row["model"],
        "record_id": row["record_id"],
        "action": row["action"],
        "before": row["before"],
        "after": row["after"],
    }
