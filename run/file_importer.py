"""Reads the records of a file page by page, checks all of them, and stores each page as an operation of a job.

It is read twice: nothing is stored before all of it was found to be sound, and the order across pages is known. A file of one page is read
once.
"""

import json

from odoo.models import fix_import_export_id_paths

from ..engine.contents import sum_up
from ..engine.external_ids import defined_names, needed_names
from ..engine.file_order import FileOrder
from ..engine.file_parameters import CSV
from ..engine.operation import LOAD, UPDATE, UPSERT, target_of
from ..engine.problems import KEPT, Problems
from . import file_source
from .caller import refuse, sound_context
from .file_cells import CellParser
from .file_convert import column_problems, convert, read_values
from .file_source import Kept, Page, opened, pages
from .garbage import without_collection
from .handlers import HANDLERS
from .handlers.load import path_problem
from .import_rows import starts_record
from .limits import check_size
from .settings import get_setting
from .submission import Submission
from .upload import MIB

#: Keys of operations, and the parameters that they are made of.
PARAMETERS = {"operation_type": "type"}


def known_model(env, parameters, problems):
    """The model that a file is imported into; None, and a problem more, if there is no such model.

    :param env: the caller's environment
    :param FileParameters parameters: what the file is
    :param Problems problems: they get that one
    """
    model = env.get(parameters.model)
    if model is None:
        problems.add(env._("there is no model '%s'", parameters.model), key="model")
    return model


class Importer:
    """Reads the records of a file, and stores them in a job.

    :param env: the caller's environment
    :param file: binary file
    :param FileParameters parameters: what it is
    :param draft: the locked job that they are added to, in a superuser environment; None: a new one
    """

    def __init__(self, env, file, parameters, draft=None):
        self.problems = Problems()
        self.env = sound_context(env, self.problems)
        self.file = file
        self.parameters = parameters
        self.draft = draft
        self.contents = json.loads(draft.contents or "[]") if draft else []
        self.offset = draft.total_operations if draft else 0  # operations that the job has before
        self.operations = self.records = 0  # of this file
        self.order = FileOrder(keeps_apart=parameters.type == UPSERT)
        self.columns, self.begins = (), None
        self.is_ours = self.has_values = False  # whether it is a file of failures, and its cells hold values of fields
        self.only = None  # the checked submission of a file of one page
        self.converted = None  # values of records, made of the rows of a CSV
        self.late = None  # records that are put off

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        for kept in (self.converted, self.late):
            if kept:
                kept.close()

    def first_operations(self):
        """Operations as sent: of a small file, else nothing."""
        return [{"data": self.only.operations[0].items}] if self.only else []

    # -- reading -----------------------------------------------------------------------------------

    def read_all(self):
        """Read and check all of the file.

        :raises BatchValidationError: with all problems at once
        """
        if self.parameters.format == CSV and self.parameters.type != LOAD:
            self._convert()
        with self._rows(self.problems) as rows:
            self._read_columns(rows)
            for page in self._pages(rows, self.problems):
                self._check(page)
                if self._is_enough():
                    break
            if not (self.operations or self.problems):
                self._check(Page())
                if not self.problems:
                    self.problems.add(self.env._("the file has no records"))
        self._refuse()
        self.order.settle()

    def _is_enough(self):
        """Whether to read no further: there are very many problems, or one with columns, rights or limits, that all pages would have."""
        return self.problems.count >= KEPT or any(problem.row is False for problem in self.problems.kept)

    def _refuse(self):
        self.problems.sort_by_row()
        refuse(self.env, self.problems)

    def _rows(self, problems):
        return self.converted.opened() if self.converted else opened(self.file, self.parameters, problems)

    def _read_columns(self, rows):
        """Take what the header of a CSV says.

        :raises BatchValidationError: with all that is wrong with the columns
        """
        if self.converted or self.parameters.format != CSV:
            return
        if rows.is_empty and not self.problems:
            self.problems.add(self.env._("the file is empty"))
        model = known_model(self.env, self.parameters, self.problems)
        if model is not None:
            self.columns = rows.columns
            self.is_ours = rows.is_ours
            self.has_values = self.is_ours and self.parameters.type != LOAD and all(name in model._fields for name in self.columns)
            self.begins = None if self.has_values else starts_record(model, self._paths())
            for name, path in zip(self.columns, self._paths(), strict=True):
                if name and (problem := path_problem(model, path)):
                    self.problems.add(f"{name}: {problem}", key="fields")
        self._refuse()

    def _paths(self):
        return [fix_import_export_id_paths(name) for name in self.columns]

    def _pages(self, rows, problems):
        """Yield the pages, with numbers and dates as Odoo writes them: in a file of failures they are so already."""
        parser = CellParser(self.env, self.parameters, () if self.is_ours else self.columns)
        for page in pages(rows, problems, self.begins):
            parser.parse(page.data)
            yield page

    def _convert(self):
        """Make values of the rows of a CSV, for an operation that takes values.

        :raises BatchValidationError: with all problems at once
        """
        kind = self.parameters.type
        with opened(self.file, self.parameters, self.problems) as rows:
            self._read_columns(rows)
            paths, model = self._paths(), self.env[self.parameters.model]
            for problem in column_problems(self.env, kind, paths, self.parameters.operation.get("key", [])):
                self.problems.add(problem, key="fields")
            for right in HANDLERS[kind].rights:
                if not model.has_access(right):
                    text = self.env._("you have no %(right)s access to '%(model)s'", right=right, model=model._name)
                    self.problems.add(text, key="model")
            self._refuse()
            kept, count = Kept(), 0
            try:
                for page in self._pages(rows, self.problems):
                    if self.has_values:
                        found = read_values(model, self.columns, page, self.problems)
                    else:
                        found = convert(model, paths, page, kind, self.problems)
                    for record in found:
                        kept.add(record)
                    count += len(page.starts)
                    self._check_size(0, count)
                    self._check_room(kept.end)
                    if self._is_enough():
                        break
                self._refuse()
            except BaseException:
                kept.close()
                raise
        self.converted, self.columns, self.begins = kept, (), None

    def _check_room(self, size):
        """Add a problem if the values of the rows, which are on the disk, have too many bytes: each row has the names of all its columns."""
        most = 2 * get_setting(self.env, "max_file_mib")
        if size > most * MIB:
            text = self.env._(
                "the values of its rows have more than %s MiB, twice the setting max_file_mib: leave empty columns out, or send it in several, "
                "as a draft, the rest appended, then started",
                most,
            )
            self.problems.add(text)

    def _check_size(self, operations, records):
        """Add a problem if this many operations and records of the file, and those of the draft, are too many."""
        if self.draft:
            operations, records = operations + self.offset, records + self.draft.total_records
        check_size(self.env, self.problems, operations, records)

    def _check(self, page):
        """Check a page, and take note of what its records are called."""
        with without_collection():
            submission = self._submission(page, self.offset + self.operations, self.draft)
            self.only = None if self.operations else submission
            self.operations += 1
            self.records += submission.record_count
            self.contents = sum_up(submission.operations, self.contents)
            self._check_size(self.operations, self.records)
            if not self.problems:
                for operation in submission.operations:
                    self.order.add_page(operation.record_count, *_names(operation))

    def _submission(self, page, position, job):
        """The checked operation of a page; its problems are added to those of the file.

        :param int position: of the operation in its job
        :param job: the job that has the operations before it; None: none has
        """
        raw = {**self.parameters.operation, "data": page.data, "row_numbers": page.numbers}
        if self.parameters.type == LOAD:
            raw["fields"] = list(self.columns)
        if name := raw.get("operation_id"):
            number = position - self.offset + 1
            raw["operation_id"] = name if number == 1 else f"{name}-{number}"
        if self.draft and self.parameters.context:
            raw["context"] = {**self.parameters.context, **raw.get("context", {})}
        submission = Submission(self.env)
        submission.read_operations([raw], job, position)
        found = submission.problems
        for problem in found.kept:
            row = False if problem.record is False else page.numbers[problem.record]
            self.problems.add(problem.message, row=row, key=PARAMETERS.get(problem.key, problem.key))
        self.problems.count += found.count - len(found.kept)
        return submission

    # -- storing -----------------------------------------------------------------------------------

    def store_in(self, job):
        """Store the file, which was read, in a job.

        :param job: a new job or the draft, in a superuser environment
        """
        if self.only and not any(self.order.late):
            self.only.store_in(job)
            return
        self.late = Kept()
        self.operations = 0
        names = {}  # of the operations of pages
        places = {}  # of records that are put off
        waits = self.order.waits()
        with self._rows(Problems()) as rows:
            record = 0
            for number, page in enumerate(self._pages(rows, self.problems)):
                page, record = self._without_late(page, record, places)
                if page.data:
                    names[number] = self._store(page, job, {names[earlier] for earlier in waits.get(number, ())})
        if places:
            self._store_late(job, names, places)

    def _store(self, page, job, after):
        """Store a page as the next operation; returns its name."""
        with without_collection():
            submission = self._submission(page, self.offset + self.operations, job)
            self.operations += 1
            self._check_size(self.operations, self.records)
            self._refuse()
            submission.store_in(job, after)
        return submission.operations[0].operation_id

    def _without_late(self, page, record, places):
        """The page without the records that are put off, which are kept for later.

        :param int record: number of its first record
        :returns: the page, and the number of the first record after it
        """
        after = record + len(page.starts)
        if not any(self.order.late[record:after]):
            return page, after
        rest = Page()
        for number, (numbers, data) in enumerate(page.records(), record):
            if self.order.late[number]:
                places[number] = self.late.add([numbers, data])
            else:
                rest.add(numbers, data)
        return rest, after

    def _store_late(self, job, names, places):
        """Store the records that were put off, in the order in which they take effect."""
        needs, holders = self.order.late_needs(), {}
        page, records, size, last_level = Page(), [], 0, None

        def store():
            after = {
                holders[earlier] if self.order.late[earlier] else names[self.order.page_of(earlier)]
                for record in records
                for earlier in needs.get(record, ())
                if earlier in holders or not self.order.late[earlier]
            }
            name = self._store(page, job, after)
            holders.update(dict.fromkeys(records, name))

        for level, record in self.order.late_records():
            is_full = len(records) >= file_source.PAGE_RECORDS or size >= file_source.PAGE_SIZE
            if records and (is_full or (self.order.keeps_apart and level != last_level)):
                store()
                page, records, size = Page(), [], 0
            (numbers, data), length = self.late.at(places[record])
            page.add(numbers, data)
            records.append(record)
            size, last_level = size + length, level
        store()


def _names(operation):
    """Of each record of an operation, the names that it has, and those of the records that it refers to."""
    if operation.type == LOAD:
        return defined_names(operation), needed_names(operation)
    if operation.type == UPSERT:
        return [() if key is None else (key,) for key in operation.keys or ()], ()
    if operation.type == UPDATE:
        return [(target_of(item[0]),) for item in operation.items], ()
    return (), ()
