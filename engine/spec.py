"""Parses operations as callers send them into the normal form `Operation`, and checks their structure.

`run/check.py` checks models, fields and access rights. The keys of each type are in `engine/operations`.
"""

import enum
from dataclasses import asdict, is_dataclass
from difflib import get_close_matches
from itertools import count
from typing import Any

from .operation import Operation, default_name
from .operations import ALIASES, SUBMITTED, keys
from .problems import KEPT, Problems
from .reader import MAX_NAME, Reader, absent, is_name
from .references import INDEX, REF, TooDeep, find_refs, is_flat, is_too_deep, ref_problem
from .values import MAX_INTEGER

#: Bookkeeping keys that Zenoo RPC clients send when they serialize their operation objects unchanged.
IGNORED = frozenset({"status", "created_at", "started_at", "completed_at", "error", "result"})
#: Keys of all types.
COMMON = frozenset({"operation_type", *keys.COMMON})
KNOWN = COMMON.union(*(kind.keys for kind in SUBMITTED.values()))
#: Keys that callers try, and the key that they mean.
MEANT = {
    "type": "operation_type", "operation": "operation_type", "op": "operation_type", "model_name": "model", "name": "operation_id",
    "values": "data", "vals": "data", "records": "data", "rows": "data", "ids": "record_ids", "res_ids": "record_ids",
    "args_list": "args", "depends": "depends_on", "columns": "fields",
}  # fmt: skip
#: By type, the keys that need none of the checks for unknown and common keys.
PLAIN = {
    name: kind.keys - {"group_by", "return_ids"} | {"operation_type", "model", "operation_id"}
    for name, kind in SUBMITTED.items()
}


def parse_operations(operations: Any, problems: Problems, offset: int = 0) -> list[Operation]:
    """Parse operations into their normal form.

    :param operations: the list of operation objects, as the caller sent it
    :param problems: what is wrong is added to it
    :param offset: how many operations the job has already
    """
    if not isinstance(operations, (list, tuple)):
        problems.add("operations must be a list of objects", key="operations")
        return []
    parse = _Parser(problems, offset).parse
    return [operation for operation in map(parse, operations, count()) if operation is not None]


class _Parser(Reader):
    """Reads raw operations, one after the other."""

    __slots__ = ("offset", "parsers")

    def __init__(self, problems: Problems, offset: int):
        super().__init__(problems)
        self.offset = offset
        self.parsers = {name: kind.parse for name, kind in SUBMITTED.items()}

    def parse(self, raw: Any, position: int) -> Operation | None:
        """Parse one raw operation, also where it has problems, so that all of them are found; None where it is no object."""
        self.position = position
        if raw.__class__ is not dict:
            if is_dataclass(raw):
                raw = asdict(raw)
            if not isinstance(raw, dict):
                self.add("an operation must be an object")
                return None
        self.raw = raw
        kind = self._type()
        model = raw.get("model")
        if not is_name(model):
            self.add("the technical name of a model is required, as 'res.partner'", key="model")
            model = None
        operation = Operation(self.position + self.offset, self._operation_id(), kind, model)
        if kind is None or not raw.keys() <= PLAIN[kind]:
            self._check_keys(kind)
            self._read_common(operation)
        if kind is None:
            return operation
        self.parsers[kind](self, operation)
        operation.data_length = operation.data_length or len(operation.items)
        self._collect_refs(operation)
        if not operation.items and operation.selection is None and (operation.depends_on or operation.refs):
            # it has no records but waits for others, so it needs a chunk that ends it at the right time
            operation.selection = {"record_ids": []}
        return operation

    def _type(self):
        kind = self.raw.get("operation_type")
        if kind.__class__ is str and kind in SUBMITTED:
            return kind
        if isinstance(kind, enum.Enum):
            kind = kind.value
        if isinstance(kind, str) and (kind := ALIASES.get(kind, kind)) in SUBMITTED:
            return kind
        hint = self._hint(kind, SUBMITTED) if isinstance(kind, str) else ""
        self.add(f"operation_type must be one of {', '.join(SUBMITTED)}{hint}", key="operation_type")
        return None

    def _check_keys(self, kind):
        given = self.raw.keys()
        allowed = KNOWN if kind is None else COMMON | SUBMITTED[kind].keys
        if given <= allowed:
            return
        for key in sorted(map(str, given - allowed - IGNORED)):
            if key not in KNOWN:
                self.add(f"unknown key {key!r}{self._hint(key, allowed)}", key=key)
            elif not absent(self.raw[key]) and not (key == "return_ids" and self.raw[key] is True):
                self.add(f"{key!r} does not apply to an operation of type {kind!r}", key=key)

    def _hint(self, given, allowed):
        """The name that was probably meant, in words; empty where none of the allowed ones is like it."""
        if self.problems.count >= KEPT:  # nobody reads it, and the search takes time
            return ""
        given = given[:MAX_NAME].lower()
        meant = [MEANT[given]] if MEANT.get(given) in allowed else get_close_matches(given, allowed, 1)
        return f"; did you mean {meant[0]!r}?" if meant else ""

    def _read_common(self, operation):
        """Read the common keys that most operations don't use."""
        operation.context = self._context()
        operation.depends_on = self._depends_on()
        operation.priority = self._priority()
        operation.group_by = self.field_name("group_by")
        operation.return_ids = self.boolean("return_ids", True)
        strict = self.boolean("strict", None)
        if strict is not None:
            operation.params["strict"] = strict  # overrides the job's option

    def _operation_id(self):
        given = self.get("operation_id")
        if given is None:
            return default_name(self.position + self.offset)
        if not is_name(given):
            self.add(f"operation_id must be a text of 1 to {MAX_NAME} characters", key="operation_id")
            return default_name(self.position + self.offset)
        return given

    def _context(self):
        context = self.get("context")
        if context is None:
            return {}
        if not isinstance(context, dict):
            self.add("context must be an object", key="context")
            return {}
        if is_too_deep(context):
            self.add("nested too deeply", key="context")
            return {}
        return context

    def _depends_on(self):
        names = self.get("depends_on")
        if names is None:
            return ()
        if not isinstance(names, (list, tuple)) or not all(is_name(name) for name in names):
            self.add("depends_on must be a list of operation_ids", key="depends_on")
            return ()
        return tuple(dict.fromkeys(names))

    def _priority(self):
        priority = self.get("priority") or 0
        if priority.__class__ is not int or abs(priority) > MAX_INTEGER:
            self.add("priority must be a whole number", key="priority")
            return 0
        return priority

    def _collect_refs(self, operation):
        if not operation.params and operation.selection is None and all(map(is_flat, operation.items)):
            return
        names, whole = set(), set()
        try:
            for ref in find_refs((operation.items, operation.params, operation.selection)):
                if problem := ref_problem(ref):
                    self.add(problem, key=REF)
                    continue
                names.add(ref[REF])
                if INDEX not in ref:
                    whole.add(ref[REF])
        except TooDeep:
            self.add("nested too deeply", key="data")
        if names:
            operation.refs, operation.whole_refs = frozenset(names), frozenset(whole)
