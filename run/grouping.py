"""What `group_by` groups records by: values the records themselves hold, as far as the user may read them."""

from odoo.tools import split_every

from ..engine.operation import CREATE, UPDATE, UPSERT
from ..engine.values import can_be_id

#: Records asked at a time.
PAGE = 5000


def carries_values(operation):
    """Whether the data of an operation says for each record what it is grouped by."""
    if operation.type in (CREATE, UPSERT):
        return True
    return _has_pairs(operation) and all(operation.group_by in values for _id, values in operation.items)


def read_values(env, operation):
    """Note the grouping value of each item that does not carry it itself."""
    name, pairs = operation.group_by, _has_pairs(operation)
    ids = [item[0] if pairs else item for item in operation.items]
    model = env(context={**env.context, **operation.context})[operation.model]
    found = values_of(model, name, [id_ for id_ in ids if can_be_id(id_)])
    operation.group_values = [
        item[1][name] if pairs and name in item[1] else found.get(id_) if id_.__class__ is int else None
        for item, id_ in zip(operation.items, ids, strict=True)
    ]


def values_of(model, name, ids):
    """Field values by id, of those records that the user may read.

    How records are put together shows which of them share a value: what can't be read must not be told by it. A record
    without a value is in the group of all that have none, and fails for itself when it is run.

    :raises AccessError: the user may not read the field, or no record of the model at all
    """
    found = {}
    for page in split_every(PAGE, ids, list):
        records = model.with_context(active_test=False).search_fetch([("id", "in", page)], [name], order="id")
        found.update((row["id"], row[name]) for row in records.read([name], load=None))
    return found


def _has_pairs(operation):
    return operation.type == UPDATE and "values" not in operation.params
