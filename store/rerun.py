"""Retries an atomic job: a new driver runs all of it in one transaction, with the corrected values of its failures."""

from odoo.tools import SQL

from ..engine.effects import EFFECT_COLUMNS
from .submit import insert_driver

_NO_EFFECTS = SQL(", ").join(SQL("%s = 0", SQL.identifier(column)) for column in EFFECT_COLUMNS)


def reset_counters(cr, job_id):
    """Reset the counters of a job, because all its chunks run again.

    What has run is added to `earlier_records` and `earlier_operations`, which count for its speed.
    """
    cr.execute(
        SQL(
            """
            UPDATE batch_job
               SET earlier_records = earlier_records + processed_records + failed_records,
                   earlier_operations = earlier_operations + completed_operations + failed_operations,
                   processed_records = 0, failed_records = 0, cancelled_records = 0, warning_count = 0,
                   completed_operations = 0, failed_operations = 0, %s
             WHERE id = %s
            """,
            _NO_EFFECTS,
            job_id,
        )
    )


def await_driver(cr, chunk_ids):
    """Make chunks wait for the new driver of their job, and reset their counters."""
    cr.execute(
        SQL(
            """
            UPDATE batch_chunk
               SET state = 'held', finished_at = NULL, tallied = false, attempt = 0, error = NULL, skip_reason = NULL,
                   result = NULL, first_index = NULL, last_index = NULL,
                   processed_records = 0, failed_records = 0, cancelled_records = 0, found_records = 0, warning_count = 0,
                   completed_operations = 0, failed_operations = 0, outcomes = NULL, %s
             WHERE id = ANY(%s)
            """,
            _NO_EFFECTS,
            chunk_ids,
        )
    )


def delete_chunks(cr, chunk_ids):
    """Delete the chunks of the last run that stand for the whole job: its driver and its action."""
    cr.execute(SQL("DELETE FROM batch_chunk WHERE id = ANY(%s)", chunk_ids))


def store_payload(cr, chunk_id, payload):
    """Replace the payload of a chunk.

    :param payload: a `Payload`
    """
    cr.execute(SQL("UPDATE batch_chunk SET payload = %s WHERE id = %s", payload.encode(), chunk_id))


def begin_anew(cr, job_id):
    """Start the retry, once all chunks await a driver: reset the operations, recount the records, and store the driver.

    Selections will find their records again, so their operations have none until then. Operations that have nothing to do stay
    completed: no chunk would complete them again.
    """
    cr.execute(
        SQL(
            """
            UPDATE batch_operation AS operation
               SET state = 'pending', finished_at = NULL, result = NULL, error = NULL,
                   processed_records = 0, failed_records = 0, cancelled_records = 0, warning_count = 0,
                   outcomes = NULL, %s,
                   record_count = CASE WHEN EXISTS (
                        SELECT 1 FROM batch_chunk WHERE operation_id = operation.id AND kind = 'resolve'
                   ) THEN 0 ELSE record_count END
             WHERE job_id = %s
               AND (
                    record_count > 0
                    OR EXISTS (SELECT 1 FROM batch_chunk WHERE operation_id = operation.id AND kind = 'resolve')
               )
            """,
            _NO_EFFECTS,
            job_id,
        )
    )
    cr.execute(
        SQL(
            """
            UPDATE batch_job
               SET total_records = operations.records,
                   completed_operations = operations.completed,
                   earlier_operations = earlier_operations - operations.completed  -- they don't run again
              FROM (
                SELECT coalesce(sum(record_count), 0) AS records, count(*) FILTER (WHERE state = 'completed') AS completed
                  FROM batch_operation
                 WHERE job_id = %(id)s
              ) AS operations
             WHERE id = %(id)s
            """,
            id=job_id,
        )
    )
    insert_driver(cr, job_id)
