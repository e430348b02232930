from ..operation import UPSERT
from ..reader import is_name
from .base import Form, OperationType
from .keys import GROUP_BY, KEY, RECORDS, RETURN_IDS, ROW_NUMBERS


class Upsert(OperationType):
    """Updates the record with the same values of the `key` fields, or creates it."""

    name = UPSERT
    label = "Upsert"
    has_effects = True
    forms = (Form(RECORDS | KEY, GROUP_BY | RETURN_IDS | ROW_NUMBERS),)
    produces_ids = True

    def parse(self, reader, operation):
        key = reader.get("key")
        if isinstance(key, str) and key:
            key = [key]
        if not isinstance(key, (list, tuple)) or not key or not all(is_name(name) for name in key):
            reader.add("key must be a list of one or more field names", key="key")
            key = []
        operation.params["key"] = key = list(dict.fromkeys(key))
        operation.items = reader.dicts()
        reader.row_numbers(operation)
        for index, values in enumerate(operation.items):
            missing = [name for name in key if name not in values]
            if missing:
                reader.add(f"each record must hold the key fields; missing: {', '.join(missing)}", index, "data")

    def as_sent(self, item, params):
        return {"data": [item], "key": params["key"]}
