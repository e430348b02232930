"""A failed record whose values were changed, as the operation that would submit just this record."""

from typing import Any

from .operation import UPDATE, Operation
from .operations import TYPES
from .payload import dumps
from .problems import Problems
from .references import INDEX, REF, find_refs
from .spec import parse_operations


def parse_mended(kind: str, model: str, item: Any, params: dict, problems: Problems) -> Operation | None:
    """Read an item of a chunk by the rules of a submission.

    :param item: as chunks hold it, see `Operation.items`
    :param params: of the chunk it is an item of
    :returns: the operation of this item alone; None where `problems` says all there is to say
    """
    if kind == UPDATE and "values" not in params and not _is_pair(item):
        problems.add("must be a list of the record's id and an object of field values")
        return None
    sent = {"operation_type": kind, "model": model, **TYPES[kind].as_sent(item, params)}
    parsed = parse_operations([sent], problems)
    return parsed[0] if parsed else None


def is_same_kind(operation: Operation, item: Any, params: dict) -> bool:
    """Whether an operation that was read of an item, and checked, is one of just this item as its chunk holds it."""
    items = operation.items
    if "values" in params and "values" not in operation.params:
        # kept apart from the ids in the chunk, which were more than this one
        items = [record_id for record_id, _values in items]
    return dumps(items) == dumps([item])


def new_refs(item: Any, before: Any) -> list[str]:
    """Operations that `item` refers to in a way that `before` does not: nothing says that they end before it is run."""
    known = set(map(_manner, find_refs(before)))
    return sorted({str(ref[REF]) for ref in find_refs(item) if _manner(ref) not in known})


def _manner(ref):
    return str(ref[REF]), INDEX in ref


def _is_pair(item):
    return isinstance(item, list) and len(item) == 2 and isinstance(item[1], dict)
