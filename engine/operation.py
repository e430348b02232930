"""An operation of a submission, in the one form that all later stages read."""

from dataclasses import dataclass, field
from typing import Any

from .references import INDEX, REF

CREATE, UPDATE, UPSERT, DELETE, LOAD, CALL = "create", "update", "upsert", "delete", "load", "call"
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
    key_level: int = 0  # it comes after those of lower levels that had one of these keys; see `key_order`
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
        if few and len(set(map(target_of, self.items))) == len(self.items):
            values = self.params.pop("values")
            self.items = [[record_id, values] for record_id in self.items]

    def first_of(self, item: int) -> int:
        """The first item of an update's list about the same record."""
        if self.firsts is None:
            self.firsts = {}
            for place, (record_id, _values) in enumerate(self.items):
                self.firsts.setdefault(target_of(record_id), place)
        return self.firsts[target_of(self.items[item][0])]

    def index_of(self, item: int) -> int:
        return item if self.indexes is None else self.indexes[item]


def target_of(record_id):
    """What tells two records of an update's list apart."""
    if record_id.__class__ is not dict:
        return record_id
    return tuple(repr(record_id.get(key)) for key in (REF, INDEX))  # whatever it refers by: that is looked at elsewhere


def default_name(position: int) -> str:
    """The name of an operation whose caller has given none."""
    return f"op-{position + 1}"


def default_position(name: str) -> int | None:
    """Where the operation stands that bears this name by default; None where it is nobody's default."""
    number = name.removeprefix("op-")
    return int(number) - 1 if number != name and number.isdecimal() and len(number) < 10 else None
