"""The figures of `engine.progress` and `engine.forecast` in SQL, for lists of jobs that are sorted, searched or grouped by them.

Each function takes the name of `batch_job` in the query, as SQL.
"""

from odoo.tools import SQL

from ..engine.forecast import LEAST_S
from .sql import NOW


def duration(job):
    """Seconds of work on a job: `engine.forecast.worked_s`."""
    return SQL(
        """
        CASE WHEN %(job)s.worked_since IS NOT NULL OR %(job)s.worked_s > 0 THEN greatest(
            coalesce(%(job)s.worked_s, 0)
                + coalesce(greatest(extract(epoch FROM %(now)s - %(job)s.worked_since), 0), 0)::float,
            %(least)s
        ) ELSE 0 END
        """,
        job=job,
        now=NOW,
        least=LEAST_S,
    )


def records_per_second(job):
    """Records that have run, per second of work."""
    return _rate(job, SQL("%(job)s.processed_records + %(job)s.failed_records + %(job)s.earlier_records", job=job))


def operations_per_second(job):
    """Operations that have ended, per second of work."""
    return _rate(
        job, SQL("%(job)s.completed_operations + %(job)s.failed_operations + %(job)s.earlier_operations", job=job)
    )


def percentage(job):
    """Percentage of the records that have run: `engine.progress.percentage`."""
    return SQL(
        """
        CASE WHEN %(job)s.total_records > 0
             THEN least(%(job)s.processed_records + %(job)s.failed_records, %(job)s.total_records) * 100.0 / %(job)s.total_records
             WHEN %(job)s.state IN ('completed', 'partial', 'failed') THEN 100
             ELSE 0
        END::float
        """,
        job=job,
    )


def _rate(job, count):
    return SQL("coalesce((%s) / nullif(%s, 0), 0)", count, duration(job))
