"""Which records a model has made, and which were there before."""

from odoo.tools import SQL, sql


def newest_id(model):
    """The highest id of a model's records, 0 for none: records that are made later have higher ones.

    :param model: the model
    """
    if not (model._auto or sql.table_kind(model.env.cr, model._table)):
        return 0
    [(newest,)] = model.env.execute_query(SQL("SELECT max(id) FROM %s", SQL.identifier(model._table)))
    return newest or 0
