import json
import logging

from odoo import models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..engine import states
from ..engine.payload import BadPayload, Payload
from ..run import advance
from ..run.wake import wake_lanes
from ..store import queue, release
from ..store.job import read_job
from ..store.planning import by_index
from ..store.rows import NewChunk, insert_chunks

_logger = logging.getLogger(__name__)

#: Chunks that one step of a retry looks at, and records of those it puts back, at most (but for the last chunk's).
LOOKED_AT_ONCE = 5_000
REOPENED_AT_ONCE = 5_000


class BatchJob(models.Model):
    """Running failed and cancelled records again, under the same job.

    A job is walked through chunk by chunk, in steps: the first one by the retry itself, the others by lanes (`run.advance`), each in
    a short transaction that also notes how far it has come. Nothing of the job runs until all of it has been put back.
    """

    _inherit = "batch.job"

    def retry(self):
        """Run just the failed and cancelled records again. Their failures stay readable, as history.

        :returns: status
        :raises UserError: the job is not finished, or nothing in it failed or was cancelled
        """
        self._check_visible()
        job = self._lock_for_change(states.JOB_FINAL, self.env._("Only a finished job can be retried."))
        if not job.can_retry:
            raise UserError(self.env._("Nothing in this job failed or was cancelled."))
        job._open_again()
        with by_index(self.env.cr):
            job._reopen_step()
        return self._status()

    def _retry(self, failures):
        """Put just these failed records of a (locked) final job back into the queue; a job in one transaction as a whole."""
        self._open_again()
        with by_index(self.env.cr):
            self._reopen_just(failures)

    def _reopen_just(self, failures):
        if self.is_atomic:
            self._reopen_step()
            return
        chunks = self._reopenable(SQL("id = ANY(%s) ORDER BY id", failures.chunk_id.ids))
        while chunks:
            taken, chunks = take_some(chunks, REOPENED_AT_ONCE)
            self._requeue_failures([chunk["id"] for chunk in taken], failures._with_their_sets().ids)
        self._end_reopening()

    def _open_again(self):
        """Make a final job one that waits: `_reopen_step` puts back what is to run again."""
        self.env.flush_all()
        advance.count(self.env, self.id)  # an action that has just run is known to have run
        # its action, should it not have begun: it is run once, at the end that is to come
        self.env.cr.execute(
            SQL("DELETE FROM batch_chunk WHERE job_id = %s AND kind = 'callback' AND state = 'pending'", self.id)
        )
        self._update(
            """
            state = 'pending', finished_at = NULL, error = NULL, cancel_requested_at = NULL, run_at = NULL, progress_at = NULL,
            reopening = true, reopened_to = 0, holds_values = true, forgotten_to = 0
            """
        )
        if self.is_atomic:
            self._reset_counters()
        queue.enqueue(self.env.cr, self.id)
        self.invalidate_recordset()
        wake_lanes(self.env, self.max_concurrency)

    def _reopen_step(self):
        """Put back what is to run again among the next chunks of a (locked) job.

        :returns: whether that were the last ones
        """
        # one job, said so that only the index of jobs is in order
        rows = self._reopenable(
            SQL(
                "(job_id, id) > (%(job)s, %(after)s) AND job_id <= %(job)s ORDER BY job_id, id LIMIT %(limit)s",
                job=self.id,
                after=self.reopened_to,
                limit=LOOKED_AT_ONCE,
            )
        )
        wanted = rows if self.is_atomic else [row for row in rows if row["is_wanted"]]
        taken, left = take_some(wanted, REOPENED_AT_ONCE)
        if self.is_atomic:
            self._hold_again(taken)
        else:
            self._requeue_failures([row["id"] for row in taken if row["state"] == states.DONE])
            self._requeue_cancelled([row["id"] for row in taken if row["state"] == states.CANCELLED])
        if not left and len(rows) < LOOKED_AT_ONCE:
            self._end_reopening()
            return True
        self._update(SQL("reopened_to = %s", left[0]["id"] - 1 if left else rows[-1]["id"]))
        return False

    def _reopenable(self, condition):
        """Chunks, and whether something in them is to run again. Their payloads are not read."""
        return self.env.execute_query_dict(
            SQL(
                """
                SELECT id, kind, state, record_count,
                       kind IN ('records', 'resolve')
                       AND (state = 'cancelled' OR state = 'done' AND failed_records + cancelled_records > 0) AS is_wanted
                  FROM batch_chunk
                 WHERE %s
                """,
                condition,
            )
        )

    def _end_reopening(self):
        if self.is_atomic:
            self._end_holding()
        else:
            release.start_releasing(self.env.cr, self.id)
            release.release_step(self.env.cr, read_job(self.env.cr, self.id))
        self._update("reopening = false, earlier_failures = failed_records")

    # -- what failed -------------------------------------------------------------------------------

    def _requeue_failures(self, chunk_ids, only=None):
        """Chunks of just the failed records: those of one chunk together, as they share its parameters.

        :param list only: ids of the failures that are meant, of all that stand
        """
        if not chunk_ids:
            return
        failures = self._take_failures(chunk_ids, only)
        chunks, broken = self._decode(self._chunks_as_run([chunk_id for chunk_id in chunk_ids if chunk_id in failures]))
        self._give_back_failures([failure for chunk_id in broken for failure in failures.pop(chunk_id)])
        rows, reopened = [], []
        for chunk, payload in chunks:
            members = _as_run(failures[chunk["id"]], payload)
            is_page = int(chunk["kind"] == states.RESOLVE)
            if not is_page:
                payload = Payload(
                    [json.loads(failure["values"]) for failure in members],
                    [failure["operation_id"] for failure in members],
                    [failure["index"] for failure in members],
                    payload.params,
                    payload.context,
                )
            reopened += [(failure["operation_id"], 1, failure["is_skipped"], is_page) for failure in members]
            needed = self._waits_of(payload) if chunk["waits"] else None
            rows.append(
                NewChunk(
                    job_id=self.id,
                    kind=chunk["kind"],
                    operation_type=chunk["operation_type"],
                    model=chunk["model"],
                    payload=payload,
                    state=states.BLOCKED
                    if needed or (chunk["round_no"] is not None and not payload.is_shared)
                    else states.PENDING,
                    sequence=chunk["sequence"],
                    wait_ids=needed,
                    group_keys=chunk["group_keys"],
                    round_no=chunk["round_no"],
                )
            )
        insert_chunks(self.env.cr, rows)
        self._take_back_chunks(failures)
        self._reopen(reopened)

    def _take_failures(self, chunk_ids, only=None):
        """Failures of chunks that stand, in order, by chunk; they are history from now on.

        Chunk by chunk in a subquery of its own, so that PostgreSQL takes the index of chunks, whatever it believes of how many
        failures each has and how few of them stand: new as they are, it has not counted them.
        """
        rows = self.env.execute_query_dict(
            SQL(
                """
                  WITH taken AS (
                    UPDATE batch_failure
                       SET retried_at = clock_timestamp() AT TIME ZONE 'UTC'
                     WHERE id = ANY(ARRAY(
                        SELECT failure.id
                          FROM unnest(%s::integer[]) AS wanted (id)
                         CROSS JOIN LATERAL (
                            SELECT id, retried_at FROM batch_failure WHERE chunk_id = wanted.id OFFSET 0
                         ) AS failure
                         WHERE failure.retried_at IS NULL
                     ))
                       %s
                    RETURNING id, chunk_id, operation_id, index, values, is_skipped
                  )
                SELECT * FROM taken ORDER BY chunk_id, operation_id, index
                """,
                chunk_ids,
                SQL() if only is None else SQL("AND id = ANY(%s)", only),
            )
        )
        self.env["batch.failure"].invalidate_model(["retried_at"])
        failures = {}
        for row in rows:
            failures.setdefault(row["chunk_id"], []).append(row)
        return failures

    def _give_back_failures(self, failures):
        """Let failures stand again that could not be put back."""
        if failures:
            ids = [failure["id"] for failure in failures]
            self.env.cr.execute(SQL("UPDATE batch_failure SET retried_at = NULL WHERE id = ANY(%s)", ids))

    def _decode(self, chunks):
        """Read the payloads of chunks. Those whose payload is damaged are set aside: their records stay as they are counted.

        :param list chunks: rows with id and payload
        :returns: `(row, Payload)` of each that can be read, and the ids of the others
        """
        decoded, broken = [], []
        for chunk in chunks:
            try:
                decoded.append((chunk, Payload.decode(chunk["payload"])))
            except BadPayload:
                _logger.exception("job %s chunk %s: can't be read, so it can't be run again", self.id, chunk["id"])
                broken.append(chunk["id"])
        if broken:
            message = self.env._("Internal error: it can't be read, so its records can't be run again.")
            self.env.cr.execute(
                SQL("UPDATE batch_chunk SET state = 'done', error = %s WHERE id = ANY(%s)", message, broken)
            )
        return decoded, broken

    def _chunks_as_run(self, chunk_ids):
        """What of chunks is the same when they run again, in order."""
        return self.env.execute_query_dict(
            SQL(
                """
                SELECT id, kind, operation_type, model, sequence, payload, wait_ids IS NOT NULL AS waits, group_keys,
                       round_no
                  FROM batch_chunk
                 WHERE id = ANY(%s)
                 ORDER BY id
                """,
                chunk_ids,
            )
        )

    def _waits_of(self, payload):
        """Ids of the operations that those of a payload depend on, or are to come after: they may run again as well."""
        needs = self.env["batch.operation"]._needs(payload.operations)
        wanted = {name for names in needs.values() for name in names}.union(payload.params.get("after", ()))
        return list(self.env["batch.operation"]._ids_by_name(self.id, wanted).values())

    def _take_back_chunks(self, failures):
        """The old chunks keep what succeeded; what runs again is no longer theirs."""
        if not failures:
            return
        ids = list(failures)
        skipped = [sum(bool(failure["is_skipped"]) for failure in members) for members in failures.values()]
        failed = [len(members) - count for members, count in zip(failures.values(), skipped, strict=True)]
        self.env.cr.execute(
            SQL(
                """
                UPDATE batch_chunk AS chunk
                   SET failed_records = chunk.failed_records - taken.failed,
                       cancelled_records = chunk.cancelled_records - taken.skipped,
                       record_count = greatest(chunk.record_count - taken.failed - taken.skipped, 0),
                       found_records = CASE WHEN chunk.kind = 'resolve' THEN 0 ELSE chunk.found_records END
                  FROM unnest(%(ids)s::integer[], %(failed)s::integer[], %(skipped)s::integer[]) AS taken (id, failed, skipped)
                 WHERE chunk.id = taken.id
                   AND chunk.id = ANY(%(ids)s)  -- else PostgreSQL may read all of them to join some
                """,
                ids=ids,
                failed=failed,
                skipped=skipped,
            )
        )

    # -- what was never run ------------------------------------------------------------------------

    def _requeue_cancelled(self, chunk_ids):
        """Chunks that were never run go back as they are."""
        if not chunk_ids:
            return
        # only the payload says whose records a shared chunk holds
        shared = self.env.execute_query_dict(
            SQL("SELECT id, payload FROM batch_chunk WHERE id = ANY(%s) AND operation_id IS NULL", chunk_ids)
        )
        decoded, broken = self._decode(shared)
        payloads = {chunk["id"]: payload for chunk, payload in decoded}
        chunks = self.env.execute_query_dict(
            SQL(
                """
                UPDATE batch_chunk
                   SET state = CASE
                            WHEN cardinality(wait_ids) > 0 OR round_no IS NOT NULL AND operation_id IS NOT NULL THEN 'blocked'
                            ELSE 'pending'
                       END,
                       runs_alone = NULL, finished_at = NULL, cancelled_records = 0, found_records = 0, tallied = false,
                       attempt = 0, run_at = NULL
                 WHERE id = ANY(%s)
                RETURNING id, kind, operation_id, record_count
                """,
                [chunk_id for chunk_id in chunk_ids if chunk_id not in broken],
            )
        )
        reopened = []
        for chunk in chunks:
            is_page = int(chunk["kind"] == states.RESOLVE)
            if chunk["id"] in payloads:
                reopened += [(operation, 1, True, is_page) for operation in payloads[chunk["id"]].operations]
            else:
                reopened.append((chunk["operation_id"], is_page or chunk["record_count"], True, is_page))
        self._reopen(reopened)

    # -- counters ----------------------------------------------------------------------------------

    def _reopen(self, records):
        """Take records back from the counters of their operations and of the job; what operations say is what still stands.

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


def _as_run(failures, payload):
    """The failures of a chunk in the order its records were run in, which is not always that of the data."""
    places = {place: number for number, place in enumerate(zip(payload.operations, payload.indexes, strict=True))}
    return sorted(failures, key=lambda failure: places.get((failure["operation_id"], failure["index"]), len(places)))


def take_some(chunks, most):
    """The first of these rows of chunks, up to so many records but at least one chunk, and the others."""
    records = 0
    for place, chunk in enumerate(chunks):
        records += max(chunk["record_count"], 1)
        if records > most and place:
            return chunks[:place], chunks[place:]
    return chunks, []
