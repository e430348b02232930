"""The rows of an import before they are cut into chunks: which belong to one record, and which must come before which."""

from ..engine.rounds import levels_by_name

#: The column of an external id.
XMLID = "id"


def arrange(operation, model, paths, module):
    """Gather the rows of a `load` into records, and say which of them must come before which.

    :param list paths: of its columns, each a list of names
    :param str module: of external ids that name none
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
    """Gather import rows into records: a row with nothing but one2many columns belongs to the one above."""
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
    """Whether an external id at the end of this path names a record the row itself makes: its own, or a line of it."""
    for name in path:
        field = model._fields.get(name)
        if field is None or field.type != "one2many":
            return False
        model = model.env[field.comodel_name]
    return True


def _names(item, places, module):
    """The external ids in some columns of a record's rows, with their module."""
    found = []
    for row in item:
        if not isinstance(row, (list, tuple)):
            continue  # a problem of its own
        for place in places:
            value = row[place] if place < len(row) else None
            if value and isinstance(value, str):
                found += [name if "." in name else f"{module}.{name}" for name in map(str.strip, value.split(","))]
    return found
