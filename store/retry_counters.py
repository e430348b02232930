"""A retry of a job, step by step: its row, its counters and those of its operations.

The counters can't be summed up anew: a step would read all chunks of the job. So just what its chunks no longer count is taken
from them, and the job remains the sum of its chunks.
"""

from odoo.tools import SQL


def open_again(cr, job_id):
    """Make a final job a pending one whose chunks are still to be put back; an action that has not begun is dropped.

    Its action then runs once, at the end of the retry.
    """
    cr.execute(SQL("DELETE FROM batch_chunk WHERE job_id = %s AND kind = 'callback' AND state = 'pending'", job_id))
    cr.execute(
        SQL(
            """
            UPDATE batch_job
               SET state = 'pending', finished_at = NULL, error = NULL, cancel_requested_at = NULL, run_at = NULL,
                   progress_at = NULL, reopening = true, reopened_to = 0, holds_values = true, forgotten_to = 0
             WHERE id = %s
            """,
            job_id,
        )
    )


def note_reopened(cr, job_id, chunk_id):
    """Note the last chunk that the retry has looked at."""
    cr.execute(SQL("UPDATE batch_job SET reopened_to = %s WHERE id = %s", chunk_id, job_id))


def end_reopening(cr, job_id):
    """All chunks are put back: the job runs. Failures that stand do not count against its limit."""
    cr.execute(SQL("UPDATE batch_job SET reopening = false, earlier_failures = failed_records WHERE id = %s", job_id))


def take_from_job(cr, job_id, given_up, failed_operations):
    """Take from the counters of a job what its chunks no longer count; remember what has run, for its speed.

    :param list given_up: of `GivenUp`
    :param int failed_operations: how many failed operations are open again
    """
    cr.execute(
        SQL(
            """
            UPDATE batch_job
               SET failed_records = failed_records - %(failed)s,
                   cancelled_records = cancelled_records - %(cancelled)s,
                   total_records = total_records - %(found)s,
                   failed_operations = failed_operations - %(operations)s,
                   earlier_records = earlier_records + %(failed)s,
                   earlier_operations = earlier_operations + %(operations)s
             WHERE id = %(job)s
            """,
            job=job_id,
            failed=sum(chunk.failed for chunk in given_up),
            cancelled=sum(chunk.cancelled for chunk in given_up),
            found=sum(chunk.found for chunk in given_up),
            operations=failed_operations,
        )
    )


def open_operations(cr, given_up):
    """Open operations again, and take from their counters what their chunks no longer count.

    Their error is what still stands. Call it after `retire_failures`.

    :param dict given_up: operation id -> `(failed, cancelled, found)` records
    :returns: the state of each before
    """
    rows = cr.execute_values(
        """
        UPDATE batch_operation AS operation
           SET failed_records = operation.failed_records - taken.failed,
               cancelled_records = operation.cancelled_records - taken.cancelled,
               record_count = operation.record_count - taken.found,
               state = CASE WHEN operation.processed_records > 0 THEN 'running' ELSE 'pending' END,
               finished_at = NULL,
               error = coalesce(
                    (
                        SELECT message
                          FROM batch_failure
                         WHERE (operation_id, id) > (operation.id, 0)
                           AND operation_id <= operation.id
                           AND retried_at IS NULL
                           AND is_skipped IS NOT TRUE
                         ORDER BY operation_id, id
                         LIMIT 1
                    ),
                    CASE WHEN operation.cancelled_records > taken.cancelled THEN operation.error END
               )
          FROM (VALUES %s) AS taken (id, failed, cancelled, found)
          JOIN batch_operation AS old ON old.id = taken.id
         WHERE operation.id = taken.id
        RETURNING old.state
        """,
        [(operation, *counts) for operation, counts in given_up.items()],
        page_size=len(given_up),
        fetch=True,
    )
    return [state for (state,) in rows]
