"""Operations from spreadsheets (CSV, XLSX, XLS, ODS) whose first row names the fields: checked as `submit` checks them, with the numbers of the rows."""

import io
import json
from collections import Counter
from types import SimpleNamespace

from odoo.exceptions import UserError
from odoo.models import fix_import_export_id_paths

from odoo.addons.base_import.models.base_import import ImportValidationError

from ..engine.file_parameters import CSV, FileParameters
from ..engine.operation import UPSERT
from ..engine.payload import dumps
from ..engine.problems import Problems
from .file_convert import column_problems, convert
from .file_source import Page, opened
from .handlers.load import path_problem
from .import_rows import DBID, XMLID, starts_record
from .submission import problems_of

#: How Odoo's import reads a workbook where nothing is chosen: the first sheet.
READING = {"sheet": "", "has_headers": True}


def read_sheet(env, content, file_name, kind, model, key=()):
    """Read a spreadsheet into an operation.

    :param env: the caller's environment
    :param bytes content: of the file
    :param str file_name: its name, whose end may say what it is
    :param str kind: create, update or upsert
    :param str model: name of a model that is there
    :param key: names of the fields that identify a record, for an upsert
    :returns: `(operation, problems)`; a problem has the number of its row as `row`
    :raises AccessError: the caller is no batch user
    """
    problems = Problems()
    operation = {"operation_type": kind, "model": model, "data": [], "row_numbers": []}
    if kind == UPSERT:
        operation["key"] = list(key)
    titles, rows = _read(env, content, file_name, model, problems)
    if not (rows or problems):
        problems.add(env._("the file has no records"))
    if not problems:
        found = _converted(env[model], titles, rows, operation, problems)
        operation["row_numbers"] = [number for number, _values in found]
        operation["data"] = json.loads(dumps([values for _number, values in found]))
    if not problems:
        for problem in (refused := problems_of(env, [operation])).kept:
            row = False if problem.record is False else operation["row_numbers"][problem.record]
            problems.add(problem.message, key=problem.key, row=row)
        problems.count += refused.count - len(refused.kept)
    problems.sort_by_row()
    return operation, problems


def _read(env, content, file_name, model, problems):
    """Returns the titles of the columns, and the rows below them that are not blank, each as `(number in the file, cells)`."""
    if file_name.lower().endswith(".csv"):
        parameters = FileParameters(CSV, {"model": model}, {"encoding": _encoding(content)})
        with opened(io.BytesIO(content), parameters, problems) as table:
            return table.columns, list(table)
    reading, options = SimpleNamespace(kind=None, rows=[], last=0), dict(READING)
    values = {"res_model": model, "file": content, "file_name": file_name}
    importer = env["base_import.import"].with_context(batch_reading=reading).new(values)
    try:
        _length, rows = importer._read_file(options)
        numbered = importer._numbered_rows(options) or list(enumerate(rows, 1))
    except (ImportValidationError, UserError, LookupError, TypeError, ValueError) as error:
        problems.add(str(error) or env._("the file can't be read"))
        return [], []
    return (numbered[0][1], numbered[1:]) if numbered else ([], [])


def _encoding(content):
    """UTF-8, or else what spreadsheets of Windows write in the west. A mark at the beginning says another one."""
    try:
        content.decode()
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _converted(model, titles, rows, operation, problems):
    """The values of the records, each as `(number of the row, values)`."""
    columns = _fields(model, titles, problems)
    paths = [fix_import_export_id_paths(name) for name in columns]
    for title, path in zip(titles, paths, strict=True):
        if problem := path_problem(model, path):
            problems.add(f"{title}: {problem}")
    if not problems:
        for problem in column_problems(model.env, operation["operation_type"], paths, operation.get("key", ())):
            problems.add(problem)
    if problems:
        return []
    begins, page = starts_record(model, paths), Page()
    for number, row in rows:
        if begins(row) or not page.data:
            page.starts.append(len(page.data))
        page.numbers.append(number)
        page.data.append(row)
    return convert(model, paths, page, operation["operation_type"], problems)


def _fields(model, header, problems):
    """The fields that the columns are for: by their names, or else by their labels, as Odoo's export writes them."""
    labels = {"external id": [XMLID]}
    for name, field in model.fields_get(attributes=["string"]).items():
        labels.setdefault(field["string"].lower(), []).append(name)
    names = []
    for title in map(str.strip, header):
        found = labels.get(title.lower(), [])
        if title.partition("/")[0] in (*model._fields, XMLID, DBID) or len(found) != 1:
            names.append(title)  # where there is no such field, it is told
        else:
            names += found
    for name, count in Counter(names).items():
        if count > 1:
            problems.add(model.env._("several columns are for the field '%s'", name))
    return names
