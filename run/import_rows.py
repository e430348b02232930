"""Prepare the rows of a `load` for the planner: which rows form one record, and which records must come before others."""

from ..engine.external_ids import IdColumns, defined_names, needed_names
from ..engine.rounds import levels_by_name

#: The columns of an external id, and of a database id.
XMLID, DBID = "id", ".id"


def arrange(operation, model, paths, module):
    """Group the rows of a `load` into records, and set `item_levels` if records refer to each other by external id.

    :param operation: the parsed `Operation`; its `items`, `indexes` and `id_columns` change
    :param model: the model to import into
    :param list paths: the columns, each a list of field names
    :param str module: module of external ids that are written without one
    """
    group_rows(operation, model, paths)
    operation.id_columns = id_columns(model, paths, module)
    defined = defined_names(operation)
    names = {name for record in defined for name in record}
    needed = [[name for name in record if name in names] for record in (needed_names(operation) if names else [])]
    if any(needed) or len(names) < sum(map(len, defined)):
        operation.item_levels = levels_by_name(defined, needed or [[]] * len(defined))


def group_rows(operation, model, paths):
    """Group import rows into records: a row with values in one2many columns only belongs to the record above.

    :param operation: the parsed `Operation`; its `items` and `indexes` change
    :param model: the model to import into
    :param list paths: the columns, each a list of field names
    """
    if not _columns_of_lines(model, paths):
        return
    begins = starts_record(model, paths)
    items, indexes = [], []
    for index, [row] in enumerate(operation.items):
        whole = isinstance(row, (list, tuple)) and len(row) == len(paths)
        if items and whole and not begins(row):
            items[-1].append(row)
        else:
            items.append([row])
            indexes.append(index)
    operation.items, operation.indexes = items, indexes


def starts_record(model, paths):
    """Returns a function that tells whether a row begins a record: one with values in one2many columns only does not.

    :param model: the model to import into
    :param list paths: the columns, each a list of field names
    """
    of_lines = _columns_of_lines(model, paths)
    own = [place for place in range(len(paths)) if place not in of_lines]
    if not of_lines:
        return lambda row: True
    return lambda row: any(row[place] for place in own) or not any(row[place] for place in of_lines)


def leaf_field(model, path):
    """The field that a column ends with; None for an external or database id, a property, and where there is none.

    :param model: the model to import into
    :param list path: the column, as a list of field names
    """
    field = None
    for name in path:
        field = model._fields.get(name) if model is not None and name not in (XMLID, DBID) else None
        model = model.env[field.comodel_name] if field is not None and field.comodel_name else None
    return field


def id_columns(model, paths, module):
    """The columns with ids.

    :param model: the model to import into
    :param list paths: the columns, each a list of field names
    :param str module: module of external ids that are written without one
    :returns: the `IdColumns`
    """
    made = {model._name}  # models of the records that the rows create
    for path in paths:
        made.update(_models_of_lines(model, path))
    own, of_lines, referring, within = [], [], [], []
    for place, path in enumerate(paths):
        if path[-1] != XMLID:
            continue
        if len(_models_of_lines(model, path)) == len(path) - 1:
            own.append(place)
            if len(path) > 1:
                of_lines.append(place)
            continue
        referring.append(place)
        named = _named_model(model, path[:-1])
        if named is None or named in made:
            within.append(place)
    database_ids = [place for place, path in enumerate(paths) if path == [DBID]]
    return IdColumns(tuple(own), tuple(of_lines), tuple(database_ids), tuple(referring), tuple(within), module)


def _columns_of_lines(model, paths):
    """The places of one2many columns."""
    fields = [model._fields.get(path[0]) for path in paths]
    return {place for place, field in enumerate(fields) if field is not None and field.type == "one2many"}


def _models_of_lines(model, path):
    """The models of the lines, and of their lines, that a column leads to."""
    found = []
    for name in path:
        field = model._fields.get(name)
        if field is None or field.type != "one2many":
            break
        found.append(field.comodel_name)
        model = model.env[field.comodel_name]
    return found


def _named_model(model, path):
    """The model of the record that a column's external id names; None where that is not known: of a property."""
    for name in path:
        field = model._fields.get(name)
        if field is None or not field.comodel_name:
            return None
        model = model.env[field.comodel_name]
    return model._name
