from ..operation import DELETE
from .base import Form, OperationType
from .keys import DOMAIN, IDS, IDS_IN_DATA


class Delete(OperationType):
    """Deletes records, given by ids (in `data` or `record_ids`) or by a domain."""

    name = DELETE
    aliases = ("unlink",)
    label = "Delete"
    has_effects = True
    forms = (Form(IDS_IN_DATA, {}), Form(IDS, {}), Form(DOMAIN, {}))

    def parse(self, reader, operation):
        in_data = reader.get("data") is not None
        if in_data and (reader.get("record_ids") is not None or reader.get("domain") is not None):
            reader.add("give the ids once: in data or in record_ids, or give a domain", key="data")
            return
        reader.targets(operation, ids_key="data" if in_data else "record_ids")

    def as_sent(self, item, params):
        return {"record_ids": [item]}
