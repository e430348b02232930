"""Operations as callers send them, checked for shape and brought into one form.

Whether a model, a field or a right exists is asked elsewhere: here, JSON goes in and `Operation` comes out.
"""

import enum
from dataclasses import asdict, dataclass, field, is_dataclass
from itertools import count
from typing import Any

from .problems import UNSAYABLE, Problems
from .references import INDEX, REF, SCALARS, TooDeep, find_refs, is_ref, is_too_deep, ref_problem
from .rounds import levels_by_key
from .values import MAX_INTEGER

CREATE, UPDATE, UPSERT, DELETE, LOAD, CALL = "create", "update", "upsert", "delete", "load", "call"
TYPES = (CREATE, UPDATE, UPSERT, DELETE, LOAD, CALL)
PRODUCES_IDS = (CREATE, UPSERT, LOAD)
ALIASES = {"unlink": DELETE}

#: Zenoo RPC's bookkeeping, sent along when its operation objects are serialized as they are.
IGNORED = frozenset({"status", "created_at", "started_at", "completed_at", "error", "result"})
COMMON = frozenset({"operation_type", "model", "operation_id", "depends_on", "priority", "context", "strict"})
BY_TYPE = {
    CREATE: frozenset({"data", "group_by", "return_ids"}),
    UPDATE: frozenset({"data", "record_ids", "domain", "group_by"}),
    UPSERT: frozenset({"data", "key", "group_by", "return_ids"}),
    DELETE: frozenset({"data", "record_ids", "domain"}),
    LOAD: frozenset({"data", "fields", "return_ids"}),
    CALL: frozenset({"record_ids", "domain", "method", "args", "kwargs", "group_by", "set"}),
}
KNOWN = COMMON.union(*BY_TYPE.values())
#: By type, the keys that only say what to do with which records.
PLAIN = {
    kind: keys - {"group_by", "return_ids"} | {"operation_type", "model", "operation_id"}
    for kind, keys in BY_TYPE.items()
}
#: Characters of a name: of a model, an operation, a field.
MAX_NAME = 256
#: As many ids as it takes before one set of values is kept apart from them.
SHARED_FROM = 20
#: The parameter of an operation whose records are never cut apart.
SET = "set"


@dataclass(slots=True)
class Operation:
    """One entry of a submission in its one normal form; without type or model where what was given is none.

    `items` holds what a chunk is cut from: value dicts (create, upsert), `[id, values]` pairs (update), ids
    (delete, call, update with `params["values"]`), groups of rows (load), one None (a model-level call).
    """

    position: int
    operation_id: str
    type: str | None
    model: str | None
    items: list = field(default_factory=list)
    indexes: Any = None  # place of each item in the data; None: as they stand
    params: dict = field(default_factory=dict)
    selection: dict | None = None  # {"domain": …} or {"record_ids": …}: found when the operation starts
    context: dict = field(default_factory=dict)
    depends_on: tuple = ()
    refs: frozenset = frozenset()  # operations named by a $ref
    whole_refs: frozenset = frozenset()  # those all of whose ids are used: they must have completed
    priority: int = 0
    group_by: str | None = None
    group_values: list | None = None  # of each item, where the records themselves had to be asked
    keys: list | None = None  # of each item of an upsert, in its fields' own form; None where they don't take it
    after: frozenset = frozenset()  # operations that had one of these keys before
    turn: int = 0  # how many of them, one after the other
    return_ids: bool = True
    item_levels: list | None = None  # of each item: it comes after those of lower levels; None: order does not matter
    firsts: dict | None = None  # see `first_of`
    absent: frozenset = frozenset()  # ids that were not there when it was submitted
    level: int = 0
    data_length: int = 0

    @property
    def record_count(self) -> int:
        return len(self.items)

    def give_values_to_each(self):
        """Turn few ids that share values into pairs, which may be put together with those of neighbours."""
        few = self.selection is None and len(self.items) < SHARED_FROM
        if few and len(set(map(_target, self.items))) == len(self.items):
            values = self.params.pop("values")
            self.items = [[record_id, values] for record_id in self.items]

    def first_of(self, item: int) -> int:
        """The first item of an update's list about the same record."""
        if self.firsts is None:
            self.firsts = {}
            for place, (record_id, _values) in enumerate(self.items):
                self.firsts.setdefault(_target(record_id), place)
        return self.firsts[_target(self.items[item][0])]

    def index_of(self, item: int) -> int:
        return item if self.indexes is None else self.indexes[item]


def absent(value: Any) -> bool:
    """Whether a key counts as not given: null, or false as XML-RPC has to say it."""
    return value is None or value is False


def is_id(value: Any) -> bool:
    return value.__class__ is int and value > 0


def is_name(value: Any) -> bool:
    """A text that says something, not too much, and that PostgreSQL takes and any answer can carry."""
    if not isinstance(value, str) or len(value) > MAX_NAME or not value.strip():
        return False
    return value.isprintable() or not UNSAYABLE.search(value)


def default_name(position: int) -> str:
    """The name of an operation whose caller has given none."""
    return f"op-{position + 1}"


def default_position(name: str) -> int | None:
    """Where the operation stands that bears this name by default; None where it is nobody's default."""
    number = name.removeprefix("op-")
    return int(number) - 1 if number != name and number.isdecimal() and len(number) < 10 else None


def parse_operations(operations: Any, problems: Problems, offset: int = 0) -> list[Operation]:
    """Bring operations into their normal form; what is wrong with them goes to `problems`.

    :param operations: the JSON list of operation objects
    :param offset: how many operations the job holds already
    """
    if not isinstance(operations, (list, tuple)):
        problems.add("operations must be a list of objects", key="operations")
        return []
    parse = _Parser(offset, problems).parse
    return [operation for operation in map(parse, operations, count()) if operation is not None]


class _Parser:
    """Reads raw operations, one after the other."""

    __slots__ = ("offset", "position", "problems", "raw", "readers")

    def __init__(self, offset: int, problems: Problems):
        self.offset = offset
        self.problems = problems
        self.readers = {kind: getattr(self, f"_read_{kind}") for kind in TYPES}

    def parse(self, raw: Any, position: int) -> Operation | None:
        """The operation as far as it can be understood, so that all that is wrong with it is found; None where it is no object."""
        self.position = position
        if raw.__class__ is not dict:
            if is_dataclass(raw):
                raw = asdict(raw)
            if not isinstance(raw, dict):
                self._add("an operation must be an object")
                return None
        self.raw = raw
        kind = self._type()
        model = raw.get("model")
        if not is_name(model):
            self._add("the technical name of a model is required, as 'res.partner'", key="model")
            model = None
        operation = Operation(self.position + self.offset, self._operation_id(), kind, model)
        if kind is None or not raw.keys() <= PLAIN[kind]:
            self._check_keys(kind)
            self._read_common(operation)
        if kind is None:
            return operation
        self.readers[kind](operation)
        operation.data_length = operation.data_length or len(operation.items)
        self._collect_refs(operation)
        if not operation.items and operation.selection is None and (operation.depends_on or operation.refs):
            # nothing to do, but not before its time: others may wait for it
            operation.selection = {"record_ids": []}
        return operation

    def _add(self, message, record=False, key=False):
        self.problems.add(message, operation=self.position, record=record, key=key)

    def _get(self, key):
        value = self.raw.get(key)
        return None if value is False else value  # see `absent`

    # -- what every operation has ------------------------------------------------------------------

    def _type(self):
        kind = self.raw.get("operation_type")
        if kind.__class__ is str and kind in TYPES:
            return kind
        if isinstance(kind, enum.Enum):
            kind = kind.value
        kind = ALIASES.get(kind, kind) if isinstance(kind, str) else kind
        if kind in TYPES:
            return kind
        self._add(f"operation_type must be one of {', '.join(TYPES)}", key="operation_type")
        return None

    def _check_keys(self, kind):
        keys = self.raw.keys()
        allowed = KNOWN if kind is None else COMMON | BY_TYPE[kind]
        if keys <= allowed:
            return
        for key in sorted(map(str, keys - allowed - IGNORED)):
            if key not in KNOWN:
                self._add(f"unknown key {key!r}", key=key)
            elif not absent(self.raw[key]) and not (key == "return_ids" and self.raw[key] is True):
                self._add(f"{key!r} does not apply to an operation of type {kind!r}", key=key)

    def _read_common(self, operation):
        """What most operations have none of."""
        operation.context = self._context()
        operation.depends_on = self._depends_on()
        operation.priority = self._priority()
        operation.group_by = self._optional_name("group_by")
        operation.return_ids = self._boolean("return_ids", True)
        strict = self._boolean("strict", None)
        if strict is not None:
            operation.params["strict"] = strict  # over the job's

    def _operation_id(self):
        given = self._get("operation_id")
        if given is None:
            return default_name(self.position + self.offset)
        if not is_name(given):
            self._add(f"operation_id must be a text of 1 to {MAX_NAME} characters", key="operation_id")
            return default_name(self.position + self.offset)
        return given

    def _context(self):
        context = self._get("context")
        if context is None:
            return {}
        if not isinstance(context, dict):
            self._add("context must be an object", key="context")
            return {}
        if is_too_deep(context):
            self._add("nested too deeply", key="context")
            return {}
        return context

    def _depends_on(self):
        names = self._get("depends_on")
        if names is None:
            return ()
        if not isinstance(names, (list, tuple)) or not all(is_name(name) for name in names):
            self._add("depends_on must be a list of operation_ids", key="depends_on")
            return ()
        return tuple(dict.fromkeys(names))

    def _priority(self):
        priority = self._get("priority") or 0
        if priority.__class__ is not int or abs(priority) > MAX_INTEGER:
            self._add("priority must be a whole number", key="priority")
            return 0
        return priority

    def _boolean(self, key, default):
        """Here false is a value: it is not the same as the default."""
        value = self.raw.get(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            self._add(f"{key} must be true or false", key=key)
            return default
        return value

    def _optional_name(self, key):
        value = self._get(key)
        if value is None or is_name(value):
            return value
        self._add(f"{key} must be the name of a field", key=key)
        return None

    # -- what the types add ------------------------------------------------------------------------

    def _read_create(self, operation):
        operation.items = self._dicts()

    def _read_upsert(self, operation):
        key = self._get("key")
        if isinstance(key, str) and key:
            key = [key]
        if not isinstance(key, (list, tuple)) or not key or not all(is_name(name) for name in key):
            self._add("key must be a list of one or more field names", key="key")
            key = []
        operation.params["key"] = key = list(dict.fromkeys(key))
        operation.items = self._dicts()
        for index, values in enumerate(operation.items):
            missing = [name for name in key if name not in values]
            if missing:
                self._add(f"each record must hold the key fields; missing: {', '.join(missing)}", index, "data")

    def _read_update(self, operation):
        data = self.raw.get("data")
        if isinstance(data, dict):
            self._read_targets(operation)
            operation.params["values"] = data
            if _is_flat(data):
                operation.give_values_to_each()
            return
        for key in ("record_ids", "domain"):
            if self._get(key) is not None:
                self._add(f"{key} goes with one object of values in data, not with a list", key=key)
        for index, values in enumerate(self._dicts()):
            record_id = values.get("id")
            if is_id(record_id) or (is_ref(record_id) and INDEX in record_id):
                operation.items.append([record_id, {k: v for k, v in values.items() if k != "id"}])
            else:
                self._add("each record must hold the id of an existing record", index, "data")
        targets = [_target(record_id) for record_id, _values in operation.items]
        if len(set(targets)) < len(targets):
            operation.item_levels = levels_by_key(targets)

    def _read_delete(self, operation):
        if self._get("data") is not None and (self._get("record_ids") is not None or self._get("domain") is not None):
            self._add("give the ids once: in data or in record_ids, or give a domain", key="data")
            return
        self._read_targets(operation, ids_key="data" if self._get("data") is not None else "record_ids")

    def _read_load(self, operation):
        fields = self._get("fields")
        if not isinstance(fields, (list, tuple)) or not fields or not all(is_name(name) for name in fields):
            self._add("fields must be the list of column names, as in Odoo's import", key="fields")
            fields = []
        operation.params["fields"] = list(fields)
        rows = self._list("data")
        for index, row in enumerate(rows):
            if not isinstance(row, (list, tuple)):
                self._add("a row must be a list of values", index, "data")
            elif fields and len(row) != len(fields):
                self._add(f"a row must have {len(fields)} values, as fields; this one has {len(row)}", index, "data")
        operation.items = [[row] for row in rows]
        operation.data_length = len(rows)

    def _read_call(self, operation):
        method = self._get("method")
        if not is_name(method):
            self._add("method must be the name of a public method", key="method")
        args, kwargs = self._get("args"), self._get("kwargs")
        if args is not None and not isinstance(args, (list, tuple)):
            self._add("args must be a list", key="args")
            args = None
        if kwargs is not None and not isinstance(kwargs, dict):
            self._add("kwargs must be an object", key="kwargs")
            kwargs = None
        operation.params.update(method=method, args=list(args or ()), kwargs=dict(kwargs or {}))
        if self._get("record_ids") is None and self._get("domain") is None:
            operation.params["model_level"] = True
            operation.items = [None]
            if self._get("set"):
                self._add("set goes with record_ids or a domain", key="set")
            return
        self._read_targets(operation)
        self._read_set(operation)

    def _read_set(self, operation):
        """Whether the method must see all its records in one call; such an operation returns one value."""
        value = self._get("set")
        if value is None:
            return
        if value is not True:
            self._add("set must be true or false", key="set")
            return
        operation.params[SET] = True
        operation.data_length = 1

    # -- data, record_ids and domain ---------------------------------------------------------------

    def _list(self, key):
        value = self._get(key)
        if isinstance(value, (list, tuple)):
            return value
        self._add(f"{key} must be a list", key=key)
        return []

    def _dicts(self):
        rows = list(self._list("data"))
        for index, values in enumerate(rows):
            if not isinstance(values, dict):
                self._add("a record must be an object of field values", index, "data")
                rows[index] = {}
        return rows

    def _read_targets(self, operation, ids_key="record_ids"):
        """Ids as they stand, or what to find them by when the operation starts."""
        ids, domain = self._get(ids_key), self._get("domain")
        if (ids is None) == (domain is None):
            self._add(
                f"either {ids_key} or domain is required" if ids is None else "give record_ids or a domain, not both",
                key=ids_key,
            )
            return
        if domain is not None:
            if isinstance(domain, (list, tuple)):
                operation.selection = {"domain": list(domain)}
            else:
                self._add("domain must be a list", key="domain")
            return
        if is_ref(ids):
            ids = [ids]
        if not isinstance(ids, (list, tuple)):
            self._add(f"{ids_key} must be a list of ids", key=ids_key)
            return
        for index, record_id in enumerate(ids):
            if not is_id(record_id) and not is_ref(record_id):
                self._add("an id must be a whole number above 0", index, ids_key)
        ids = [record_id for record_id in ids if is_id(record_id) or is_ref(record_id)]
        if any(is_ref(record_id) and INDEX not in record_id for record_id in ids):
            operation.selection = {"record_ids": list(ids)}
        else:
            operation.items = list(ids)

    def _collect_refs(self, operation):
        if not operation.params and operation.selection is None and all(map(_is_flat, operation.items)):
            return
        names, whole = set(), set()
        try:
            for ref in find_refs((operation.items, operation.params, operation.selection)):
                if problem := ref_problem(ref):
                    self._add(problem, key=REF)
                    continue
                names.add(ref[REF])
                if INDEX not in ref:
                    whole.add(ref[REF])
        except TooDeep:
            self._add("nested too deeply", key="data")
        if names:
            operation.refs, operation.whole_refs = frozenset(names), frozenset(whole)


def _target(record_id):
    """What tells two records of an update's list apart."""
    if record_id.__class__ is not dict:
        return record_id
    return tuple(repr(record_id.get(key)) for key in (REF, INDEX))  # whatever it refers by: that is looked at elsewhere


def _is_flat(item):
    """Whether a record holds nothing but plain values."""
    return item.__class__ is dict and REF not in item and SCALARS.issuperset(map(type, item.values()))
