"""The rows of a CSV as values of records, for operations that take values: converted as Odoo's import converts them, all at once."""

import psycopg2

from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tools.lru import LRU

from ..engine.cells import value_of
from ..engine.operation import CREATE, UPDATE, UPSERT
from ..engine.values import can_be_id
from .fast.loading import loading
from .import_rows import DBID, XMLID


def column_problems(env, kind, paths, key):
    """Yield what is wrong with the columns of a CSV for such an operation.

    :param str kind: create, update or upsert
    :param list paths: the columns, each a list of field names
    :param list key: names of the fields that identify a record, of an upsert
    """
    names = {path[0] for path in paths}
    given = names & {XMLID, DBID}
    if kind == UPDATE and len(given) != 1:
        yield env._("an update needs a column 'id', with external ids or database ids")
    if kind == CREATE and given:
        yield env._("a column 'id' goes with type=load, or with type=update")
    if kind == UPSERT and given and XMLID not in key:
        yield env._("a column 'id' goes with type=load, or with type=update")
    for name in key if kind == UPSERT else ():
        if name not in names and not (name == XMLID and given):
            yield env._("there is no column of the key field '%s'", name)


def convert(model, paths, page, kind, problems):
    """Convert the rows of a page.

    :param model: the model, in the caller's environment
    :param list paths: the columns, each a list of field names
    :param Page page: its rows are lists of texts
    :param str kind: create, update or upsert
    :param Problems problems: what can't be converted is added to it
    :returns: list of `(row number, values)`
    """
    module = model.env.context.get("module", "__import__")
    model = model.with_context(_import_current_module=module, import_cache=LRU(1024), import_flush=lambda **_what: None)
    messages, found, is_named = [], [], kind != CREATE and any(path[0] in (XMLID, DBID) for path in paths)
    try:
        with model.env.cr.savepoint(flush=False) as savepoint, loading(model.env):
            rows = model._extract_records(paths, page.data, log=messages.append)
            for id_, xmlid, values, info in model._convert_records(rows, log=messages.append, savepoint=savepoint):
                found.append((page.numbers[info["rows"]["from"]], id_ or xmlid, values))
    except (UserError, psycopg2.DataError) as error:  # what looks records up may refuse to, or not take a value
        starts = page.starts
        problems.add(str(error), row=page.numbers[starts[min(len(found), len(starts) - 1)]])
        return []
    for message in messages:  # warnings too: an operation of values has no way to pass them on
        first = (message.get("rows") or {}).get("from", 0)
        problems.add(str(message.get("message", "")), row=page.numbers[first], key=message.get("field") or False)
    for number, _id, values in found:
        if _names_new_lines(values):
            problems.add(model.env._("new lines with external ids go with type=load"), row=number)
    if is_named:
        found = _with_ids(model, found, module, problems)
    return [(number, values) for number, _id, values in found]


def read_values(model, names, page, problems):
    """Read the rows of a page of a mended file of failures, whose cells hold values as operations take them.

    :param model: the model, in the caller's environment
    :param names: of the fields, as the columns
    :param Page page: its rows are lists of texts
    :param Problems problems: what can't be read is added to it
    :returns: as of `convert`
    """
    kinds = {name: "integer" if name == XMLID else model._fields[name].type for name in names}
    found = []
    for number, row in zip(page.numbers, page.data, strict=True):
        values = {}
        for name, cell in zip(names, row, strict=True):
            try:
                values[name] = value_of(cell, kinds[name])
            except (ValueError, RecursionError) as error:
                problems.add(model.env._("%(name)s: not valid JSON: %(error)s", name=name, error=error), row=number, key=name)
        found.append((number, values))
    return found


def _with_ids(model, found, module, problems):
    """The same, with the ids of the records among the values."""
    names = {id_ if "." in id_ else f"{module}.{id_}" for _number, id_, _values in found if isinstance(id_, str) and not id_.isdecimal()}
    ids = {}
    for _id, prefix, name, target, target_id, _noupdate, existing in model.env["ir.model.data"]._lookup_xmlids(names, model):
        if existing and target == model._name:
            ids[f"{prefix}.{name}"] = target_id
    named = []
    for number, id_, values in found:
        if isinstance(id_, str):
            record_id = int(id_) if id_.isdecimal() else ids.get(id_ if "." in id_ else f"{module}.{id_}")
        else:
            record_id = id_
        if can_be_id(record_id):
            named.append((number, id_, {XMLID: record_id, **values}))
        else:
            message = model.env._("there is no record with the id %s", repr(id_)[:100]) if id_ else model.env._("the id is missing")
            problems.add(message, row=number, key=XMLID)
    return named


def _names_new_lines(values):
    """Whether values create a line with an external id, which only `load` can give it."""
    for value in values.values():
        for command in value if isinstance(value, list) else ():
            if isinstance(command, tuple) and command[0] == Command.CREATE and (XMLID in command[2] or _names_new_lines(command[2])):
                return True
    return False
