"""A file with one row for each record of a job: what became of it, in the order of the operations and their data."""

import json
from itertools import islice, starmap

from ..engine.cells import PLACE
from ..engine.effects import decode_effects
from ..engine.operation import LOAD, UNDO
from ..engine.record_outcomes import (
    CANCELLED,
    CODES,
    FAILED,
    OUTCOMES,
    PENDING,
    SUCCEEDED,
    TOLD_BY_OPERATION,
    UNNAMED,
    Entry,
    entries_of,
)
from ..engine.states import OPERATION_FINAL
from ..store.outcomes import chunks_after, failures_of, messages_of, operations_after
from .files import write_file
from .sorted_file import SortedFile

#: Types of operations whose records are not at each place: an import has rows that belong to the record before them, an undo has what was changed.
WITH_GAPS = frozenset((LOAD, UNDO))
COLUMNS = (*PLACE, "_outcome", "_id", "_error")
#: Operations, and rows of the file, worked on at once.
PAGE = 1_000


def write_results(job, kind, stream):
    """Write a file of what became of each record of a job so far.

    Chunks are read in the order in which they were stored, which is not that of the records: a temporary file sorts them.

    :param job: that the caller may see
    :param str kind: see `files.write_file`
    :param stream: binary file to write to
    :raises UserError: there are too many records for a sheet of XLSX
    """
    cr = job.env.cr
    with SortedFile(len(Entry.__annotations__)) as entries:
        for chunk, failures in _chunks(cr, job.id):
            entries.add(entries_of(chunk, failures))
        write_file(job.env, kind, stream, lambda: COLUMNS, _rows(job, _records(cr, job.id, starmap(Entry, entries))))


def _chunks(cr, job_id):
    """`(chunk, its failures)` of all chunks of a job."""
    last = 0
    while chunks := chunks_after(cr, job_id, last):
        last = chunks[-1]["id"]
        found = failures_of(cr, [chunk["id"] for chunk in chunks if chunk["failed_records"] or chunk["cancelled_records"]])
        for chunk in chunks:
            yield chunk, found.get(chunk["id"], {})


def _records(cr, job_id, entries):
    """`(operation, entry)` of all records in order; ids of operations ascend as their positions do.

    :param entries: iterator of `Entry`s in order
    """
    entries = _newest(entries)
    entry = next(entries, None)
    for operation in _operations(cr, job_id):
        told = _Told(operation)
        place = 0
        while entry and entry.operation_id == operation["id"]:
            if entry.index == UNNAMED:
                told.unnamed = entry.code
            else:
                yield from told.missing(place, entry.index)
                yield operation, told.completed(entry)
            place = entry.index + 1
            entry = next(entries, None)
        yield from told.missing(place, operation["record_count"])


def _newest(entries):
    """Of several entries about the same record, the last: that of the newest chunk."""
    before = None
    for entry in entries:
        if before and before[:2] != entry[:2]:
            yield before
        before = entry
    if before:
        yield before


def _operations(cr, job_id):
    last = -1
    while operations := operations_after(cr, job_id, last, PAGE):
        last = operations[-1]["position"]
        yield from operations


class _Told:
    """What the row of an operation tells of its records.

    :param dict operation: of `operations_after`
    """

    def __init__(self, operation):
        self.operation = operation
        self.effects = dict(decode_effects(operation["outcomes"]))
        self.ids = json.loads(operation["result"]) if operation["result"] else []
        self.unnamed = None  # the code of records that no chunk names

    def completed(self, entry):
        """An entry with the outcome that its chunk does not tell, as other operations shared it."""
        if entry.code != TOLD_BY_OPERATION:
            return entry
        return self._entry(entry.index, entry.record_id, self._rest)

    def missing(self, first, last):
        """Yield `(operation, entry)` of records that no chunk names, as its payload is damaged; none where nobody knows at which places they are."""
        if self.operation["type"] not in WITH_GAPS:
            for index in range(first, last):
                yield self.operation, self._entry(index, 0, self._rest if self.unnamed is None else self.unnamed)

    def _entry(self, index, record_id, rest):
        made = self.ids[index] if index < len(self.ids) else 0
        code = CODES[self.effects[index]] if index in self.effects else rest
        return Entry(self.operation["id"], index, 0, code, record_id or made or 0, 0)

    @property
    def _rest(self):
        """The code of records of which nothing else is told."""
        operation = self.operation
        if operation["state"] not in OPERATION_FINAL:
            return CODES[PENDING]
        if operation["processed_records"] and not operation["outcomes"]:  # calls and the like tell no effect
            return CODES[SUCCEEDED]
        return CODES[FAILED if operation["failed_records"] else CANCELLED]


def _rows(job, records):
    """The rows of the file.

    :param records: iterator of `(operation, entry)`
    """
    while page := list(islice(records, PAGE)):
        messages = messages_of(job.env.cr, [entry.failure_id for _operation, entry in page if entry.failure_id])
        for operation, entry in page:
            error = messages.get(entry.failure_id) or False
            if OUTCOMES[entry.code] == FAILED and not error:  # rolled back, because others failed
                error = job.error or operation["error"] or False
            values = operation["name"], entry.index, OUTCOMES[entry.code], entry.record_id or False, error
            yield dict(zip(COLUMNS, values, strict=True))
