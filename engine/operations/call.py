from ..operation import CALL, SET
from ..reader import is_name
from .base import Form, OperationType
from .keys import ARGUMENTS, AS_A_SET, DOMAIN, GROUP_BY, IDS, METHOD, TRACK_FIELDS

_ON_RECORDS = ARGUMENTS | GROUP_BY | AS_A_SET | TRACK_FIELDS


class Call(OperationType):
    """Calls a method on records, or once on the model.

    The latter has `params["model_level"]`.
    """

    name = CALL
    label = "Call"
    forms = (Form(METHOD, ARGUMENTS), Form(METHOD | IDS, _ON_RECORDS), Form(METHOD | DOMAIN, _ON_RECORDS))

    def parse(self, reader, operation):
        method = reader.get("method")
        if not is_name(method):
            reader.add("method must be the name of a public method", key="method")
        args, kwargs = reader.get("args"), reader.get("kwargs")
        if args is not None and not isinstance(args, (list, tuple)):
            reader.add("args must be a list", key="args")
            args = None
        if kwargs is not None and not isinstance(kwargs, dict):
            reader.add("kwargs must be an object", key="kwargs")
            kwargs = None
        operation.params.update(method=method, args=list(args or ()), kwargs=dict(kwargs or {}))
        if reader.get("record_ids") is None and reader.get("domain") is None:
            operation.params["model_level"] = True
            operation.items = [None]
            for key in ("set", "track_fields"):
                if reader.get(key):
                    reader.add(f"{key} goes with record_ids or a domain", key=key)
            return
        reader.targets(operation)
        self._read_set(reader, operation)
        reader.track_fields(operation)

    def _read_set(self, reader, operation):
        """Read whether the method must get all records in one call; such an operation returns one value."""
        value = reader.get("set")
        if value is None:
            return
        if value is not True:
            reader.add("set must be true or false", key="set")
            return
        operation.params[SET] = True
        operation.data_length = 1

    def as_sent(self, item, params):
        sent = {key: params[key] for key in ("method", "args", "kwargs")}
        if not params.get("model_level"):
            sent["record_ids"] = [item]
        return sent
