from ..operation import LOAD
from ..reader import is_name
from .base import Form, OperationType
from .keys import COLUMNS, RETURN_IDS, ROW_NUMBERS, ROWS


class Load(OperationType):
    """Imports rows of values, like Odoo's `load`."""

    name = LOAD
    label = "Import"
    has_effects = True
    forms = (Form(COLUMNS | ROWS, RETURN_IDS | ROW_NUMBERS),)
    produces_ids = True

    def parse(self, reader, operation):
        fields = reader.get("fields")
        if not isinstance(fields, (list, tuple)) or not fields or not all(is_name(name) for name in fields):
            reader.add("fields must be the list of column names, as in Odoo's import", key="fields")
            fields = []
        operation.params["fields"] = list(fields)
        rows = reader.rows("data")
        for index, row in enumerate(rows):
            if not isinstance(row, (list, tuple)):
                reader.add("a row must be a list of values", index, "data")
            elif fields and len(row) != len(fields):
                reader.add(f"a row must have {len(fields)} values, as fields; this one has {len(row)}", index, "data")
        operation.items = [[row] for row in rows]
        operation.data_length = len(rows)
        reader.row_numbers(operation)

    def as_sent(self, item, params):
        return {"data": item, "fields": params["fields"]}
