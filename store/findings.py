"""Failures and warnings: rows about single records of a chunk."""

import json

from odoo.tools import SQL

from ..engine.cause import READ_LIMIT, cause_of
from ..engine.operations import PRODUCES_IDS
from ..engine.outcome import Failure
from ..engine.payload import dumps_strictly, named_id
from ..engine.row_numbers import ROWS, number_at
from .planning import by_index, rows_of
from .sql import NOW, fetch

FAILURES, WARNINGS = "batch_failure", "batch_warning"
#: Rows inserted by one statement.
PAGE_ROWS = 500
#: Failures of an older version that get their cause by one statement, and the longest values that are read for that.
FILLED_AT_ONCE = 2_000
LONGEST_READ = 100_000

#: Condition for failures that stand: nobody has run their record again, or dismissed them.
STANDING = SQL("retried_at IS NULL AND dismissed_at IS NULL")
#: Conditions for the rows shown with the result of their operation; each table's `_operation_standing_idx` has the same.
SHOWN = {
    FAILURES: SQL("%s AND is_skipped IS NOT TRUE", STANDING),
    WARNINGS: SQL("retried_at IS NULL"),
}
#: Columns of both tables.
PLACE = ("job_id", "operation_id", "chunk_id", "model", "operation_type", "index", "record_id", "file_row")
FAILURE = ("values", "error_type", "message", "cause", "traceback", "attempts", "is_skipped")
WARNING = ("warning_type", "message")


def store_findings(cr, claim, payload, outcome):
    """Store a failure for each failed or skipped record of a chunk, and its warnings.

    :param claim: the `Claim` of the chunk
    :param payload: the part of its payload that has run
    :param outcome: its `Outcome`
    """
    _insert(cr, FAILURES, FAILURE, _failure_rows(claim, payload, outcome))
    _insert(cr, WARNINGS, WARNING, _warning_rows(claim, payload, outcome))


def first_of_operations(cr, table, operation_ids, limit):
    """Ids of the first shown failures or warnings of each operation, by one query.

    :param str table: `FAILURES` (without skipped records) or `WARNINGS`
    :param list operation_ids: of the operations
    :param int limit: most rows per operation
    """
    query = SQL(
        """
        SELECT first.id
          FROM unnest(%(operations)s::integer[]) AS wanted (operation)
         CROSS JOIN LATERAL (
            SELECT id
              FROM %(table)s
             WHERE %(own)s
               AND %(shown)s
             ORDER BY operation_id, id
             LIMIT %(limit)s
         ) AS first
        """,
        operations=operation_ids,
        table=SQL.identifier(table),
        own=rows_of("operation_id", SQL("wanted.operation")),
        shown=SHOWN[table],
        limit=limit,
    )
    return [id_ for (id_,) in fetch(cr, query)]


def count_failures(cr, column, owner_id, limit):
    """Number of failures that stand of a job or an operation, without skipped records.

    `failed_records` may be more: it also counts records that were only undone because others failed.

    :param str column: `job_id` or `operation_id`
    :param int limit: most rows to read
    :returns: `(number of them among the rows read, whether there may be more)`
    """
    query = SQL(
        """
        SELECT count(*) FILTER (WHERE %(shown)s), count(*)
          FROM (
            SELECT retried_at, dismissed_at, is_skipped
              FROM batch_failure
             WHERE %(own)s
               AND %(standing)s
             ORDER BY %(column)s, id
             LIMIT %(limit)s
         ) AS failure
        """,
        shown=SHOWN[FAILURES],
        standing=STANDING,
        own=rows_of(column, owner_id),
        column=SQL.identifier(column),
        limit=limit + 1,
    )
    with by_index(cr, "enable_incremental_sort"):  # else it may read all failures of the job, and sort them
        [(count, read)] = fetch(cr, query)
    return min(count, limit), read > limit


def retire_warnings(cr, job_id):
    """Mark all warnings of a job as history, because all of it runs again."""
    cr.execute(SQL("UPDATE batch_warning SET retried_at = %s WHERE job_id = %s AND retried_at IS NULL", NOW, job_id))


def fill_causes(cr):
    """Give failures that an older version has stored their cause, in pages."""
    last = 0
    while rows := fetch(
        cr,
        SQL(
            """
            SELECT id, left(message, %s), CASE WHEN length(values) <= %s THEN values END
              FROM batch_failure
             WHERE cause IS NULL
               AND id > %s
             ORDER BY id
             LIMIT %s
            """,
            READ_LIMIT,
            LONGEST_READ,
            last,
            FILLED_AT_ONCE,
        ),
    ):
        causes = [(id_, cause_of(message, _readable(values))) for id_, message, values in rows]
        cr.execute_values(
            "UPDATE batch_failure SET cause = found.cause FROM (VALUES %s) AS found (id, cause) WHERE batch_failure.id = found.id",
            causes,
            page_size=FILLED_AT_ONCE,
        )
        last = rows[-1][0]


def _readable(text):
    try:
        return json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return None


def _failure_rows(claim, payload, outcome):
    failed = [(position, reason, False) for position, reason in outcome.failures.items()]
    failed += [(position, Failure("Skipped", reason), True) for position, reason in outcome.skipped.items()]
    for position, reason, is_skipped in sorted(failed, key=lambda entry: entry[0]):
        item = payload.items[position]
        yield (
            *_place(claim, payload, position, None if claim.operation_type in PRODUCES_IDS else named_id(item)),
            dumps_strictly(item),
            reason.error_type,
            reason.message,
            cause_of(reason.message, item),
            reason.traceback,
            claim.attempt,
            is_skipped,
        )


def _warning_rows(claim, payload, outcome):
    for position, warnings in sorted(outcome.warnings.items()):
        record_id = outcome.record_id(claim.operation_type, payload, position)
        for warned in warnings:
            yield (*_place(claim, payload, position, record_id), warned.warning_type, warned.message)


def _place(claim, payload, position, record_id):
    return (
        claim.job_id,
        payload.operations[position],
        claim.chunk_id,
        claim.model,
        claim.operation_type,
        payload.indexes[position],
        record_id,
        number_at(payload.params.get(ROWS), payload.indexes[position]),
    )


def _insert(cr, table, columns, rows):
    rows = list(rows)
    if not rows:
        return
    names = (*PLACE, *columns, "created_at")
    query = SQL(
        "INSERT INTO %s (%s) VALUES %s", SQL.identifier(table), SQL(", ").join(map(SQL.identifier, names)), None
    )
    template = f"({'%s, ' * (len(names) - 1)}{NOW.code})"
    cr.execute_values(query.code, rows, template=template, page_size=PAGE_ROWS)
