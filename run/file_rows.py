"""Which rows of a file Odoo's import reads: it leaves blank ones out, so that its own count is not the file's."""

import csv
import io


def numbers_of(content, kind, options):
    """The numbers of the rows that are not blank, from 1: of the sheet, or of the records of a CSV file.

    :param bytes content: of the file
    :param str kind: which of Odoo's readers has read it: csv, xls, xlsx or ods
    :param dict options: of the import, as that reader has completed them: encoding, separator, quoting, sheet
    :returns: list of numbers
    """
    return [number for number, is_blank in enumerate(READERS[kind](content, options), 1) if not is_blank]


def _csv(content, options):
    text = io.StringIO(content.decode(options["encoding"]))
    for row in csv.reader(text, quotechar=options["quoting"], delimiter=options.get("separator") or ","):
        yield not any(map(str.strip, row))


def _xls(content, options):
    import xlrd  # as in Odoo's import: needed for such files only

    texts = (xlrd.XL_CELL_EMPTY, xlrd.XL_CELL_BLANK, xlrd.XL_CELL_TEXT)
    sheet = xlrd.open_workbook(file_contents=content).sheet_by_name(options["sheet"])
    for row in map(sheet.row, range(sheet.nrows)):
        yield all(cell.ctype in texts and not cell.value.strip() for cell in row)


def _xlsx(content, options):
    import openpyxl

    book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    for row in book[options["sheet"]].iter_rows(values_only=True):
        yield all(value is None or (isinstance(value, str) and not value.strip()) for value in row)


def _ods(content, options):
    from odf.table import Table, TableRow

    from odoo.addons.base_import.models.odf_ods_reader import ODSReader

    reader = ODSReader(file=io.BytesIO(content))
    sheets = reader.doc.spreadsheet.getElementsByType(Table)
    [sheet] = [sheet for sheet in sheets if sheet.getAttribute("name") == options["sheet"]]
    for row in sheet.getElementsByType(TableRow):
        reader.readSheet(_OneRow(row))
        cells = [cell for found in reader.getSheet(_OneRow.NAME) for cell in found]
        yield not any(map(str.strip, cells))
        # Odoo's reader takes a row that is repeated for one row
        yield from [True] * (int(row.getAttribute("numberrowsrepeated") or 1) - 1)


class _OneRow:
    """A sheet of one row, for Odoo's reader, which decides what of a row it reads."""

    NAME = "row"

    def __init__(self, row):
        self.row = row

    def getAttribute(self, _name):  # named by the reader
        return self.NAME

    def getElementsByType(self, _type):
        return [self.row]


READERS = {"csv": _csv, "xls": _xls, "xlsx": _xlsx, "ods": _ods}
