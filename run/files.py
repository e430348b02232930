"""Files of rows, as CSV, as a sheet, or as JSON lines: one way to write them, whatever they hold."""

import codecs
import csv
import io

from odoo.exceptions import UserError

from ..engine.cells import defused, held
from ..engine.payload import dumps

#: What a sheet of XLSX can hold.
SHEET_ROWS, CELL_LENGTH = 1_048_576, 32_767


def write_file(env, kind, stream, columns, rows):
    """Write rows into a file, one by one.

    :param str kind: a key of `engine.openapi_files.KINDS`
    :param stream: binary file to write to
    :param columns: function that returns the names of all values; JSON lines don't need it
    :param rows: iterable of dicts by name, of JSON values; a cell of a name that is not there is empty
    :raises UserError: there are too many rows for a sheet
    """
    {"csv": _write_csv, "xlsx": _write_xlsx, "ndjson": _write_ndjson}[kind](env, stream, columns, rows)


def text_cell(value):
    """A value as the text of a cell, which is never a formula."""
    return held(defused(value))


def _write_csv(_env, stream, columns, rows):
    stream.write(codecs.BOM_UTF8)  # by which spreadsheets know the encoding
    text = io.TextIOWrapper(stream, "utf-8", newline="")
    writer = csv.writer(text)
    names = columns()
    writer.writerow(names)
    writer.writerows([text_cell(row.get(name)) for name in names] for row in rows)
    text.flush()
    text.detach()


def _write_xlsx(env, stream, columns, rows):
    import xlsxwriter  # here, as elsewhere in Odoo: it takes a while

    names = columns()
    book = xlsxwriter.Workbook(stream, {"constant_memory": True, "strings_to_urls": False})
    sheet = book.add_worksheet()
    bold = book.add_format({"bold": True})
    for number, name in enumerate(names):
        sheet.write_string(0, number, name, bold)
    sheet.freeze_panes(1, 0)
    for line, row in enumerate(rows, 1):
        if line == SHEET_ROWS:
            raise UserError(env._("A sheet holds %s rows; download the CSV file.", f"{SHEET_ROWS:,}"))
        for number, name in enumerate(names):
            if cell := text_cell(row.get(name)):
                sheet.write_string(line, number, cell[:CELL_LENGTH])
    book.close()


def _write_ndjson(_env, stream, _columns, rows):
    for row in rows:
        stream.write(f"{dumps(row)}\n".encode())
