from odoo import api, models
from odoo.tools import SQL

from ..engine import states

#: Counters of chunks that add up to those of their operation.
ADDED_UP = ("found_records", "processed_records", "failed_records", "cancelled_records", "warning_count", "duration")
ZEROES = (0, 0, 0, 0, 0, 0.0)


class BatchOperation(models.Model):
    """What chunks come to, written to their operations."""

    _inherit = "batch.operation"

    @api.model
    def _roll_up(self, chunks):
        """Count settled chunks into the operations they belong to alone, under the lock of their job.

        :param list chunks: dicts of counters of chunks that were just marked as counted
        :returns: the states of the operations that have ended by this, and the ids of those that others wait for
        """
        if not chunks:
            return [], []
        sums = {}
        for chunk in chunks:
            total = sums.setdefault(chunk["operation_id"], [*ZEROES, None])
            for place, column in enumerate(ADDED_UP):
                total[place] += chunk[column] or 0
            total[-1] = total[-1] or chunk["error"] or chunk["skip_reason"]
        rows = self.env.cr.execute_values(
            """
            UPDATE batch_operation AS operation
               SET record_count = operation.record_count + tally.found,
                   processed_records = operation.processed_records + tally.processed,
                   failed_records = operation.failed_records + tally.failed,
                   cancelled_records = operation.cancelled_records + tally.cancelled,
                   warning_count = coalesce(operation.warning_count, 0) + tally.warnings,
                   duration = coalesce(operation.duration, 0) + tally.duration,
                   error = coalesce(operation.error, tally.error),
                   started_at = coalesce(operation.started_at, clock_timestamp() AT TIME ZONE 'UTC')
              FROM (VALUES %s)
                AS tally (id, found, processed, failed, cancelled, warnings, duration, error)
             WHERE operation.id = tally.id
            RETURNING operation.id, operation.state, operation.record_count, operation.processed_records,
                      operation.failed_records, operation.cancelled_records, operation.is_awaited IS NOT FALSE,
                      EXISTS (
                        SELECT 1
                          FROM batch_chunk AS page
                         WHERE page.operation_id = operation.id
                           AND page.kind = 'resolve'
                           AND page.finished_at IS NULL
                      ) AS is_open
            """,
            [(operation_id, *total) for operation_id, total in sums.items()],
            template="(%s, %s, %s, %s, %s, %s, %s, %s::text)",
            page_size=len(sums),
            fetch=True,
        )
        skipped = {chunk["operation_id"] for chunk in chunks if chunk["skip_reason"]}
        moved, awaited = [], set()
        for operation_id, old_state, count, processed, failed, cancelled, is_awaited, is_open in rows:
            state = states.counted_state(count, processed, failed, cancelled, is_open, operation_id in skipped)
            if state != old_state:
                moved.append((operation_id, state, state in states.OPERATION_FINAL))
            if is_awaited and state in states.OPERATION_FINAL:
                awaited.add(operation_id)
        if moved:
            self.env.cr.execute_values(
                """
                UPDATE batch_operation AS operation
                   SET state = moved.state,
                       finished_at = CASE WHEN moved.is_final THEN clock_timestamp() AT TIME ZONE 'UTC' END
                  FROM (VALUES %s) AS moved (id, state, is_final)
                 WHERE operation.id = moved.id
                """,
                moved,
                page_size=len(moved),
            )
        return [state for _id, state, is_final in moved if is_final], list(awaited)

    @api.model
    def _close_unfinished(self, job_id):
        """Give operations their final state that were never run, or not to the end, once their job is over."""
        self.env.cr.execute(
            SQL(
                """
                UPDATE batch_operation
                   SET cancelled_records = record_count - processed_records - failed_records,
                       state = CASE
                            WHEN record_count = 0 THEN 'completed'
                            WHEN processed_records > 0 THEN 'partial'
                            WHEN failed_records > 0 THEN 'failed'
                            ELSE 'cancelled'
                       END,
                       finished_at = clock_timestamp() AT TIME ZONE 'UTC'
                 WHERE job_id = %s
                   AND state IN ('pending', 'running')
                """,
                job_id,
            )
        )
