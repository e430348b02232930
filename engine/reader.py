"""Reads and checks the keys of one raw operation."""

from typing import Any

from .operation import TRACK_FIELDS
from .problems import UNSAYABLE, Problems
from .references import INDEX, is_ref
from .row_numbers import ROWS, runs_of
from .values import MAX_INTEGER

#: Most characters of a name of a model, an operation or a field.
MAX_NAME = 256


def absent(value: Any) -> bool:
    """Whether a key counts as not given: its value is null, or false, which XML-RPC clients send instead."""
    return value is None or value is False


def is_id(value: Any) -> bool:
    """Whether a value is a whole number above 0; see also `values.can_be_id`."""
    return value.__class__ is int and value > 0


def is_name(value: Any) -> bool:
    """Whether a value is a text of 1 to `MAX_NAME` characters, not blank, that PostgreSQL, JSON and XML accept."""
    if not isinstance(value, str) or len(value) > MAX_NAME or not value.strip():
        return False
    return value.isprintable() or not UNSAYABLE.search(value)


class Reader:
    """Reads the current raw operation (`raw`, at `position`).

    An invalid value is added to `problems` and replaced by a harmless one, so that the rest is checked too.
    """

    __slots__ = ("position", "problems", "raw")

    def __init__(self, problems: Problems):
        self.problems = problems

    def add(self, message, record=False, key=False):
        """Add a problem of this operation; see `Problem` for `record` and `key`."""
        self.problems.add(message, operation=self.position, record=record, key=key)

    def get(self, key):
        """The value of a key; None where it is absent."""
        value = self.raw.get(key)
        return None if value is False else value

    def boolean(self, key, default):
        """The value of a key that may be true or false: here false does not mean absent.

        :param default: the value of a missing or invalid key
        """
        value = self.raw.get(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.add(f"{key} must be true or false", key=key)
            return default
        return value

    def field_name(self, key):
        """The value of a key that names a field; None where it is absent or invalid."""
        value = self.get(key)
        if value is None or is_name(value):
            return value
        self.add(f"{key} must be the name of a field", key=key)
        return None

    def track_fields(self, operation):
        """Read the names of the fields to remember before and after; sets `params[TRACK_FIELDS]` if they are given."""
        names = self.get(TRACK_FIELDS)
        if names is None:
            return
        if isinstance(names, (list, tuple)) and names and all(map(is_name, names)):
            operation.params[TRACK_FIELDS] = list(dict.fromkeys(names))
        else:
            self.add("track_fields must be a list of one or more field names", key=TRACK_FIELDS)

    def rows(self, key):
        """The value of a key that must be a list."""
        value = self.get(key)
        if isinstance(value, (list, tuple)):
            return value
        self.add(f"{key} must be a list", key=key)
        return []

    def dicts(self):
        """The records in `data`: dicts of field values."""
        rows = list(self.rows("data"))
        for index, values in enumerate(rows):
            if not isinstance(values, dict):
                self.add("a record must be an object of field values", index, "data")
                rows[index] = {}
        return rows

    def row_numbers(self, operation):
        """Read the numbers that the rows of `data` have in their file; sets `params[ROWS]` if they are given."""
        numbers = self.get("row_numbers")
        if numbers is None:
            return
        if not isinstance(numbers, (list, tuple)) or not all(is_id(number) and number <= MAX_INTEGER for number in numbers):
            self.add("row_numbers must be a list of whole numbers above 0", key="row_numbers")
        elif len(numbers) != len(self.rows("data")):
            self.add("row_numbers must have a number for each row of data", key="row_numbers")
        elif numbers:
            operation.params[ROWS] = runs_of(numbers)

    def targets(self, operation, ids_key="record_ids"):
        """Read which existing records an operation is about.

        Sets `items` to their ids, or `selection` where they are found only when the operation starts: by a domain, or by the
        ids of another operation.

        :param operation: the `Operation` to be completed
        :param str ids_key: the key with the ids
        """
        ids, domain = self.get(ids_key), self.get("domain")
        if (ids is None) == (domain is None):
            self.add(
                f"either {ids_key} or domain is required" if ids is None else "give record_ids or a domain, not both",
                key=ids_key,
            )
            return
        if domain is not None:
            if isinstance(domain, (list, tuple)):
                operation.selection = {"domain": list(domain)}
            else:
                self.add("domain must be a list", key="domain")
            return
        if is_ref(ids):
            ids = [ids]
        if not isinstance(ids, (list, tuple)):
            self.add(f"{ids_key} must be a list of ids", key=ids_key)
            return
        for index, record_id in enumerate(ids):
            if not is_id(record_id) and not is_ref(record_id):
                self.add("an id must be a whole number above 0", index, ids_key)
        ids = [record_id for record_id in ids if is_id(record_id) or is_ref(record_id)]
        if any(is_ref(record_id) and INDEX not in record_id for record_id in ids):
            operation.selection = {"record_ids": list(ids)}
        else:
            operation.items = list(ids)
