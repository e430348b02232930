"""A file of the failures of a job that stand, in the columns that were sent, to be mended and uploaded again."""

import csv
import io

from odoo.exceptions import UserError
from odoo.tools import OrderedSet

from ..engine.cells import ERROR, PLACE, defused, rows_of_item
from ..engine.payload import dumps
from ..store.chosen import failures_page
from .failures import columns_of, item_of

#: Failures read at once.
PAGE = 1_000
#: What a sheet of XLSX can hold.
SHEET_ROWS, CELL_LENGTH = 1_048_576, 32_767
MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ndjson": "application/x-ndjson",
}


def write_failures(env, job_id, kind, stream):
    """Write a file of the failures of a job, one row for each; an import's record has as many as were sent for it.

    The failures are read in pages, twice: for the columns, then for the values.

    :param int job_id: id of a job that the caller may see
    :param str kind: a key of `MEDIA_TYPES`
    :param stream: binary file to write to
    :raises UserError: there are too many for a sheet of XLSX
    """
    {"csv": _write_csv, "xlsx": _write_xlsx, "ndjson": _write_ndjson}[kind](env, job_id, stream)


def _write_csv(env, job_id, stream):
    text = io.TextIOWrapper(stream, "utf-8-sig", newline="", write_through=True)
    writer = csv.writer(text)
    columns = _columns(env, job_id)
    writer.writerow([*columns, *PLACE, *ERROR])
    for failure, rows in _pages(env, job_id):
        for place, row in enumerate(rows):
            writer.writerow([*(defused(row.get(name)) for name in columns), *map(defused, _about(failure, place))])
    text.flush()
    text.detach()


def _write_xlsx(env, job_id, stream):
    import xlsxwriter  # here, as elsewhere in Odoo: it takes a while

    columns = _columns(env, job_id)
    book = xlsxwriter.Workbook(stream, {"constant_memory": True, "strings_to_urls": False})
    sheet = book.add_worksheet()
    bold = book.add_format({"bold": True})
    for number, name in enumerate([*columns, *PLACE, *ERROR]):
        sheet.write_string(0, number, name, bold)
    sheet.freeze_panes(1, 0)
    line = 1
    for failure, rows in _pages(env, job_id):
        for place, row in enumerate(rows):
            if line == SHEET_ROWS:
                raise UserError(env._("A sheet holds %s rows; download these failures as CSV.", f"{SHEET_ROWS:,}"))
            cells = [*(defused(row.get(name)) for name in columns), *map(defused, _about(failure, place))]
            for number, cell in enumerate(cells):
                if cell:
                    sheet.write_string(line, number, cell[:CELL_LENGTH])
            line += 1
    book.close()


def _write_ndjson(env, job_id, stream):
    for failure, rows in _pages(env, job_id):
        for place, row in enumerate(rows):
            about = dict(zip([*PLACE, *ERROR], _about(failure, place), strict=True))
            stream.write(f"{dumps({**row, **about})}\n".encode())


def _about(failure, place):
    """The cells after the values; the error stands in the first of several rows."""
    error = (failure["error_type"], failure["message"]) if place == 0 else ("", "")
    return failure["name"], failure["index"], *error


def _columns(env, job_id):
    """The names of all values, in the order in which they first occur."""
    names = OrderedSet()
    for _failure, rows in _pages(env, job_id):
        for row in rows:
            names.update(row)
    return [name for name in names if name not in (*PLACE, *ERROR)]


def _pages(env, job_id):
    """`(failure, its rows)` of all failures of a job that stand."""
    last = 0
    while failures := failures_page(env.cr, job_id, last, PAGE):
        last = failures[-1]["id"]
        for failure in failures:
            yield failure, rows_of_item(failure["operation_type"], item_of(failure), columns_of(failure))
