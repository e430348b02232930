"""The values that `group_by` groups records by: field values of the records, if the user may read them."""

from odoo.tools import split_every

from ..engine.operation import CREATE, UPDATE, UPSERT
from ..engine.values import can_be_id

#: Records read at a time.
PAGE = 5000


def carries_values(operation):
    """Whether the data of an operation contains the grouping value of each record, so that it need not be read.

    :param operation: a parsed `Operation` with `group_by`
    """
    if operation.type in (CREATE, UPSERT):
        return True
    return _has_pairs(operation) and all(operation.group_by in values for _id, values in operation.items)


def read_values(env, operation):
    """Set `group_values` of an operation: the grouping value of each item, from its data or else from the database.

    :param env: the caller's environment
    :param operation: a parsed `Operation` with `group_by`
    :raises AccessError: see `values_of`
    """
    name, pairs = operation.group_by, _has_pairs(operation)
    ids = [item[0] if pairs else item for item in operation.items]
    model = env(context={**env.context, **operation.context})[operation.model]
    found = values_of(model, name, [id_ for id_ in ids if can_be_id(id_)])
    operation.group_values = [
        item[1][name] if pairs and name in item[1] else found.get(id_) if id_.__class__ is int else None
        for item, id_ in zip(operation.items, ids, strict=True)
    ]


def values_of(model, name, ids):
    """Values of a field, by record id, for the records that the user may read.

    The grouping reveals which records share a value, so values that the user may not read are left out. Records without a value
    here form one group; those that can't be read fail when they run.

    :param model: in the user's environment
    :param str name: name of the field
    :param ids: ids of records
    :returns: dict id -> value
    :raises AccessError: the user may not read the field, or the model
    """
    found = {}
    for page in split_every(PAGE, ids, list):
        records = model.with_context(active_test=False).search_fetch([("id", "in", page)], [name], order="id")
        found.update((row["id"], row[name]) for row in records.read([name], load=None))
    return found


def _has_pairs(operation):
    return operation.type == UPDATE and "values" not in operation.params
