import json

from odoo import api, models
from odoo.tools import SQL

from ..engine import states
from ..engine.payload import dumps

#: Counters of chunks that add up to those of their operation.
ADDED_UP = ("found_records", "processed_records", "failed_records", "cancelled_records", "warning_count", "duration")
ZEROES = (0, 0, 0, 0, 0, 0.0)


class BatchOperation(models.Model):
    """What chunks come to, written to their operations."""

    _inherit = "batch.operation"

    @api.model
    def _settle_shared(self, payload, outcome, duration):
        """Write the results of operations that share a chunk, in the transaction of that chunk.

        Where an operation was run in parts (a retry, a long isolation), what it has already is kept.

        :returns: how many of them have ended completed, how many otherwise, and the ids of those that others wait for
        """
        places = {}
        for position, operation_id in enumerate(payload.operations):
            places.setdefault(operation_id, []).append(position)
        rows = self.env.execute_query_dict(
            SQL(
                """
                SELECT id, record_count, data_length, processed_records, failed_records, cancelled_records, warning_count, result, error,
                       is_awaited IS NOT FALSE AS is_awaited
                  FROM batch_operation
                 WHERE id = ANY(%s)
                """,
                list(places),
            )
        )
        share = duration / len(payload)
        values = [_shared_result(row, places[row["id"]], payload, outcome, share) for row in rows]
        self.env.cr.execute(
            SQL(
                """
                UPDATE batch_operation AS operation
                   SET state = result.state,
                       processed_records = result.processed,
                       failed_records = result.failed,
                       cancelled_records = result.cancelled,
                       warning_count = result.warnings,
                       result = result.ids,
                       error = result.error,
                       duration = coalesce(operation.duration, 0) + result.duration,
                       started_at = coalesce(operation.started_at, now() AT TIME ZONE 'UTC'),
                       finished_at = CASE WHEN result.is_final THEN clock_timestamp() AT TIME ZONE 'UTC' END
                  FROM json_to_recordset(%s)
                    AS result (
                        id integer, state text, processed integer, failed integer, cancelled integer, warnings integer,
                        ids text, error text, duration float, is_final boolean
                    )
                 WHERE operation.id = result.id
                """,
                dumps(values),
            )
        )
        ended = [row["state"] for row in values if row["is_final"]]
        completed = ended.count(states.COMPLETED)
        awaited = {row["id"] for row in rows if row["is_awaited"]}
        told = [row["id"] for row in values if row["is_final"] and row["id"] in awaited]
        return completed, len(ended) - completed, told

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


def _shared_result(row, positions, payload, outcome, share):
    """The new values of one operation's row, from what it had and what its records in this chunk came to."""
    processed, failed, cancelled = row["processed_records"], row["failed_records"], row["cancelled_records"]
    warnings = row["warning_count"] or 0
    ids = json.loads(row["result"]) if row["result"] else None
    failure = skip = None
    for position in positions:
        warnings += len(outcome.warnings.get(position, ()))
        if position in outcome.ids:
            processed += 1
            id_ = outcome.answers.get(position, outcome.ids[position])
            if id_ is not True or position in outcome.answers:
                ids = ids or [False] * row["data_length"]
                ids[0 if position in outcome.answers else payload.indexes[position]] = id_
        elif position in outcome.failures:
            failed += 1
            failure = failure or outcome.failures[position].message
        elif position in outcome.skipped:
            cancelled += 1
            skip = skip or outcome.skipped[position]
        elif position in outcome.rolled_back:
            failed += 1
    state = states.operation_state(row["record_count"], processed, failed, cancelled)
    if skip and state == states.CANCELLED:
        state = states.SKIPPED
    return {
        "id": row["id"],
        "state": state,
        "processed": processed,
        "failed": failed,
        "cancelled": cancelled,
        "warnings": warnings,
        "ids": dumps(ids) if ids else None,
        "error": row["error"] or failure or skip or outcome.note,
        "duration": share * len(positions),
        "is_final": state in states.OPERATION_FINAL,
    }
