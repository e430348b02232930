from ..kinds import server_action
from ..operation import ACTION
from .base import Form, OperationType
from .keys import DOMAIN, GROUP_BY, IDS, TRACK_FIELDS

_ACTION = server_action("The server action.")
_KEY, _BESIDE = {"action": _ACTION.schema}, GROUP_BY | TRACK_FIELDS


class Action(OperationType):
    """Runs a server action on records."""

    name = ACTION
    label = "Server Action"
    forms = (Form(_KEY | IDS, _BESIDE), Form(_KEY | DOMAIN, _BESIDE))

    def parse(self, reader, operation):
        try:
            operation.params["action"] = _ACTION.read(reader.get("action"))
        except ValueError as error:
            reader.add(f"action {error}", key="action")
            operation.params["action"] = None
        reader.targets(operation)
        reader.track_fields(operation)

    def as_sent(self, item, params):
        return {"record_ids": [item], "action": params["action"]}
