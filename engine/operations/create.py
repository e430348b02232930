from ..operation import CREATE
from .base import OperationType


class Create(OperationType):
    """Creates a record for each object of values in `data`."""

    name = CREATE
    label = "Create"
    has_effects = True
    keys = frozenset({"data", "group_by", "return_ids", "row_numbers"})
    produces_ids = True

    def parse(self, reader, operation):
        operation.items = reader.dicts()
        reader.row_numbers(operation)

    def as_sent(self, item, params):
        return {"data": [item]}
