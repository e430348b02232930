"""Updates the row of a job, and the counters of the job and its operations, during a retry.

A retry works in steps, and a new sum would read all chunks of the job at each of them. So each step subtracts what its chunks no
longer count, and the counters stay equal to the sums of the chunks.
"""

from odoo.tools import SQL

from .sql import NOW


def open_again(cr, job_id, chosen_only):
    """Make a final job pending and mark it `reopening`, until its chunks are put back.

    If its action has not started, it is deleted: the action runs once, at the end of the retry.

    :param bool chosen_only: only the failures run again that were chosen last, see `store.chosen`
    """
    cr.execute(SQL("DELETE FROM batch_chunk WHERE job_id = %s AND kind = 'callback' AND state = 'pending'", job_id))
    cr.execute(
        SQL(
            """
            UPDATE batch_job
               SET state = 'pending', finished_at = NULL, error = NULL, cancel_requested_at = NULL, cancelled_by_id = NULL,
                   run_at = NULL, progress_at = NULL, reopening = true, reopening_chosen = %s, reopened_to = 0,
                   holds_values = true, forgotten_to = 0, awaited_since = %s, tell_at = NULL, tell_attempts = NULL
             WHERE id = %s
            """,
            chosen_only,
            NOW,
            job_id,
        )
    )


def set_reopened_to(cr, job_id, chunk_id):
    """Record the last chunk that the retry has checked."""
    cr.execute(SQL("UPDATE batch_job SET reopened_to = %s WHERE id = %s", chunk_id, job_id))


def end_reopening(cr, job_id):
    """End `reopening`, once all chunks are put back. Remaining failures do not count for `max_failures`."""
    cr.execute(SQL("UPDATE batch_job SET reopening = false, earlier_failures = failed_records WHERE id = %s", job_id))


def take_from_job(cr, job_id, given_up, failed_operations):
    """Subtract what its chunks no longer count from the counters of a job.

    What has run is added to `earlier_records` and `earlier_operations`, which count for its speed.

    :param list given_up: `GivenUp` of each chunk
    :param int failed_operations: number of failed operations that were opened again
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
    """Open operations again, and subtract what their chunks no longer count from their counters.

    Their error becomes that of the first remaining failure, so call this after `retire_failures`.

    :param dict given_up: operation id -> `(failed, cancelled, found)` records
    :returns: list of their states before, in no order
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
