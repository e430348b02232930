from ..operation import UPDATE, target_of
from ..reader import is_id
from ..references import INDEX, is_flat, is_ref
from ..rounds import levels_by_key
from .base import OperationType


class Update(OperationType):
    """Writes one object of values on many records (`params["values"]`), or a list of records with their own values."""

    name = UPDATE
    label = "Update"
    has_effects = True
    keys = frozenset({"data", "record_ids", "domain", "group_by", "row_numbers"})

    def parse(self, reader, operation):
        data = reader.raw.get("data")
        if isinstance(data, dict):
            reader.targets(operation)
            operation.params["values"] = data
            if is_flat(data):
                operation.give_values_to_each()
            return
        reader.row_numbers(operation)
        for key in ("record_ids", "domain"):
            if reader.get(key) is not None:
                reader.add(f"{key} goes with one object of values in data, not with a list", key=key)
        for index, values in enumerate(reader.dicts()):
            record_id = values.get("id")
            if is_id(record_id) or (is_ref(record_id) and INDEX in record_id):
                operation.items.append([record_id, {k: v for k, v in values.items() if k != "id"}])
            else:
                reader.add("each record must hold the id of an existing record", index, "data")
        targets = [target_of(record_id) for record_id, _values in operation.items]
        if len(set(targets)) < len(targets):
            operation.item_levels = levels_by_key(targets)

    def as_sent(self, item, params):
        if "values" in params:
            return {"record_ids": [item], "data": params["values"]}
        record_id, values = item
        return {"data": [{**values, "id": record_id}]}
