"""Operations as callers send them, checked for shape and brought into one form.

Whether a model, a field or a right exists is asked elsewhere: here, JSON goes in and `Operation` comes out. What each type takes
besides the common keys is in `engine/operations`.
"""

import enum
from dataclasses import asdict, is_dataclass
from itertools import count
from typing import Any

from .operation import Operation, default_name
from .operations import ALIASES, TYPES
from .problems import Problems
from .reader import MAX_NAME, Reader, absent, is_name
from .references import INDEX, REF, TooDeep, find_refs, is_flat, is_too_deep, ref_problem
from .values import MAX_INTEGER

#: Zenoo RPC's bookkeeping, sent along when its operation objects are serialized as they are.
IGNORED = frozenset({"status", "created_at", "started_at", "completed_at", "error", "result"})
#: Keys of all types.
COMMON = frozenset({"operation_type", "model", "operation_id", "depends_on", "priority", "context", "strict"})
KNOWN = COMMON.union(*(kind.keys for kind in TYPES.values()))
#: By type, the keys that only say what to do with which records.
PLAIN = {
    name: kind.keys - {"group_by", "return_ids"} | {"operation_type", "model", "operation_id"}
    for name, kind in TYPES.items()
}


def parse_operations(operations: Any, problems: Problems, offset: int = 0) -> list[Operation]:
    """Bring operations into their normal form; what is wrong with them goes to `problems`.

    :param operations: the JSON list of operation objects
    :param offset: how many operations the job holds already
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
        self.parsers = {name: kind.parse for name, kind in TYPES.items()}

    def parse(self, raw: Any, position: int) -> Operation | None:
        """The operation as far as it can be understood, so that all that is wrong with it is found; None where it is no object."""
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
            # nothing to do, but not before its time: others may wait for it
            operation.selection = {"record_ids": []}
        return operation

    def _type(self):
        kind = self.raw.get("operation_type")
        if kind.__class__ is str and kind in TYPES:
            return kind
        if isinstance(kind, enum.Enum):
            kind = kind.value
        if isinstance(kind, str) and (kind := ALIASES.get(kind, kind)) in TYPES:
            return kind
        self.add(f"operation_type must be one of {', '.join(TYPES)}", key="operation_type")
        return None

    def _check_keys(self, kind):
        keys = self.raw.keys()
        allowed = KNOWN if kind is None else COMMON | TYPES[kind].keys
        if keys <= allowed:
            return
        for key in sorted(map(str, keys - allowed - IGNORED)):
            if key not in KNOWN:
                self.add(f"unknown key {key!r}", key=key)
            elif not absent(self.raw[key]) and not (key == "return_ids" and self.raw[key] is True):
                self.add(f"{key!r} does not apply to an operation of type {kind!r}", key=key)

    def _read_common(self, operation):
        """What most operations have none of."""
        operation.context = self._context()
        operation.depends_on = self._depends_on()
        operation.priority = self._priority()
        operation.group_by = self.field_name("group_by")
        operation.return_ids = self.boolean("return_ids", True)
        strict = self.boolean("strict", None)
        if strict is not None:
            operation.params["strict"] = strict  # over the job's

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
