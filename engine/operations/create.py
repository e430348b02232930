from ..operation import CREATE
from .base import Form, OperationType
from .keys import GROUP_BY, RECORDS, RETURN_IDS, ROW_NUMBERS


class Create(OperationType):
    """Creates a record for each object of values in `data`."""

    name = CREATE
    label = "Create"
    has_effects = True
    forms = (Form(RECORDS, GROUP_BY | RETURN_IDS | ROW_NUMBERS),)
    produces_ids = True

    def parse(self, reader, operation):
        operation.items = reader.dicts()
        reader.row_numbers(operation)

    def as_sent(self, item, params):
        return {"data": [item]}
