"""Reads NDJSON: a JSON object on each line."""

import json
from typing import Any

from .cells import OURS, PLACE
from .problems import Problems


def read_lines(content: bytes, problems: Problems) -> tuple[list[dict], list[int]]:
    """The objects of a file, and the numbers of their lines, from 1. Blank lines are left out.

    :param content: of the file, in UTF-8
    :param problems: what is wrong is added to it, with the number of the line as `record`
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problems.add("is not UTF-8: save the file in this encoding", record=line)
        return [], []
    records, numbers = [], []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            records.append(read_line(line))
            numbers.append(number)
        except ValueError as error:
            problems.add(str(error), record=number)
    return records, numbers


def read_line(line: str) -> dict:
    """The object of a line; of a file of failures without what it says of them.

    :raises ValueError: it is none, and why
    """
    try:
        record = json.loads(line, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"is not valid JSON: {_reason(error)}") from None
    if not isinstance(record, dict):
        raise ValueError('must be an object of field values, as {"name": "Azure Interior"}')
    if record.keys() >= set(PLACE):
        return {name: value for name, value in record.items() if name not in OURS}
    return record


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is no value")


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at character {error.pos + 1}"
    return str(error)
