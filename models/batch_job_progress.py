import logging

from odoo import models
from odoo.tools import SQL

from ..engine import states
from ..engine.options import NO_LIMIT
from ..store import queue
from ..store.prepared import fetch_prepared
from .batch_job_clock import STOP_CLOCK

_logger = logging.getLogger(__name__)

#: Chunks counted in one go.
TALLIED_AT_ONCE = 2000
#: Waiting chunks cancelled in one go: some tenths of a second, for which nobody else can steer their job.
CANCELLED_AT_ONCE = 5000
BUS_TYPE = "batch_executor/progress"
#: Whether the submitter of a job has a browser open. A message costs Odoo a connection of its own: none is made for the
#: users of programs.
IS_WATCHED = SQL(
    """
    EXISTS (
        SELECT 1 FROM mail_presence AS presence WHERE presence.user_id = batch_job.user_id AND presence.status <> 'offline'
    )
    """
)


class BatchJob(models.Model):
    """How far it is, and what comes next. In the lanes' short transactions, under the job's row lock, as `store/queue.py`."""

    _inherit = "batch.job"

    def _roll_up(self, again=False):
        """Count settled chunks into their operations and into the job, each chunk once; let those go on that waited.

        :param bool again: it has been done just now, and noted: the next regular time is some way off
        :returns: how many chunks need not wait any longer
        """
        released, is_noted = 0, again
        while chunks := self._tally():
            is_noted = True
            released += self._count_settled(chunks)
            if len(chunks) < TALLIED_AT_ONCE:
                break
        if not is_noted:
            self.env.cr.execute(
                SQL(
                    """
                    UPDATE batch_job
                       SET progress_at = clock_timestamp() AT TIME ZONE 'UTC'
                     WHERE id = %s
                       AND is_atomic IS NOT TRUE
                    """,
                    self.id,
                )
            )
            self.invalidate_recordset()
        return released

    def _tally(self):
        """Mark settled chunks as counted; returns what is to be counted of each.

        Ordered as the index is, so that PostgreSQL takes no other, whatever it believes of how many there are.
        """
        return fetch_prepared(
            self.env.cr,
            SQL(
                """
                UPDATE batch_chunk
                   SET tallied = true
                 WHERE id = ANY(ARRAY(
                    SELECT id
                      FROM batch_chunk
                     WHERE job_id = %s
                       AND NOT tallied
                       AND finished_at IS NOT NULL
                     ORDER BY finished_at
                     LIMIT %s
                 ))
                RETURNING kind, state, operation_id, processed_records, failed_records, cancelled_records, found_records, warning_count,
                          completed_operations, failed_operations, duration, error, skip_reason, ended_ids, round_no
                """,
                self.id,
                TALLIED_AT_ONCE,
            ),
        )

    def _count_settled(self, chunks):
        """Add tallied chunks to the counters. Those of a job in one transaction show what was seen of it while it ran: see
        `_count_whole`.

        :returns: how many others need not wait any longer
        """
        operations, ended = self.env["batch.operation"]._roll_up([chunk for chunk in chunks if chunk["operation_id"]])

        def total(column):
            return sum(chunk[column] or 0 for chunk in chunks)

        [job] = fetch_prepared(
            self.env.cr,
            SQL(
                """
                UPDATE batch_job
                   SET processed_records = processed_records + CASE WHEN is_atomic THEN 0 ELSE %(processed)s END,
                       failed_records = failed_records + CASE WHEN is_atomic THEN 0 ELSE %(failed)s END,
                       cancelled_records = cancelled_records + %(cancelled)s,
                       total_records = total_records + %(found)s,
                       warning_count = coalesce(warning_count, 0) + %(warnings)s,
                       completed_operations = completed_operations + %(completed_operations)s,
                       failed_operations = failed_operations + %(failed_operations)s,
                       progress_at = clock_timestamp() AT TIME ZONE 'UTC'
                 WHERE id = %(id)s
                RETURNING %(is_watched)s AS is_watched
                """,
                is_watched=IS_WATCHED,
                id=self.id,
                processed=total("processed_records"),
                failed=total("failed_records"),
                cancelled=total("cancelled_records"),
                found=total("found_records"),
                warnings=total("warning_count"),
                completed_operations=total("completed_operations") + operations.count(states.COMPLETED),
                failed_operations=total("failed_operations")
                + sum(state in states.OPERATION_FAILED for state in operations),
            ),
        )
        self.invalidate_recordset()
        for chunk in chunks:
            if chunk["kind"] == states.CALLBACK and chunk["state"] == states.DONE:
                self._note_callback(chunk["error"])
        if not self.is_atomic:
            self._keep_pace(max(chunk["duration"] or 0.0 for chunk in chunks))
        if job["is_watched"]:
            self._send_progress()
        return self._release_blocked(ended + [id_ for chunk in chunks for id_ in chunk["ended_ids"] or ()]) + (
            self._release_rounds({chunk["operation_id"] for chunk in chunks if chunk["round_no"] is not None})
        )

    def _advance(self):
        """Nothing can be claimed in this (locked) job: move it on, to its end or to what comes next.

        What is to be done to many chunks is done to some of them: the job stays in the queue, and the next look goes on.

        :returns: whether there may be something to claim now
        """
        if self.reopening and not self._reopen_step():
            return False
        released = self._roll_up()
        is_stopping = self._must_stop()
        if is_stopping and self._cancel_waiting_chunks():
            return False
        is_looked_through = False
        if self.releasing and not is_stopping:
            self._release_step()
            if self.releasing:
                return False
            is_looked_through = True
        may_start = not is_stopping and self.state != states.PAUSED
        # asked before the last count: what is settled between the two must not be missed
        pending, running, waiting = self._unfinished()
        released += self._roll_up(again=True)
        if self.releasing and not is_stopping:
            return False
        if may_start and waiting and not (pending or running or released or self.is_atomic):
            if not is_looked_through:  # nobody is left to tell them
                self._start_releasing()
                return self._advance()
            _logger.error("job %s: what is left waits for what will never come", self.id)
            self._stop(self.env._("Internal error: what was left waited for what could not be run."))
            return self._advance()
        if may_start and (released or (is_looked_through and pending)):
            return True
        if pending or running or waiting:
            if self.state == states.PAUSED and not running:
                self._stop_clock()
            queue.park(self.env.cr, self.id)
            self.invalidate_recordset()
        elif self.finished_at:
            self._update("ready = false, wake_at = NULL")  # its action has run
        else:
            self._finish()
        return False

    def _must_stop(self):
        """Whether nothing more may start; says so on the job the first time. What a finished job runs is its action."""
        if self.finished_at or self.reopening:
            return False
        if (
            not self.cancel_requested_at
            and self.max_failures != NO_LIMIT
            and self.failed_records - self.earlier_failures > self.max_failures
            and not self.is_atomic
        ):
            self._stop(
                self.env._(
                    "Stopped: %(failed)s records failed, more than the %(limit)s allowed.",
                    failed=self.failed_records,
                    limit=self.max_failures,
                )
            )
        return bool(self.cancel_requested_at)

    def _stop(self, reason):
        """Let nothing more start; the job ends as what it has come to."""
        self.env.cr.execute(
            SQL(
                "UPDATE batch_job SET cancel_requested_at = clock_timestamp() AT TIME ZONE 'UTC', error = %s WHERE id = %s",
                reason,
                self.id,
            )
        )
        self.invalidate_recordset()

    def _cancel_waiting_chunks(self):
        """Cancel what has not started, so many at a time; what another lane is just claiming is left to it.

        Each state by itself and in the order of its index, so that PostgreSQL takes no other.

        :returns: whether there may be more
        """
        left = CANCELLED_AT_ONCE
        for state in (SQL("state = 'pending'"), SQL("state IN ('blocked', 'held')")):
            self.env.cr.execute(
                SQL(
                    """
                    UPDATE batch_chunk
                       SET state = 'cancelled',
                           cancelled_records = greatest(record_count, CASE kind WHEN 'resolve' THEN 1 ELSE 0 END),
                           found_records = CASE kind WHEN 'resolve' THEN 1 ELSE 0 END,
                           finished_at = clock_timestamp() AT TIME ZONE 'UTC',
                           tallied = false
                     WHERE id = ANY(ARRAY(
                        SELECT id
                          FROM batch_chunk
                         WHERE job_id = %s
                           AND %s
                         ORDER BY sequence, id
                         LIMIT %s
                           FOR NO KEY UPDATE SKIP LOCKED
                     ))
                    """,
                    self.id,
                    state,
                    left,
                )
            )
            left -= self.env.cr.rowcount
            if not left:
                return True
        return False

    def _unfinished(self):
        """Whether the job has chunks that are pending, that run, and that wait for others.

        Ordered as the indexes are: without, PostgreSQL may look for a row through the whole table.
        """
        [found] = self.env.execute_query(
            SQL(
                """
                SELECT (
                    SELECT true FROM batch_chunk WHERE job_id = %(id)s AND state = 'pending' ORDER BY sequence, id LIMIT 1
                ), (
                    SELECT true FROM batch_chunk WHERE job_id = %(id)s AND state = 'running' ORDER BY claimed_at LIMIT 1
                ), (
                    SELECT true
                      FROM batch_chunk
                     WHERE job_id = %(id)s
                       AND state IN ('blocked', 'held')
                     ORDER BY sequence, id
                     LIMIT 1
                )
                """,
                id=self.id,
            )
        )
        return found

    def _finish(self):
        """All chunks are settled and counted: give the job its final state."""
        self._wait_for_disk()
        self.env["batch.operation"]._close_unfinished(self.id)
        if self.is_atomic:
            self._count_whole()
            self._note_report()
        cancelled = (
            bool(self.cancel_requested_at) and not self.error and bool(self.cancelled_records or not self.total_records)
        )
        state = states.job_state(
            total=self.total_records, processed=self.processed_records, failed=self.failed_records, cancelled=cancelled
        )
        callback = self.on_complete_id and not self.called_back_at
        self.env.cr.execute(
            SQL(
                """
                UPDATE batch_job
                   SET state = %(state)s,
                       -- counted on the way by what ran; here also what was closed without
                       (completed_operations, failed_operations) = (
                            SELECT count(*) FILTER (WHERE operation.state = 'completed'),
                                   count(*) FILTER (WHERE operation.state = ANY(%(failed)s))
                              FROM batch_operation AS operation
                             WHERE operation.job_id = batch_job.id
                       ),
                       finished_at = coalesce(finished_at, clock_timestamp() AT TIME ZONE 'UTC'),
                       started_at = coalesce(started_at, clock_timestamp() AT TIME ZONE 'UTC'),
                       %(stop_clock)s,
                       releasing = false,
                       ready = %(callback)s,
                       wake_at = NULL
                 WHERE id = %(id)s
                """,
                id=self.id,
                state=state,
                failed=list(states.OPERATION_FAILED),
                stop_clock=STOP_CLOCK,
                callback=bool(callback),
            )
        )
        if callback:
            self._insert_callback()
        self.invalidate_recordset()
        _logger.info(
            "job %s (%s) is %s: %s of %s records succeeded, %s failed",
            self.id,
            self.name,
            state,
            self.processed_records,
            self.total_records,
            self.failed_records,
        )
        self._notify_progress()

    def _count_whole(self):
        """The counters of a job that ran in one transaction: what its chunks have come to at last, however often it was run."""
        self.env.cr.execute(
            SQL(
                """
                UPDATE batch_job
                   SET (processed_records, failed_records, cancelled_records) = (
                        SELECT coalesce(sum(chunk.processed_records), 0),
                               coalesce(sum(chunk.failed_records), 0),
                               coalesce(sum(chunk.cancelled_records), 0)
                          FROM batch_chunk AS chunk
                         WHERE chunk.job_id = batch_job.id
                       )
                 WHERE id = %s
                """,
                self.id,
            )
        )
        self.invalidate_recordset()

    def _wait_for_disk(self):
        """Have this transaction's commit wait for the disk, as the session's own setting has it.

        Lanes let most of what they say wait for nothing; but who has read that a job is over must read so after a power cut.
        """
        self.env.cr.execute(
            """
            SELECT set_config('synchronous_commit', reset_val, true) FROM pg_settings WHERE name = 'synchronous_commit'
            """
        )

    def _note_report(self):
        """What the driver of a job in one transaction has to say: why everything was undone."""
        rows = self.env.execute_query(
            SQL(
                "SELECT error FROM batch_chunk WHERE job_id = %s AND kind = 'atomic' AND error IS NOT NULL ORDER BY id DESC LIMIT 1",
                self.id,
            )
        )
        if rows:
            self._update(SQL("error = %s", rows[0][0]))

    def _notify_progress(self):
        """Tell the submitter's browsers, should there be any; delivered with the commit."""
        if self.env.execute_query(SQL("SELECT 1 FROM batch_job WHERE id = %s AND %s", self.id, IS_WATCHED)):
            self._send_progress()

    def _send_progress(self):
        self.user_id._bus_send(BUS_TYPE, self._status())
