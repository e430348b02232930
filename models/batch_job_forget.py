import json
import logging

from odoo import api, models
from odoo.tools import SQL

from ..engine import states
from ..engine.payload import BadPayload, Payload, dumps
from ..run.errors import is_conflict
from ..run.settings import get_setting
from ..store.planning import by_index, rows_of
from .batch_job_retry import take_some

_logger = logging.getLogger(__name__)

#: Chunks that one step looks at, and records whose values it drops, at most (but for the last chunk's).
LOOKED_AT_ONCE = 2_000
FORGOTTEN_AT_ONCE = 5_000
#: What the parameters of an operation keep: names of fields and methods, ids, switches, but no values.
KEPT_DETAILS = frozenset(("fields", "group_by", "key", "method", "model_level", "record_ids", "set", "strict"))


class BatchJob(models.Model):
    """Dropping the values of what succeeded, some time after the end: passwords may be among them.

    What failed keeps its values while it stands, and so does what was cancelled: both can be retried. A job that is one
    transaction is retried as a whole, and keeps all of them unless it completed. Ids, results and counters stay.
    """

    _inherit = "batch.job"

    @api.autovacuum
    def _gc_values(self):
        """Drop the values of what succeeded longer ago than the settings keep them."""
        with by_index(self.env.cr):
            done = self._forget_step(get_setting(self.env, "keep_payload_days"))
        return done, bool(done)  # then Odoo calls again

    @api.model
    def _drop_values_now(self):
        """The same by lanes, where the settings keep values no longer than their job runs."""
        if get_setting(self.env, "keep_payload_days") != 0:
            return
        try:
            with self.env.cr.savepoint():
                self._forget_step(0)
        except Exception as error:
            if is_conflict(error):
                raise
            job = self._next_with_values(0)
            _logger.exception("job %s: its values could not be dropped", job.id)
            job._update("holds_values = false")

    @api.model
    def _is_forgetting(self):
        """Whether lanes have values to drop."""
        return get_setting(self.env, "keep_payload_days") == 0 and bool(self._next_with_values(0))

    @api.model
    def _next_with_values(self, days, lock=None):
        """The job that has been over longest, of those that hold values for more than so many days; none where there is none."""
        rows = self.env.execute_query(
            SQL(
                """
                SELECT id
                  FROM batch_job
                 WHERE finished_at <= clock_timestamp() AT TIME ZONE 'UTC' - %s * interval '1 day'
                   AND holds_values
                 ORDER BY finished_at
                 LIMIT 1
                   %s
                """,
                days,
                lock or SQL(),
            )
        )
        return self.browse(id_ for (id_,) in rows)

    @api.model
    def _forget_step(self, days):
        """Drop values in the next chunks of a job that has been over for so many days.

        :returns: how many steps were made: 0 where there is nothing left to drop
        """
        job = self._next_with_values(days, SQL("FOR NO KEY UPDATE SKIP LOCKED"))
        if not job:
            return 0
        job.invalidate_recordset()
        rows = self.env.execute_query_dict(
            SQL(
                """
                SELECT id, record_count,
                       kind IN ('records', 'resolve') AND state = 'done' AND values_gone IS NOT TRUE AS is_wanted
                  FROM batch_chunk
                 WHERE %(own)s
                 ORDER BY job_id, id
                 LIMIT %(limit)s
                """,
                own=rows_of("job_id", job.id, job.forgotten_to),
                limit=LOOKED_AT_ONCE,
            )
        )
        taken, left = take_some([row for row in rows if row["is_wanted"]], FORGOTTEN_AT_ONCE)
        job._forget([row["id"] for row in taken])
        if not left and len(rows) < LOOKED_AT_ONCE:
            job._update("holds_values = false")
        else:
            job._update(SQL("forgotten_to = %s", left[0]["id"] - 1 if left else rows[-1]["id"]))
        return 1

    def _forget(self, chunk_ids):
        """Drop the values of chunks, of the operations that have completed with them, and of failures that are history."""
        if not (self.is_atomic and self.state != states.COMPLETED):
            operations = self._forget_payloads(chunk_ids)
            self._forget_details(operations)
        self.env.cr.execute(
            SQL(
                """
                UPDATE batch_failure
                   SET values = NULL
                 WHERE id = ANY(ARRAY(
                    SELECT failure.id
                      FROM unnest(%s::integer[]) AS wanted (id)
                     CROSS JOIN LATERAL (  -- see `_take_failures`
                        SELECT id, retried_at FROM batch_failure WHERE chunk_id = wanted.id OFFSET 0
                     ) AS failure
                     WHERE failure.retried_at IS NOT NULL
                 ))
                """,
                chunk_ids,
            )
        )
        self.env["batch.failure"].invalidate_model(["values"])

    def _forget_payloads(self, chunk_ids):
        """Drop the values in chunks; returns the ids of their operations."""
        chunks = self.env.execute_query_dict(
            SQL(
                """
                SELECT id, kind, operation_type, payload, failed_records + cancelled_records > 0 AS stands
                  FROM batch_chunk
                 WHERE id = ANY(%s)
                """,
                chunk_ids,
            )
        )
        rows, operations = [], set()
        for chunk in chunks:
            if chunk["stands"] and chunk["kind"] == states.RESOLVE:
                continue
            try:
                payload = Payload.decode(chunk["payload"])
            except BadPayload:
                payload = Payload([], [], [])  # nobody can run it again
            operations.update(payload.operations)
            kept = payload.without_values(chunk["operation_type"], keep_params=chunk["stands"])
            rows.append((chunk["id"], kept.encode(), not chunk["stands"]))
        if rows:
            self.env.cr.execute_values(
                """
                UPDATE batch_chunk AS chunk
                   SET payload = kept.payload, values_gone = kept.is_gone
                  FROM (VALUES %s) AS kept (id, payload, is_gone)
                 WHERE chunk.id = kept.id
                """,
                rows,
            )
            self.env["batch.chunk"].invalidate_model(["payload", "values_gone"])
        return operations

    def _forget_details(self, operation_ids):
        """Drop the values among the parameters of those of these operations that have completed."""
        operations = self.env.execute_query(
            SQL(
                "SELECT id, details FROM batch_operation WHERE id = ANY(%s) AND state = 'completed' AND details IS NOT NULL",
                list(operation_ids),
            )
        )
        rows = []
        for id_, text in operations:
            details = json.loads(text)
            kept = {key: value for key, value in details.items() if key in KEPT_DETAILS}
            if kept != details:
                rows.append((id_, dumps(kept) if kept else None))
        if rows:
            self.env.cr.execute_values(
                """
                UPDATE batch_operation AS operation
                   SET details = kept.details
                  FROM (VALUES %s) AS kept (id, details)
                 WHERE operation.id = kept.id
                """,
                rows,
                template="(%s, %s::text)",
            )
            self.env["batch.operation"].invalidate_model(["details"])
