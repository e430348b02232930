"""Operations that are larger than one request: which of them can be cut, where, and how their results are put together again.

A part is an operation of its own in the job. It is named after the operation and the place of its first record, so that the results of a
job that is looked up later can be put together too.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .errors import Refused
from .wire import encoded

#: Types whose `data` is a list of records that don't depend on standing in one operation.
CUTTABLE = ("create", "update", "upsert", "load")
#: The name of a part; the server names the pages of a file after the first one, with a number behind.
PART = re.compile(r"(?P<base>.+)#from-(?P<first>\d+)(?P<page>-\d+)?", re.DOTALL)
#: Keys of an entry that are the sums of its parts.
SUMS = (
    "record_count", "processed_records", "failed_records", "created_records", "updated_records", "unchanged_records",
    "deleted_records", "warning_count", "duration",
)  # fmt: skip
#: States of parts, the first that any of them has is that of the whole; unless some have succeeded: then it is partial.
STATES = ("running", "pending", "partial", "failed", "cancelled", "skipped", "completed")
LISTED = 100
#: Columns that a file of failures has beside the values.
ABOUT = ("_operation", "_index", "_error_type", "_error")


@dataclass(frozen=True)
class Part:
    """A part of an operation, as it is sent.

    :ivar name: its `operation_id`
    :ivar body: the operation object, as JSON
    :ivar operation: place of the operation in the input
    :ivar first: place of its first record in the operation
    """

    name: str
    body: bytes
    operation: int
    first: int


def part_name(base: str, first: int) -> str:
    """The `operation_id` of the part of an operation that begins with this record."""
    return f"{base}#from-{first}"


# -- cutting -------------------------------------------------------------------------------------------


def encode_operations(operations: Sequence[Mapping[str, Any]]) -> list[bytes]:
    """Each operation as JSON.

    :raises Refused: one of them has no form in JSON; its problem says which
    """
    bodies, problems = [], []
    for place, operation in enumerate(operations):
        try:
            bodies.append(encoded(operation))
        except (TypeError, ValueError, RecursionError) as error:
            problems.append({"operation": place, "record": False, "key": False, "message": str(error)})
    if problems:
        raise Refused(f"These operations can't be sent: {problems[0]['message']}", problems)
    return bodies


def cut(
    operations: Sequence[Mapping[str, Any]], bodies: Sequence[bytes], limit: int, one2many: Mapping[str, Container[str]]
) -> Iterator[list[Part]]:
    """Group operations into requests of at most so many bytes; those that are larger are cut.

    :param bodies: the operations as JSON
    :param one2many: the names of these fields of each model that a large `load` is about
    :raises Refused: an operation is too large, and can't be cut without another meaning
    """
    named = list(map(_named, operations, range(1, len(operations) + 1)))
    referred = set(_referred(operations)) if any(len(body) > limit for body in bodies) else set()
    group: list[Part] = []
    size = 0
    for place, (operation, body) in enumerate(zip(named, bodies, strict=True)):
        if len(body) > limit:
            lines = one2many.get(str(operation.get("model")), ())
            parts = _parts(operation, place, limit, operation["operation_id"] in referred, lines)
        else:
            parts = iter([Part(operation["operation_id"], encoded(operation), place, 0)])
        for part in parts:
            if group and size + len(part.body) > limit:
                yield group
                group, size = [], 0
            group.append(part)
            size += len(part.body)
    if group:
        yield group


def _named(operation: Mapping[str, Any], number: int) -> dict[str, Any]:
    """The operation with the name that the server would make up for it."""
    return {**operation, "operation_id": operation.get("operation_id") or f"op-{number}"}


def _parts(operation: dict[str, Any], place: int, limit: int, is_referred: bool, lines: Container[str]) -> Iterator[Part]:
    if reason := _reason_not_to_cut(operation, is_referred):
        message = f"the operation is larger than one request, and can't be cut: {reason}"
        raise Refused(message, [{"operation": place, "record": False, "key": "data", "message": message}])
    rows, numbers = operation["data"], operation.get("row_numbers")
    sizes = [len(encoded(row)) + 1 for row in rows]
    room = limit - len(encoded({**operation, "data": [], "row_numbers": []})) - 100
    for first, end in _ranges(sizes, room, _starts(operation, lines)):
        name = part_name(operation["operation_id"], first)
        part = {**operation, "operation_id": name, "data": rows[first:end]}
        if numbers:
            part["row_numbers"] = numbers[first:end]
        yield Part(name, encoded(part), place, first)


def _ranges(sizes: Sequence[int], room: int, starts: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """Ranges of rows of at most so many bytes, each beginning with a row that may begin one."""
    first = size = 0
    last_start = 0
    for place, row_size in enumerate(sizes):
        if starts[place]:
            last_start = place
        if size + row_size > room and last_start > first:
            yield first, last_start
            first, size = last_start, sum(sizes[last_start:place])
        size += row_size
    yield first, len(sizes)


def _reason_not_to_cut(operation: Mapping[str, Any], is_referred: bool) -> str | None:
    kind, data = operation.get("operation_type"), operation.get("data")
    if kind not in CUTTABLE or not isinstance(data, (list, tuple)):
        return "only lists of records of create, update, upsert and load can"
    if is_referred:
        return "another operation refers to it; send it in several operations"
    keys = {"update": ["id"], "upsert": operation.get("key")}.get(str(kind))
    if isinstance(keys, (list, tuple)) and (twice := _twice(data, keys)):
        return f"records {twice[0]} and {twice[1]} are about the same record; send the later one in a job of its own"
    if kind == "load":
        return _reason_not_to_cut_rows(operation)
    return None


def _twice(data: Sequence[Any], keys: Sequence[str]) -> tuple[int, int] | None:
    """The places of two records with the same key, as texts."""
    seen: dict[tuple[str, ...], int] = {}
    for place, values in enumerate(data):
        if isinstance(values, Mapping):
            before = seen.setdefault(tuple(_key_text(values.get(key)) for key in keys), place)
            if before != place:
                return before, place
    return None


def _key_text(value: Any) -> str:
    """A key value as the server compares it: 1, 1.0 and "1" are one, and so are null, false and an empty text."""
    if value is None or value is False:
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _reason_not_to_cut_rows(operation: Mapping[str, Any]) -> str | None:
    """Rows that name rows of the same operation come after those only within one operation."""
    columns, data = list(map(column_path, operation.get("fields") or [])), operation["data"]
    own = [place for place, path in enumerate(columns) if path == ["id"]]
    foreign = [place for place, path in enumerate(columns) if path[1:] and path[-1] == "id"]
    names = [row[own[0]] for row in data if _is_filled(row, own[:1])]
    if len(set(names)) < len(names):
        return "an external id stands there twice; send it as a file (load_file)"
    known = set(names)
    for place in foreign:
        if any(name.strip() in known for row in data if _is_filled(row, [place]) for name in str(row[place]).split(",")):
            return "its rows refer to each other; send it as a file (load_file)"
    return None


def _starts(operation: Mapping[str, Any], lines: Container[str]) -> list[bool]:
    """Which rows begin a record. Of a load, one with values in one2many columns only belongs to the record above it."""
    data = operation["data"]
    names = [column_path(name)[0] for name in operation.get("fields") or []]
    places = [place for place, name in enumerate(names) if name in lines]
    if operation.get("operation_type") != "load" or not places:
        return [True] * len(data)
    own = [place for place, name in enumerate(names) if name not in lines]
    return [_is_filled(row, own) or not _is_filled(row, places) for row in data]


def column_path(name: Any) -> list[str]:
    """The fields that a column of a load leads through; Odoo knows `parent_id:id` and `parent_id.id` for `parent_id/id` and `parent_id/.id`."""
    return re.sub(r"([^/]):id", r"\1/id", re.sub(r"([^/])\.id", r"\1/.id", str(name).strip())).split("/")


def _is_filled(row: Any, places: Sequence[int]) -> bool:
    """Whether one of these cells holds something; a row that is too short, or none at all, is left to the server to refuse."""
    return isinstance(row, (list, tuple)) and any(row[place] for place in places if place < len(row))


def _referred(value: Any) -> Iterator[str]:
    """The names of all operations that others refer to."""
    if isinstance(value, Mapping):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for name, item in value.items():
            if name == "depends_on" and isinstance(item, (list, tuple)):
                yield from (other for other in item if isinstance(other, str))
            elif isinstance(item, (Mapping, list, tuple)):
                yield from _referred(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            if isinstance(item, (Mapping, list, tuple)):
                yield from _referred(item)


# -- putting together ----------------------------------------------------------------------------------


def merged(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The entries of a result, one for each operation of the input."""
    whole: list[dict[str, Any]] = []
    for entry in entries:
        found = PART.fullmatch(entry["operation_id"])
        if not found:
            whole.append(entry)
            continue
        entry = {**entry, "operation_id": found["base"]}
        if whole and whole[-1]["operation_id"] == found["base"] and (found["first"] != "0" or found["page"]):
            whole[-1] = _joined(whole[-1], entry)
        else:
            whole.append(entry)
    return whole


def _joined(whole: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    joined = dict(whole)
    for name in SUMS:
        if name in whole:
            joined[name] = whole[name] + part[name]
    before = length_of(whole)
    joined["success"] = whole["success"] and part["success"]
    joined["state"] = _state(whole["state"], part["state"])
    if isinstance(whole["result"], list) and isinstance(part["result"], list):
        joined["result"] = whole["result"] + part["result"]
    elif whole["result"] is not True or part["result"] is not True:
        joined["result"] = False
    if "outcomes" in whole:
        joined["outcomes"] = whole["outcomes"] + part["outcomes"]
    for name in ("failures", "warnings"):
        moved = [{**finding, "index": finding["index"] + before} for finding in part.get(name, ())]
        joined[name] = [*whole.get(name, ()), *moved][:LISTED]
    joined["error"] = whole["error"] or part["error"]
    if joined["failed_records"] and joined["failures"]:
        joined["error"] = (
            f"{joined['failed_records']} of {joined['record_count']} records failed: {joined['failures'][0]['error']}"
        )
    return joined


def length_of(entry: Mapping[str, Any]) -> int:
    """How many places of the input an entry has."""
    return len(entry["result"]) if isinstance(entry["result"], list) else int(entry["record_count"])


def _state(one: str, other: str) -> str:
    if one == other:
        return one
    if {one, other} <= {"completed", "partial", "failed", "cancelled"} and {one, other} & {"completed", "partial"}:
        return "partial"
    return min(one, other, key=STATES.index)


def replaced(finding: dict[str, Any]) -> dict[str, Any]:
    """A failure, a warning or a change with its place in the input."""
    found = PART.fullmatch(finding["operation_id"])
    if not found or found["page"]:
        return finding
    return {**finding, "operation_id": found["base"], "index": finding["index"] + int(found["first"])}
