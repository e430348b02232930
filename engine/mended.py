"""A failed record with corrected values, read as an operation that submits just this record."""

from typing import Any

from .operation import UPDATE, Operation
from .operations import TYPES
from .payload import dumps
from .problems import Problems
from .references import INDEX, REF, find_refs
from .spec import parse_operations


def parse_mended(kind: str, model: str, item: Any, params: dict, problems: Problems) -> Operation | None:
    """Check an item of a chunk by the rules of a submission.

    :param kind: the operation type
    :param item: as chunks hold it, see `Operation.items`
    :param params: of the chunk
    :param problems: what is wrong is added to it
    :returns: the operation of this item alone; None where it can't be read at all
    """
    if kind == UPDATE and "values" not in params and not _is_pair(item):
        problems.add("must be a list of the record's id and an object of field values")
        return None
    sent = {"operation_type": kind, "model": model, **TYPES[kind].as_sent(item, params)}
    parsed = parse_operations([sent], problems)
    return parsed[0] if parsed else None


def is_same_kind(operation: Operation, item: Any, params: dict) -> bool:
    """Whether an operation made by `parse_mended` still has exactly this item, in the form in which its chunk holds it.

    :param params: of the chunk
    """
    items = operation.items
    if "values" in params and "values" not in operation.params:
        # the chunk holds ids and one set of values; for a single id the parser makes a pair of them
        items = [record_id for record_id, _values in items]
    return dumps(items) == dumps([item])


def new_refs(item: Any, before: Any) -> list[str]:
    """Names of operations that `item` refers to in a way that `before` does not, sorted.

    The chunk does not wait for them, so they may not have ended when the item runs.
    """
    known = set(map(_manner, find_refs(before)))
    return sorted({str(ref[REF]) for ref in find_refs(item) if _manner(ref) not in known})


def _manner(ref):
    return str(ref[REF]), INDEX in ref


def _is_pair(item):
    return isinstance(item, list) and len(item) == 2 and isinstance(item[1], dict)
