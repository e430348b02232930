"""An operation of a submission, in the normal form that all later stages read."""

from dataclasses import dataclass, field
from typing import Any

from .references import INDEX, REF

CREATE, UPDATE, UPSERT, DELETE, LOAD, CALL, ACTION = "create", "update", "upsert", "delete", "load", "call", "action"
#: Takes back what an operation of another job has changed; only the verb `undo` makes such operations.
UNDO = "undo"
#: From this many ids on, an update keeps its one set of values apart from them.
SHARED_FROM = 20
#: The parameter of a call that gets all its records at once: they are never cut apart.
SET = "set"
#: The parameter of a call or a server action: names of the fields to remember before and after it.
TRACK_FIELDS = "track_fields"


@dataclass(slots=True)
class Operation:
    """One entry of a submission in its normal form. `type` and `model` are None where the given ones are invalid.

    `items` holds what a chunk is cut from: value dicts (create, upsert), `[id, values]` pairs (update), ids
    (delete, call, action, update with `params["values"]`), groups of rows (load), one None (a model-level call),
    pairs of a record and its change, or one None (undo).
    """

    position: int
    operation_id: str
    type: str | None
    model: str | None
    items: list = field(default_factory=list)
    indexes: Any = None  # place of each item in the data; None: same as in `items`
    params: dict = field(default_factory=dict)
    selection: dict | None = None  # {"domain": …} or {"record_ids": …}: resolved when the operation starts
    context: dict = field(default_factory=dict)
    depends_on: tuple = ()
    refs: frozenset = frozenset()  # operations named by a $ref
    whole_refs: frozenset = frozenset()  # those of `refs` all of whose ids are used: they must have completed
    priority: int = 0
    group_by: str | None = None
    group_values: list | None = None  # of each item, where they were read from the records
    keys: list | None = None  # key of each item of an upsert, converted by its fields; None where they reject it
    id_columns: Any = None  # of a load, its columns with ids: see `external_ids`
    after: frozenset = frozenset()  # earlier operations with one of these keys, or with one of its external ids
    key_level: int = 0  # it runs after operations of lower levels with one of these; see `key_order`
    return_ids: bool = True
    item_levels: list | None = None  # of each item: it runs after those of lower levels; None: order does not matter
    firsts: dict | None = None  # cache of `first_of`
    absent: frozenset = frozenset()  # ids that did not exist at submission
    level: int = 0
    data_length: int = 0

    @property
    def record_count(self) -> int:
        """Records known at submission: 0 for a selection."""
        return len(self.items)

    def give_values_to_each(self):
        """Turn a few ids with shared values into `[id, values]` pairs, which can be coalesced with neighbours."""
        few = self.selection is None and len(self.items) < SHARED_FROM
        if few and len(set(map(target_of, self.items))) == len(self.items):
            values = self.params.pop("values")
            self.items = [[record_id, values] for record_id in self.items]

    def first_of(self, item: int) -> int:
        """Position of the first item of an update's list that is about the same record.

        :param item: position in `items`
        """
        if self.firsts is None:
            self.firsts = {}
            for place, (record_id, _values) in enumerate(self.items):
                self.firsts.setdefault(target_of(record_id), place)
        return self.firsts[target_of(self.items[item][0])]

    def index_of(self, item: int) -> int:
        """Place in the data of the item at this position."""
        return item if self.indexes is None else self.indexes[item]


def target_of(record_id):
    """A hashable value that is equal for two items of an update's list if they name the same record."""
    if record_id.__class__ is not dict:
        return record_id
    return tuple(repr(record_id.get(key)) for key in (REF, INDEX))  # a malformed reference is refused elsewhere


def default_name(position: int) -> str:
    """The name of an operation that its caller has not named.

    :param position: from 0
    """
    return f"op-{position + 1}"


def default_position(name: str) -> int | None:
    """The position whose `default_name` this is; None where it is no default name."""
    number = name.removeprefix("op-")
    return int(number) - 1 if number != name and number.isdecimal() and len(number) < 10 else None
