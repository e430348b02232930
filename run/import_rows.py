"""Prepare the rows of a `load` for the planner: which rows form one record, and which records must come before others."""

from ..engine.rounds import levels_by_name

#: The column of an external id.
XMLID = "id"


def arrange(operation, model, paths, module):
    """Group the rows of a `load` into records, and set `item_levels` if records refer to each other by external id.

    :param operation: the parsed `Operation`; its `items` and `indexes` change
    :param model: the model to import into
    :param list paths: the columns, each a list of field names
    :param str module: module of external ids that are written without one
    """
    group_rows(operation, model, paths)
    own = [place for place, path in enumerate(paths) if path[-1] == XMLID and _is_of_lines(model, path[:-1])]
    foreign = [place for place, path in enumerate(paths) if path[-1] == XMLID and place not in own]
    defined = [_names(item, own, module) for item in operation.items]
    names = {name for record in defined for name in record}
    needed = [[name for name in _names(item, foreign, module) if name in names] for item in operation.items]
    if any(needed) or len(names) < sum(map(len, defined)):
        operation.item_levels = levels_by_name(defined, needed)


def group_rows(operation, model, paths):
    """Group import rows into records: a row with values in one2many columns only belongs to the record above.

    :param operation: the parsed `Operation`; its `items` and `indexes` change
    :param model: the model to import into
    :param list paths: the columns, each a list of field names
    """
    rows = [item[0] for item in operation.items]
    lines = [model._fields.get(path[0]) for path in paths]
    sub = [place for place, field in enumerate(lines) if field is not None and field.type == "one2many"]
    if not sub:
        return
    own = [place for place in range(len(paths)) if place not in set(sub)]
    items, indexes = [], []
    for index, row in enumerate(rows):
        whole = isinstance(row, (list, tuple)) and len(row) == len(paths)
        if items and whole and any(row[place] for place in sub) and not any(row[place] for place in own):
            items[-1].append(row)
        else:
            items.append([row])
            indexes.append(index)
    operation.items, operation.indexes = items, indexes


def _is_of_lines(model, path):
    """Whether an external id in this column names a record that the row itself creates: the record or one of its lines."""
    for name in path:
        field = model._fields.get(name)
        if field is None or field.type != "one2many":
            return False
        model = model.env[field.comodel_name]
    return True


def _names(item, places, module):
    """The external ids in these columns of a record's rows, each with its module."""
    found = []
    for row in item:
        if not isinstance(row, (list, tuple)):
            continue  # reported as a problem elsewhere
        for place in places:
            value = row[place] if place < len(row) else None
            if value and isinstance(value, str):
                found += [name if "." in name else f"{module}.{name}" for name in map(str.strip, value.split(","))]
    return found
