from ..operation import UPDATE, target_of
from ..reader import is_id
from ..references import INDEX, is_flat, is_ref
from ..rounds import levels_by_key
from .base import Form, OperationType
from .keys import DOMAIN, GROUP_BY, IDS, RECORDS_WITH_IDS, ROW_NUMBERS, SAME_VALUES


class Update(OperationType):
    """Writes one object of values on many records, or on each record of a list its own.

    The one object is `params["values"]`, unless `give_values_to_each` has shared it out.
    """

    name = UPDATE
    label = "Update"
    has_effects = True
    forms = (
        Form(SAME_VALUES | IDS, GROUP_BY),
        Form(SAME_VALUES | DOMAIN, GROUP_BY),
        Form(RECORDS_WITH_IDS, GROUP_BY | ROW_NUMBERS),
    )

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
