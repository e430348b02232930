"""Reads, locks and writes the row of a job."""

from dataclasses import dataclass, fields
from datetime import datetime

from odoo.tools import SQL

from .sql import fetch_dicts


@dataclass(slots=True)
class JobRow:
    """A row of `batch_job` as it was read. Times are naive, in UTC; columns ending in `_s` are in seconds."""

    id: int
    uuid: str
    name: str
    state: str
    user_id: int
    on_complete_id: int
    webhook_id: int
    limit_id: int
    origin_job_id: int
    traceparent: str | None
    is_atomic: bool
    dry_run: bool
    max_concurrency: int
    max_failures: int
    max_failures_share: float
    total_operations: int
    completed_operations: int
    failed_operations: int
    total_records: int
    processed_records: int
    failed_records: int
    cancelled_records: int
    warning_count: int
    created_records: int
    updated_records: int
    unchanged_records: int
    deleted_records: int
    earlier_failures: int
    earlier_records: int
    earlier_operations: int
    expected_work: float
    worked_s: float
    worked_since: datetime | None
    paced_s: float
    paced_records: int
    error: str | None
    create_date: datetime | None
    run_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    cancel_requested_at: datetime | None
    called_back_at: datetime | None
    steered_until: datetime | None
    ready: bool
    waits_for_limit: bool
    reopening: bool
    reopening_chosen: bool
    reopened_to: int
    chosen: int
    releasing: bool
    released_to: int


def _column(name, kind):
    """A column to select, with the value that stands for NULL."""
    column = SQL.identifier(name)
    if kind in (int, float):
        return SQL("coalesce(%s, 0) AS %s", column, column)
    return SQL("%s IS TRUE AS %s", column, column) if kind is bool else column


#: The columns of a `JobRow`, for SELECT and RETURNING; see `as_job`.
JOB_ROW = SQL(", ").join(_column(field.name, field.type) for field in fields(JobRow))
_NAMES = [field.name for field in fields(JobRow)]


def as_job(row):
    """The `JobRow` of a dict that has the columns of `JOB_ROW`, and maybe others."""
    return JobRow(**{name: row[name] for name in _NAMES})


def read_job(cr, job_id):
    """The `JobRow` of a job; None where it does not exist."""
    rows = fetch_dicts(cr, SQL("SELECT %s FROM batch_job WHERE id = %s", JOB_ROW, job_id))
    return as_job(rows[0]) if rows else None


def lock_job(cr, job_id):
    """Lock a job's row until the end of the transaction, waiting for other locks; None where it does not exist.

    NO KEY UPDATE lets failures and messages be stored with a reference to the job.

    :returns: its `JobRow`
    :raises psycopg2.errors.SerializationFailure: the row has changed since the snapshot of this (REPEATABLE READ) transaction. Not
        logged: Odoo repeats the call
    """
    query = SQL("SELECT %s FROM batch_job WHERE id = %s FOR NO KEY UPDATE", JOB_ROW, job_id)
    cr.execute(query, log_exceptions=False)
    rows = cr.dictfetchall()
    return as_job(rows[0]) if rows else None


def update_job(cr, job_id, assignments):
    """Update the row of a job.

    :param SQL assignments: the text after SET
    """
    cr.execute(SQL("UPDATE batch_job SET %s WHERE id = %s", assignments, job_id))
