from ..operation import ACTION
from ..reader import is_id, is_name
from .base import OperationType


class Action(OperationType):
    """Runs a server action on records."""

    name = ACTION
    label = "Server Action"
    keys = frozenset({"record_ids", "domain", "action", "group_by", "track_fields"})

    def parse(self, reader, operation):
        action = reader.get("action")
        if not (is_id(action) or (is_name(action) and action.count(".") == 1)):
            reader.add("action must be the id or the external id (module.name) of a server action", key="action")
            action = None
        operation.params["action"] = action
        reader.targets(operation)
        reader.track_fields(operation)

    def as_sent(self, item, params):
        return {"record_ids": [item], "action": params["action"]}
