"""Which existing records the rows of an import name."""

from ...engine.values import can_be_id


def named_records(model, columns, rows):
    """Ids of the records that rows name by external id or database id, as `Model.load` finds them; None where there is none.

    :param model: the model of the import
    :param list columns: names of its columns
    :param list rows: the first row of each record
    """
    found = [None] * len(rows)
    for place, column in enumerate(columns):
        find = FINDERS.get(column)
        if find:
            cells = [str(row[place] or "").strip() for row in rows]
            known = find(model, {cell for cell in cells if cell})
            found = [id_ or known.get(cell) for id_, cell in zip(found, cells, strict=True)]
    return found


def _by_external_id(model, cells):
    module = model.env.context.get("module", "__import__")
    names = {cell: cell if "." in cell else f"{module}.{cell}" for cell in cells}
    rows = model.env["ir.model.data"]._lookup_xmlids(set(names.values()), model)
    # the record that it names may be gone: then the last column is null
    known = {f"{module}.{name}": id_ for _id, module, name, model_name, _res_id, _, id_ in rows if model_name == model._name}
    return {cell: known.get(name) for cell, name in names.items()}


def _by_database_id(model, cells):
    ids = {cell: int(cell) for cell in cells if cell.isdecimal() and can_be_id(int(cell))}
    exist = set(model.browse(ids.values()).exists()._ids)
    return {cell: id_ for cell, id_ in ids.items() if id_ in exist}


FINDERS = {"id": _by_external_id, ".id": _by_database_id}
