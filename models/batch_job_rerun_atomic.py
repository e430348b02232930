import json

from odoo import models
from odoo.tools import SQL

from ..engine import states
from ..engine.payload import BadPayload, Payload
from ..store.findings import retire_warnings
from ..store.submit import insert_driver


class BatchJob(models.Model):
    """A job that is one transaction runs again as a whole, with the values its failures were mended to."""

    _inherit = "batch.job"

    def _reset_counters(self):
        """What was counted so far is no longer so."""
        self._update(
            """
            earlier_records = earlier_records + processed_records + failed_records,
            earlier_operations = earlier_operations + completed_operations + failed_operations,
            processed_records = 0, failed_records = 0, cancelled_records = 0, warning_count = 0,
            completed_operations = 0, failed_operations = 0
            """
        )

    def _hold_again(self, chunks):
        """Hold chunks for the driver that is to come; what drove the job before, and its action, is over.

        :param list chunks: rows with id and kind
        """
        held = [chunk["id"] for chunk in chunks if chunk["kind"] in (states.RECORDS, states.RESOLVE)]
        self._mend(held)
        self.env.cr.execute(
            SQL(
                "DELETE FROM batch_chunk WHERE id = ANY(%s)",
                [chunk["id"] for chunk in chunks if chunk["kind"] in (states.ATOMIC, states.CALLBACK)],
            )
        )
        self.env.cr.execute(
            SQL(
                """
                UPDATE batch_chunk
                   SET state = 'held', finished_at = NULL, tallied = false, attempt = 0, error = NULL, skip_reason = NULL,
                       result = NULL, first_index = NULL, last_index = NULL,
                       processed_records = 0, failed_records = 0, cancelled_records = 0, found_records = 0, warning_count = 0,
                       completed_operations = 0, failed_operations = 0
                 WHERE id = ANY(%s)
                """,
                held,
            )
        )

    def _mend(self, chunk_ids):
        """Put the values of failed records into their chunks, as they were mended; the failures are history."""
        failures = self._take_failures(chunk_ids)
        for chunk in self._chunks_as_run(list(failures)):
            if chunk["kind"] != states.RECORDS:
                continue
            try:
                payload = Payload.decode(chunk["payload"])
            except BadPayload:
                continue  # the driver fails on it, and with it the whole job
            mended = {
                (failure["operation_id"], failure["index"]): failure["values"] for failure in failures[chunk["id"]]
            }
            for position, place in enumerate(zip(payload.operations, payload.indexes, strict=True)):
                if place in mended:
                    payload.items[position] = json.loads(mended[place])
            self.env.execute_query(
                SQL("UPDATE batch_chunk SET payload = %s WHERE id = %s RETURNING id", payload.encode(), chunk["id"])
            )

    def _end_holding(self):
        """All its chunks are held: begin anew with its operations, and let it be driven."""
        retire_warnings(self.env.cr, self.id)
        self.env["batch.warning"].invalidate_model(["retried_at"])
        self.env.cr.execute(
            SQL(
                """
                UPDATE batch_operation AS operation
                   SET state = 'pending', finished_at = NULL, result = NULL, error = NULL,
                       processed_records = 0, failed_records = 0, cancelled_records = 0, warning_count = 0,
                       record_count = CASE WHEN EXISTS (
                            SELECT 1 FROM batch_chunk WHERE operation_id = operation.id AND kind = 'resolve'
                       ) THEN 0 ELSE record_count END
                 WHERE job_id = %s
                """,
                self.id,
            )
        )
        self._update(
            "total_records = (SELECT coalesce(sum(record_count), 0) FROM batch_operation WHERE job_id = batch_job.id)"
        )
        insert_driver(self.env.cr, self.id)
