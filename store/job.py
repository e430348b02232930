"""The row of a job: read, locked, written."""

from dataclasses import dataclass, fields
from datetime import datetime

from odoo.tools import SQL

from .sql import fetch_dicts


@dataclass(slots=True)
class JobRow:
    """A row of `batch_job` as it was when it was read; times are naive, in UTC."""

    id: int
    uuid: str
    name: str
    state: str
    user_id: int
    on_complete_id: int
    is_atomic: bool
    max_concurrency: int
    max_failures: int
    total_operations: int
    completed_operations: int
    failed_operations: int
    total_records: int
    processed_records: int
    failed_records: int
    cancelled_records: int
    warning_count: int
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
    reopening: bool
    reopened_to: int
    releasing: bool
    released_to: int


def _column(name, kind):
    """A column, with what NULL stands for."""
    column = SQL.identifier(name)
    if kind in (int, float):
        return SQL("coalesce(%s, 0) AS %s", column, column)
    return SQL("%s IS TRUE AS %s", column, column) if kind is bool else column


#: What is read of a job's row, for statements that return one; see `as_job`.
JOB_ROW = SQL(", ").join(_column(field.name, field.type) for field in fields(JobRow))
_NAMES = [field.name for field in fields(JobRow)]


def as_job(row):
    """The job of a dict that has the columns of `JOB_ROW` among others."""
    return JobRow(**{name: row[name] for name in _NAMES})


def read_job(cr, job_id):
    """A job's row; None where there is none."""
    rows = fetch_dicts(cr, SQL("SELECT %s FROM batch_job WHERE id = %s", JOB_ROW, job_id))
    return as_job(rows[0]) if rows else None


def lock_job(cr, job_id):
    """Lock a job's row until the end of the transaction, waiting for whoever has it, and read it; None where there is none.

    NO KEY UPDATE, so that failures and messages can still refer to it.

    :raises psycopg2.errors.SerializationFailure: it was changed after the snapshot of this transaction
    """
    rows = fetch_dicts(cr, SQL("SELECT %s FROM batch_job WHERE id = %s FOR NO KEY UPDATE", JOB_ROW, job_id))
    return as_job(rows[0]) if rows else None


def update_job(cr, job_id, assignments):
    """Write columns of a (locked) job.

    :param SQL assignments: what follows SET
    """
    cr.execute(SQL("UPDATE batch_job SET %s WHERE id = %s", assignments, job_id))
