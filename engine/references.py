"""`$ref`: one operation uses ids that another one has produced.

`{"$ref": "a"}` stands for all ids of operation `a`, `{"$ref": "a", "index": 0}` for its first one.
"""

from collections.abc import Callable, Iterator
from typing import Any

from .values import MAX_INTEGER

REF = "$ref"
INDEX = "index"
CONTAINERS = (dict, list, tuple)
#: Most levels of nesting: code that reads the values later is recursive, and some of it starts deep in a server's call stack.
MAX_DEPTH = 200
#: Types of plain values, which hold no reference.
SCALARS = frozenset((str, int, float, bool, type(None)))


class TooDeep(RecursionError):
    """A value is nested more than `MAX_DEPTH` levels deep."""

    def __str__(self):
        return "nested too deeply"


class MissingReference(Exception):
    """A record refers to an id that was not produced."""


def is_ref(value: Any) -> bool:
    """Whether `value` is a reference, well-formed or not."""
    return value.__class__ is dict and REF in value and value.keys() <= {REF, INDEX}


def is_flat(item: Any) -> bool:
    """Whether a record has plain values only."""
    return item.__class__ is dict and REF not in item and SCALARS.issuperset(map(type, item.values()))


def ref_problem(ref: dict) -> str | None:
    """What is wrong with the shape of a reference, or None."""
    if not isinstance(ref[REF], str) or not ref[REF]:
        return "$ref must be the operation_id of another operation"
    index = ref.get(INDEX, 0)
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index <= MAX_INTEGER:
        return f"index of a $ref must be a whole number from 0 to {MAX_INTEGER}"
    return None


def find_refs(value: Any) -> Iterator[dict]:
    """All references inside a JSON value, level by level.

    :raises TooDeep: the value has more than `MAX_DEPTH` levels
    """
    level, depth = [value], 0
    while level:
        if depth > MAX_DEPTH:
            raise TooDeep
        below: list = []
        for value in level:
            if isinstance(value, dict):
                if is_ref(value):
                    yield value
                    continue
                value = value.values()
            elif not isinstance(value, CONTAINERS):
                continue
            below += [item for item in value if item.__class__ not in SCALARS]
        level, depth = below, depth + 1


def wanted_ids(value: Any) -> dict[str, set[int] | None]:
    """What the references inside a value point to.

    :returns: operation name -> places in its data; None: all of them
    """
    wanted: dict[str, set[int] | None] = {}
    for ref in find_refs(value):
        places = wanted.setdefault(ref[REF], set())
        if INDEX not in ref:
            wanted[ref[REF]] = None
        elif places is not None:
            places.add(ref[INDEX])
    return wanted


def is_too_deep(value: Any) -> bool:
    """Whether a JSON value is nested more than `MAX_DEPTH` levels deep."""
    try:
        for _ref in find_refs(value):
            pass
    except TooDeep:
        return True
    return False


def resolve_refs(value: Any, ids_of: Callable[..., Any]) -> Any:
    """Copy `value` with every reference replaced by the ids it stands for.

    :param ids_of: `ids_of(name)` returns the ids that an operation has produced, aligned with its data, False where there
        is none; `ids_of(name, index)` returns one of them
    :raises MissingReference: an id was not produced
    """
    if isinstance(value, dict):
        if not is_ref(value):
            return {key: resolve_refs(item, ids_of) for key, item in value.items()}
        name = value[REF]
        if INDEX not in value:
            return list(ids_of(name))
        id_ = ids_of(name, value[INDEX])
        if not id_:
            raise MissingReference(name, value[INDEX])
        return id_
    if isinstance(value, (list, tuple)):
        if not _is_id_list(value):
            return [resolve_refs(item, ids_of) for item in value]
        resolved = []
        for item in value:
            # in a list of ids, {"$ref": "a"} adds all ids of `a`
            if is_ref(item) and INDEX not in item:
                resolved.extend(ids_of(item[REF]))
            else:
                resolved.append(resolve_refs(item, ids_of))
        return resolved
    return value


def _is_id_list(value: list | tuple) -> bool:
    """Whether all elements are ids or references, unlike in `[6, 0, {"$ref": "a"}]` and `["id", "in", {"$ref": "a"}]`."""
    return all(is_ref(item) or (item.__class__ is int and item > 0) for item in value)
