"""A file of the failures of a job that stand, in the columns that were sent, to be mended and uploaded again."""

from odoo.tools import OrderedSet

from ..engine.cells import ERROR, PLACE, rows_of_item
from ..store.chosen import failures_page
from .failures import columns_of, item_of
from .files import write_file

#: Failures read at once.
PAGE = 1_000


def write_failures(job, kind, stream):
    """Write a file of the failures of a job, one row for each; an import's record has as many as were sent for it.

    The failures are read in pages, twice: for the columns, then for the values.

    :param job: that the caller may see
    :param str kind: see `files.write_file`
    :param stream: binary file to write to
    :raises UserError: there are too many for a sheet of XLSX
    """
    write_file(job.env, kind, stream, lambda: [*_columns(job), *PLACE, *ERROR], _rows(job))


def _rows(job):
    for failure, rows in _pages(job):
        error = (failure["error_type"], failure["message"])
        for row in rows:
            yield {**row, **dict(zip([*PLACE, *ERROR], (failure["name"], failure["index"], *error), strict=True))}
            error = ("", "")  # it stands in the first of several rows


def _columns(job):
    """The names of all values, in the order in which they first occur."""
    names = OrderedSet()
    for _failure, rows in _pages(job):
        for row in rows:
            names.update(row)
    return [name for name in names if name not in (*PLACE, *ERROR)]


def _pages(job):
    """`(failure, its rows)` of all failures of a job that stand."""
    last = 0
    while failures := failures_page(job.env.cr, job.id, last, PAGE):
        last = failures[-1]["id"]
        for failure in failures:
            yield failure, rows_of_item(failure["operation_type"], item_of(failure), columns_of(failure))
