"""A file of what a job has changed, with one row for each field of each change, in the order in which they took effect."""

from ..engine.cells import PLACE
from .files import write_file
from .readable import check_has_changes, readable_after

COLUMNS = (*PLACE, "_model", "_id", "_action", "field", "before", "after")
#: Changes read at once.
PAGE = 1_000


def write_changes(job, kind, stream):
    """Write a file of the changes of a job, without values that its reader may not see.

    A change without any value to show has one row, without a field.

    :param job: in the environment of a reader who may see it
    :param str kind: see `files.write_file`
    :param stream: binary file to write to
    :raises UserError: there are too many values for a sheet of XLSX, or the changes were dropped
    """
    check_has_changes(job)
    write_file(job.env, kind, stream, lambda: COLUMNS, _rows(job))


def _rows(job):
    last = 0
    while changes := readable_after(job.env, job, last, PAGE):
        last = changes[-1][0]
        for _id, entry in changes:
            about = entry["operation_id"], entry["index"], entry["model"], entry["record_id"], entry["action"]
            before, after = entry["before"], entry["after"]
            for name in dict.fromkeys([*before, *after]) or [False]:
                values = *about, name, before.get(name, False), after.get(name, False)
                yield dict(zip(COLUMNS, values, strict=True))
