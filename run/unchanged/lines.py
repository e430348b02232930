"""Whether commands of an x2many field change nothing: they link what is linked, and write on lines what these hold."""

from odoo import Command, fields
from odoo.tools import SQL


def test(model, field, ids, unchanged):
    """The function that takes a record's id and the commands for it; None where nothing certain can be said.

    :param model: the model of the field
    :param field: a field of many records
    :param ids: of all records
    :param unchanged: function that finds unchanged ones among the lines
    """
    comodel = model.env[field.comodel_name].with_context(**field.context)
    if not field.store or not comodel._auto:
        return None
    if type(field) is fields.Many2many and field.relation:
        links = _related(model, field, ids)
    elif type(field) is fields.One2many and _is_plain(comodel._fields.get(field.inverse_name)):
        links = _lines(comodel, field, ids)
    else:
        return None

    def same(record_id, value):
        commands = _commands(value)
        linked, written = links.get(record_id, set()), []
        left = set(linked)
        for command in commands:
            kind, line_id = command[0], command[1] if len(command) > 1 else None
            if kind == Command.LINK:
                left.add(line_id)
            elif kind == Command.UNLINK:
                left.discard(line_id)
            elif kind == Command.CLEAR:
                left.clear()
            elif kind == Command.SET:
                left = set(command[2])
            elif kind == Command.UPDATE and line_id in linked:
                written.append((line_id, command[2]))
            else:
                return False
            if field.type == "one2many" and not linked <= left:
                return False  # a line that has left is not the same once it is back
        return left == linked and len(unchanged(comodel, written)) == len(written)

    return same


def _is_plain(inverse):
    return inverse is not None and inverse.type == "many2one" and inverse.store and not inverse.company_dependent


def _commands(value):
    """The commands that Odoo makes of a value.

    :raises ValueError: it makes none of it
    """
    if value is False or value is None:
        return [Command.clear()]
    if not isinstance(value, list):
        raise ValueError("no commands")
    if value and not isinstance(value[0], (tuple, list)):
        return [Command.set(value)]
    return value


def _related(model, field, ids):
    """Linked ids by record; also those that the user does not see, which a write leaves alone."""
    query = SQL(
        "SELECT %s, array_agg(%s) FROM %s WHERE %s = ANY(%s) GROUP BY 1",
        SQL.identifier(field.column1), SQL.identifier(field.column2), SQL.identifier(field.relation),
        SQL.identifier(field.column1), list(ids),
    )  # fmt: skip
    return {record_id: set(linked) for record_id, linked in model.env.execute_query(query)}


def _lines(comodel, field, ids):
    """Ids of the lines by record."""
    inverse = SQL.identifier(field.inverse_name)
    query = SQL(
        "SELECT %s, array_agg(id) FROM %s WHERE %s = ANY(%s) GROUP BY 1",
        inverse, SQL.identifier(comodel._table), inverse, list(ids),
    )  # fmt: skip
    return {record_id: set(linked) for record_id, linked in comodel.env.execute_query(query)}
