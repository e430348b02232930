import json

from odoo import models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..engine import states
from ..engine.payload import Payload
from .batch_chunk_store import ZEROES


class BatchJob(models.Model):
    """Running failed and cancelled records again, under the same job."""

    _inherit = "batch.job"

    def retry(self):
        """Run just the failed and cancelled records again. Their failures stay readable, as history.

        :returns: status
        :raises UserError: the job is not finished, or nothing in it failed or was cancelled
        """
        self._check_visible()
        job = self._steer(states.JOB_FINAL, self.env._("Only a finished job can be retried."))
        if not job.can_retry:
            raise UserError(self.env._("Nothing in this job failed or was cancelled."))
        failures = job.env["batch.failure"].search([("job_id", "=", job.id), ("retried_at", "=", False)])
        job._retry(failures, with_cancelled=True)
        return self._status()

    def _retry(self, failures, with_cancelled=False):
        """Put failed records, and with `with_cancelled` what was never run, back into the queue of a (locked) final job.

        Counters are set back by what runs again, so that they stay what the chunks say.
        """
        self.env.flush_all()
        if self._is_atomic:
            self._hold_again(failures)
        else:
            self._requeue_failures(failures)
            if with_cancelled:
                self._requeue_cancelled()
            self._release_all()
        self._mark_retried(failures)
        self._update(
            "state = 'pending', finished_at = NULL, error = NULL, cancel_requested_at = NULL, run_at = NULL, progress_at = NULL"
        )
        self._enqueue()
        self._wake_lanes(self.max_concurrency)

    def _requeue_failures(self, failures):
        """Chunks of just the failed records: those of one chunk together, as they share its parameters."""
        by_chunk = failures.grouped("chunk_id")
        rows, reopened = [], []
        for chunk, members in by_chunk.items():
            old = Payload.decode(chunk.payload)
            if chunk.kind == states.RESOLVE:
                payload, count = old, 0
                reopened += [(old.operations[0], 1, failure.is_skipped, 1) for failure in members]
            else:
                members = members.sorted(lambda failure: (failure.operation_id.id, failure.index))
                payload = Payload(
                    [json.loads(failure.values) for failure in members],
                    [failure.operation_id.id for failure in members],
                    [failure.index for failure in members],
                    old.params,
                    old.context,
                )
                count = len(payload)
                reopened += [(failure.operation_id.id, 1, failure.is_skipped, 0) for failure in members]
            operation = None if payload.is_shared else payload.operations[0]
            waits = self.env.execute_query(
                SQL("SELECT wait_ids IS NOT NULL, group_keys FROM batch_chunk WHERE id = %s", chunk.id)
            )[0]
            needed = self._waits_of(payload) if waits[0] else None
            rows.append(
                (
                    self.id,
                    operation,
                    chunk.kind,
                    chunk.operation_type,
                    chunk.model,
                    chunk.sequence,
                    states.BLOCKED if needed else states.PENDING,
                    payload.encode(),
                    count,
                    needed,
                    waits[1],
                    *ZEROES,
                )
            )
        self.env["batch.chunk"]._insert_chunks(rows)
        self._take_back_chunks(by_chunk)
        self._reopen(reopened)

    def _waits_of(self, payload):
        """Ids of the operations that the operations of a payload depend on: they may run again as well."""
        needs = self.env["batch.operation"]._needs(payload.operations)
        wanted = {name for names in needs.values() for name in names}
        return list(self.env["batch.operation"]._ids_by_name(self.id, wanted).values())

    def _take_back_chunks(self, by_chunk):
        """The old chunks keep what succeeded; what runs again is no longer theirs."""
        values = [
            (
                chunk.id,
                len(members.filtered(lambda failure: not failure.is_skipped)),
                len(members.filtered("is_skipped")),
                chunk.kind == states.RESOLVE,
            )
            for chunk, members in by_chunk.items()
        ]
        if values:
            self.env.cr.execute_values(
                """
                UPDATE batch_chunk AS chunk
                   SET failed_records = chunk.failed_records - taken.failed,
                       cancelled_records = chunk.cancelled_records - taken.skipped,
                       record_count = greatest(chunk.record_count - taken.failed - taken.skipped, 0),
                       found_records = CASE WHEN taken.is_page THEN 0 ELSE chunk.found_records END
                  FROM (VALUES %s) AS taken (id, failed, skipped, is_page)
                 WHERE chunk.id = taken.id
                """,
                values,
                page_size=len(values),
            )

    def _reopen(self, records):
        """Take records back from the counters of their operations and of the job.

        :param list records: `(operation, records, skipped, records of a selection that was not made)`
        """
        sums = {}
        for operation, count, skipped, found in records:
            total = sums.setdefault(operation, [0, 0, 0])
            total[1 if skipped else 0] += count
            total[2] += found
        if not sums:
            return
        ended = self.env.cr.execute_values(
            """
            UPDATE batch_operation AS operation
               SET failed_records = operation.failed_records - taken.failed,
                   cancelled_records = operation.cancelled_records - taken.cancelled,
                   record_count = operation.record_count - taken.found,
                   state = CASE WHEN operation.processed_records > 0 THEN 'running' ELSE 'pending' END,
                   finished_at = NULL,
                   error = NULL
              FROM (VALUES %s) AS taken (id, failed, cancelled, found)
              JOIN batch_operation AS old ON old.id = taken.id
             WHERE operation.id = taken.id
            RETURNING old.state
            """,
            [(operation, *total) for operation, total in sums.items()],
            page_size=len(sums),
            fetch=True,
        )
        # operations cancelled as a whole were never counted as failed
        counted = sum(state not in (states.CANCELLED, states.PENDING, states.RUNNING) for (state,) in ended)
        self.env.cr.execute(
            SQL(
                """
                UPDATE batch_job
                   SET failed_records = failed_records - %s,
                       cancelled_records = cancelled_records - %s,
                       total_records = total_records - %s,
                       failed_operations = greatest(failed_operations - %s, 0),
                       earlier_records = earlier_records + %s,
                       earlier_operations = earlier_operations + %s
                 WHERE id = %s
                """,
                sum(total[0] for total in sums.values()),
                sum(total[1] for total in sums.values()),
                sum(total[2] for total in sums.values()),
                counted,
                sum(total[0] for total in sums.values()),
                counted,
                self.id,
            )
        )
        self.invalidate_recordset()

    def _requeue_cancelled(self):
        """Chunks that were never run go back as they are."""
        chunks = self.env.execute_query_dict(
            SQL(
                """
                UPDATE batch_chunk
                   SET state = CASE WHEN cardinality(wait_ids) > 0 THEN 'blocked' ELSE 'pending' END,
                       finished_at = NULL, cancelled_records = 0, found_records = 0, tallied = false, attempt = 0, run_at = NULL
                 WHERE job_id = %s
                   AND state = 'cancelled'
                RETURNING id, kind, payload
                """,
                self.id,
            )
        )
        reopened = []
        for chunk in chunks:
            payload = Payload.decode(chunk["payload"])
            page = int(chunk["kind"] == states.RESOLVE)
            reopened += [(operation, 1, True, page) for operation in payload.operations]
        self._reopen(reopened)

    def _hold_again(self, failures):
        """A job that is one transaction runs again as a whole, with the values its failures were mended to."""
        self.env["batch.warning"]._mark_retried(self.id)
        mended = {}
        for failure in failures:
            mended.setdefault(failure.chunk_id.id, {})[failure.operation_id.id, failure.index] = json.loads(
                failure.values
            )
        for chunk in self.env["batch.chunk"].browse(mended):
            if chunk.kind != states.RECORDS:
                continue
            payload = Payload.decode(chunk.payload)
            for position, place in enumerate(zip(payload.operations, payload.indexes, strict=True)):
                payload.items[position] = mended[chunk.id].get(place, payload.items[position])
            self.env.execute_query(
                SQL("UPDATE batch_chunk SET payload = %s WHERE id = %s RETURNING id", payload.encode(), chunk.id)
            )
        self.env.cr.execute(
            SQL(
                "DELETE FROM batch_chunk WHERE job_id = %s AND kind IN ('atomic', 'callback') AND state IN ('done', 'cancelled')",
                self.id,
            )
        )
        self.env.cr.execute(
            SQL(
                """
                UPDATE batch_chunk
                   SET state = 'held', finished_at = NULL, tallied = false, attempt = 0, result = NULL, error = NULL, skip_reason = NULL,
                       processed_records = 0, failed_records = 0, cancelled_records = 0, found_records = 0, warning_count = 0,
                       completed_operations = 0, failed_operations = 0
                 WHERE job_id = %s
                """,
                self.id,
            )
        )
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
        self.env.cr.execute(
            SQL(
                """
                UPDATE batch_job
                   SET earlier_records = earlier_records + processed_records + failed_records,
                       earlier_operations = earlier_operations + completed_operations + failed_operations,
                       processed_records = 0, failed_records = 0, cancelled_records = 0, warning_count = 0,
                       completed_operations = 0, failed_operations = 0,
                       total_records = (SELECT coalesce(sum(record_count), 0) FROM batch_operation WHERE job_id = batch_job.id)
                 WHERE id = %s
                """,
                self.id,
            )
        )
        self._insert_driver()

    def _mark_retried(self, failures):
        self.env.cr.execute(
            SQL(
                "UPDATE batch_failure SET retried_at = clock_timestamp() AT TIME ZONE 'UTC' WHERE id = ANY(%s)",
                list(failures.ids),
            )
        )
        failures.invalidate_recordset()
