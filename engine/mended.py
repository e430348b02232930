"""Failed records with corrected values, read as an operation that submits just these records."""

from typing import Any

from .operation import UPDATE, Operation
from .operations import TYPES
from .payload import dumps
from .problems import Problems
from .references import INDEX, REF, find_refs
from .spec import parse_operations


def parse_mended(kind: str, model: str, items: list, params: dict, problems: Problems) -> Operation | None:
    """Check items of a chunk by the rules of a submission.

    :param kind: the operation type
    :param items: one or more, as chunks hold them, see `Operation.items`
    :param params: of the chunk
    :param problems: what is wrong is added to it
    :returns: the operation of these items alone; None where they can't be read at all
    """
    if kind == UPDATE and "values" not in params and not all(map(_is_pair, items)):
        problems.add("must be a list of the record's id and an object of field values")
        return None
    parts = [TYPES[kind].as_sent(item, params) for item in items]
    sent = {"operation_type": kind, "model": model, **parts[0]}
    if len(parts) > 1:
        for name in ("data", "record_ids"):
            if isinstance(sent.get(name), list):
                sent[name] = [value for part in parts for value in part[name]]
    parsed = parse_operations([sent], problems)
    return parsed[0] if parsed else None


def are_same_kind(operation: Operation, items: list, params: dict) -> bool:
    """Whether an operation made by `parse_mended` still has exactly these items, in the form in which their chunk holds them.

    :param params: of the chunk
    """
    found = operation.items
    if "values" in params and "values" not in operation.params:
        # the chunk holds ids and one set of values; for a single id the parser makes a pair of them
        found = [record_id for record_id, _values in found]
    return dumps(found) == dumps(items)


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
