"""DataFrames of pandas and polars as operations, and failures as DataFrames."""

from __future__ import annotations

import base64
import importlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from .errors import BatchError
from .parts import ABOUT, replaced
from .wire import odoo_time

LIBRARIES = ("pandas", "polars")


def library_of(frame: Any) -> str:
    """`pandas` or `polars`, by where the class comes from: neither needs to be installed for the other.

    :raises TypeError: it is a DataFrame of neither
    """
    for kind in type(frame).__mro__:
        library = kind.__module__.partition(".")[0]
        if library in LIBRARIES and kind.__name__ == "DataFrame":
            return library
    raise TypeError(f"a DataFrame of pandas or polars is needed, not {type(frame).__module__}.{type(frame).__name__}")


def operation_of(frame: Any, model: str, kind: str, key: Sequence[str]) -> dict[str, Any]:
    """The operation that takes the rows of a DataFrame.

    :param kind: `load`, `create`, `update`, `upsert`
    :param key: for an upsert, the columns that identify a record
    :raises ValueError: columns are missing, or named twice or by something that is no text
    :raises TypeError: a column holds what Odoo has no form for
    """
    columns = _columns(frame, library_of(frame))
    if missing := [name for name in (*key, *(["id"] if kind == "update" else [])) if name not in columns]:
        raise ValueError(f"the DataFrame has no column {missing[0]!r}")
    operation: dict[str, Any] = {"operation_type": kind, "model": model}
    times = any(isinstance(value, datetime) for values in columns.values() for value in values)
    if kind == "load":
        cells = [list(map(_as_cell, _sound(name, values))) for name, values in columns.items()]
        operation |= {"fields": list(columns), "data": [list(row) for row in zip(*cells, strict=True)]}
        if times:
            operation["context"] = {"tz": "UTC"}  # an import reads times in the time zone of its context
    else:
        names, sound = list(columns), [_sound(name, values) for name, values in columns.items()]
        operation["data"] = [dict(zip(names, row, strict=True)) for row in zip(*sound, strict=True)]
        if kind == "upsert":
            operation["key"] = list(key)
    return operation


def _columns(frame: Any, library: str) -> dict[str, list[Any]]:
    """The values of each column as objects of Python, None where they are missing."""
    names = list(frame.columns)
    for name in names:
        if not isinstance(name, str):
            raise ValueError(f"the columns must have names of fields, and {name!r} is none")
        if names.count(name) > 1:
            raise ValueError(f"the DataFrame has two columns {name!r}")
    read: Callable[[Any], list[Any]] = _of_pandas if library == "pandas" else _of_polars
    return {name: read(frame[name]) for name in names if name not in ABOUT}


def _of_pandas(series: Any) -> list[Any]:
    missing = series.isna().tolist()
    return [None if is_missing else value for is_missing, value in zip(missing, series.astype(object).tolist(), strict=True)]


def _of_polars(series: Any) -> list[Any]:
    values: list[Any] = series.to_list()
    return values


def _sound(name: str, values: list[Any]) -> list[Any]:
    """The values of a column as JSON has them. Whole numbers that a missing one among them has made floats are whole again."""
    present = [value for value in values if isinstance(value, float) and not math.isnan(value)]
    are_whole = len(present) > 0 and len(present) < len(values) and all(value.is_integer() for value in present)
    try:
        return [_plain(value, are_whole) for value in values]
    except TypeError as error:
        raise TypeError(f"column {name!r}: {error}") from None


def _plain(value: Any, are_whole: bool = False) -> Any:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return False
    if isinstance(value, float):
        if math.isinf(value):
            raise TypeError("infinity is no value")
        return int(value) if are_whole and value.is_integer() else float(value)
    if isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, datetime):
        return odoo_time(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value) if value.is_finite() else False
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode()
    if isinstance(value, (time, timedelta)):
        raise TypeError(f"Odoo has no field for {value!r}")
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):  # numpy, also inside of lists
        return _plain(value.tolist())
    return str(value)


def _as_cell(value: Any) -> str:
    """A value as the text that Odoo's import reads."""
    if value is False or value is None:
        return ""
    if value is True:
        return "true"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, (list, tuple)):
        return ",".join(map(_as_cell, value))
    return str(value)


def frame_of_failures(text: str, library: str | None) -> Any:
    """The DataFrame of a file of failures.

    :param text: of the file, in NDJSON
    :param library: `pandas` or `polars`; None: the one that is installed
    :raises BatchError: none is
    """
    rows = [_with_place(json.loads(line)) for line in text.splitlines() if line]
    columns = [name for name in dict.fromkeys(name for row in rows for name in row) if name not in ABOUT]
    data = {name: [row.get(name) for row in rows] for name in (*columns, *ABOUT)}
    module = _installed(library)
    if module.__name__ == "polars":
        return module.DataFrame(data, strict=False)
    return module.DataFrame(data)


def _with_place(row: dict[str, Any]) -> dict[str, Any]:
    place = replaced({"operation_id": row["_operation"], "index": row["_index"]})
    return {**row, "_operation": place["operation_id"], "_index": place["index"]}


def _installed(library: str | None) -> Any:
    for name in (library,) if library else LIBRARIES:
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    raise BatchError(f"{library or 'pandas or polars'} is not installed: pip install {library or 'pandas'}")
