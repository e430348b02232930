"""What of a job's row is looked at while a caller waits for it to change."""

from odoo.tools import SQL

from .sql import fetch


def figures_of(cr, job_id):
    """The state and the counters of a job, to be compared; None if there is no such job."""
    query = SQL(
        """
        SELECT state, completed_operations, failed_operations,
               total_records, processed_records, failed_records, cancelled_records, warning_count,
               created_records, updated_records, unchanged_records, deleted_records
          FROM batch_job
         WHERE id = %s
        """,
        job_id,
    )
    return next(iter(fetch(cr, query)), None)
