"""A file of failures that somebody has mended: its rows are matched with the failures, and what was changed runs again."""

import csv
import io
import json
import zipfile
from itertools import groupby, islice

from odoo.exceptions import UserError, ValidationError

from ..engine import states
from ..engine.cells import (
    ERROR,
    PLACE,
    armed,
    cell_of,
    held,
    looks_equal,
    rows_of_item,
    value_of,
    with_changes,
)
from ..engine.problems import SPELLED_OUT, sayable
from ..engine.reader import is_name
from ..engine.values import MAX_INTEGER
from ..store import chosen
from ..store.references import ids_by_name
from .access import check_submitter
from .change import lock_for_change
from .failure_file import PAGE
from .failures import columns_of, item_of
from .files import CELL_LENGTH, text_cell
from .log import log
from .mended import store_mended
from .retry import retry_chosen

#: Most bytes of a spreadsheet's unpacked parts.
UNPACKED_SIZE = 256 * 1024**2


def upload(job, name, content):
    """Match the rows of a file with the failures of a job that stand, by `_operation` and `_index`, and retry what was changed.

    Nothing is changed if a value can't be run, or the file can't be read.

    :param job: one finished job, in its submitter's environment
    :param str name: of the file; it ends in .csv, .xlsx or .ndjson
    :param bytes content: of the file
    :returns: dict with `retried` (number of records), `unchanged` (rows that are as they were, which are not retried), `unknown`
        (rows without a failure that stands) and `unknown_rows` (their numbers, the first of them)
    :raises AccessError: the caller is not the submitter
    :raises UserError: the job is not finished, or the file can't be read
    :raises ValidationError: new values can't be run
    """
    check_submitter(job)
    env = job.env
    locked = lock_for_change(job, states.JOB_FINAL, env._("Only records of a finished job can be retried."))
    rows = _rows(env, name, content)
    told = {"retried": 0, "unchanged": 0, "unknown": 0, "unknown_rows": []}
    with env.cr.savepoint():
        number = chosen.begin_choice(locked.env.cr, job.id)
        # neighbours only, and lazily: unlike Odoo's own groupby
        places = groupby(rows, key=lambda row: (row.operation, row.index))  # pylint: disable=unknown-option-value,bad-builtin-groupby
        while page := [(place, list(found)) for place, found in islice(places, PAGE)]:
            _mend_page(env, job.id, number, page, told)
        if told["retried"]:
            log(locked, env._("Corrected by a file, and retried: %s failed.", told["retried"]))
            retry_chosen(locked.env, job.id)
    return told


def _mend_page(env, job_id, number, page, told):
    """Store what was changed in some rows of the file, and choose it for the retry; adds to `told`.

    :param list page: pairs `((operation, index), rows)`
    :raises ValidationError: values can't be run, or a record is there twice
    """
    operations = ids_by_name(env.cr, job_id, {operation for (operation, _index), _rows in page})
    places = [(operations[operation], index) for (operation, index), _rows in page if operation in operations]
    found = {(failure["name"], failure["index"]): failure for failure in chosen.failures_at(env.cr, job_id, places)}
    mended, lines, problems = [], {}, []
    for place, rows in page:
        failure = found.get(place)
        if failure is None:
            told["unknown"] += len(rows)
            told["unknown_rows"] = [*told["unknown_rows"], *(row.number for row in rows)][:SPELLED_OUT]
            continue
        if failure["id"] in lines or failure["chosen"] == number:
            problems.append((rows[0].number, env._("this record stands in the file twice")))
            continue
        lines[failure["id"]] = rows[0].number
        try:
            item = _mended_item(env, failure, rows)
        except ValueError as error:
            problems.append((rows[0].number, str(error)))
            continue
        if item is None:
            told["unchanged"] += len(rows)
        else:
            mended.append((failure, item))
    problems += [(lines[failure["id"]], problem) for failure, problem in store_mended(env, mended, number)]
    if problems:
        texts = [env._("Row %(row)s: %(problem)s", row=row, problem=problem) for row, problem in problems[:SPELLED_OUT]]
        if len(problems) > SPELLED_OUT:
            texts.append(env._("… and %s more", len(problems) - SPELLED_OUT))
        raise ValidationError(sayable("\n".join([env._("Nothing was changed. These values can't be run:"), *texts]), 10_000))
    told["retried"] += len(mended)


def _mended_item(env, failure, rows):
    """What a failed record is to be run with; None where nothing was changed.

    :raises ValueError: what was changed can't be read
    """
    kind, columns = failure["operation_type"], columns_of(failure)
    item = item_of(failure)
    before = rows_of_item(kind, item, columns)
    if len(before) != len(rows):
        raise ValueError(env._("this record has %(before)s rows, and %(now)s in the file", before=len(before), now=len(rows)))
    model = env.get(failure["model"])
    changes = []
    for old, row in zip(before, rows, strict=True):
        changed = {}
        for name, cell in row.values.items():
            field = model._fields.get(name) if model is not None and not columns else None
            if not row.is_changed(old.get(name), cell):
                continue
            if columns and name not in columns:
                raise ValueError(env._("'%s' is no column of its import", name))
            value = row.value(cell, field.type if field else None, old.get(name), name)
            if value != old.get(name) or type(value) is not type(old.get(name)):
                changed[name] = value
        changes.append(changed)
    return with_changes(kind, item, changes, columns) if any(changes) else None


# -- rows of a file --------------------------------------------------------------------------------


class _Row:
    """A row of a spreadsheet: its number in the file, its place, and its other cells by name."""

    #: The text that stands in a cell.
    plain = staticmethod(armed)

    def __init__(self, env, number, cells):
        self.env = env
        self.number = number
        operation = self.plain(cell_of(cells.get(PLACE[0])).strip())
        self.operation = operation if is_name(operation) else ""
        self.index = _whole(cells.get(PLACE[1]))
        self.values = {name: cell for name, cell in cells.items() if name and name not in (*PLACE, *ERROR)}

    def is_changed(self, old, cell):
        """Whether a cell is no longer as it was downloaded, or the text itself, as it was once downloaded if it began with an apostrophe."""
        befores = (text_cell(old), held(cell_of(old)))
        return not any(looks_equal(before, cell) or looks_equal(before[:CELL_LENGTH], cell) for before in befores)

    def value(self, cell, field_type, old, name):
        """The value that a changed cell means.

        :raises ValueError: it must be JSON, and is not
        """
        try:
            return value_of(self.plain(cell), field_type, old)
        except (ValueError, RecursionError) as error:
            raise ValueError(self.env._("%(name)s: not valid JSON: %(error)s", name=name, error=error)) from error


class _JsonRow(_Row):
    """A line of NDJSON: its values are JSON values already."""

    plain = str

    def is_changed(self, old, cell):
        """Whether the value is another one; null, false and absence are one."""
        return cell != old and (cell_of(cell) != "" or cell_of(old) != "")

    def value(self, cell, field_type, old, name):
        """The value itself."""
        return cell


def _rows(env, name, content):
    """The rows of a file, one by one.

    :raises UserError: the file can't be read, or does not say which record a row is
    """
    ending = name.lower().rpartition(".")[2] if isinstance(name, str) else ""
    if ending == "ndjson":
        return _json_rows(env, content)
    if ending in ("csv", "txt"):
        return _cell_rows(env, _csv_lines(content))
    if ending == "xlsx":
        return _cell_rows(env, _xlsx_lines(env, content))
    raise UserError(env._("The file must be the one that was downloaded: .csv, .xlsx or .ndjson."))


def _cell_rows(env, lines):
    lines = iter(lines)
    try:
        names = [name.strip() for name in next(lines, [])]
        if not set(PLACE) <= set(names):
            raise UserError(env._("The first row must have the columns _operation and _index, as in the file that was downloaded."))
        for number, line in enumerate(lines, 2):
            if any(line):
                yield _Row(env, number, dict(zip(names, line, strict=False)))
    except csv.Error as error:
        raise UserError(env._("The file can't be read: %s", error)) from error


def _csv_lines(content):
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")  # as spreadsheets of old save it
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))
    head = text[: text.find("\n") + 1]
    return csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=head.count))


def _xlsx_lines(env, content):
    import openpyxl  # here, as elsewhere in Odoo: it takes a while
    from openpyxl.utils.escape import unescape

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            size = sum(part.file_size for part in parts.infolist())  # what is unpacked beyond it is cut off
    except zipfile.BadZipFile as error:
        raise UserError(env._("The file can't be read: it is no XLSX file, or it is damaged.")) from error
    except Exception as error:
        raise UserError(env._("The file can't be read: %s", error)) from error
    if size > UNPACKED_SIZE:
        raise UserError(env._("The file is too large: unpacked, it has more than %s MB. Save it as CSV.", UNPACKED_SIZE // 1024**2))
    try:
        sheet = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True).worksheets[0]
        for cells in sheet.iter_rows(values_only=True):
            yield [_sheet_text(cell, unescape) for cell in cells]
    except Exception as error:  # a damaged sheet makes openpyxl raise anything: XML, zlib, type errors
        raise UserError(env._("The file can't be read: %s", error)) from error


def _sheet_text(cell, unescape):
    """A cell of a sheet as text; a date as Odoo writes it."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, str):
        return unescape(cell)
    if cell is None or isinstance(cell, (bool, int, float)):
        return cell_of(cell)
    return str(cell).removesuffix(" 00:00:00")


def _json_rows(env, content):
    for number, line in enumerate(io.BytesIO(content), 1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
            if not isinstance(values, dict):
                raise ValueError(env._("it must be an object"))
        except (ValueError, RecursionError) as error:
            raise UserError(env._("Row %(row)s can't be read: %(problem)s", row=number, problem=error)) from error
        yield _JsonRow(env, number, values)


def _whole(value):
    """The place in an operation's data that a cell names; -1 where it names none."""
    text = armed(cell_of(value)).strip()
    return int(text) if text.isdecimal() and len(text) < 10 and int(text) <= MAX_INTEGER else -1
