import logging

from odoo import api, models
from odoo.tools import SQL

from ..engine import states, verdict
from ..engine.outcome import Outcome
from ..engine.payload import Payload
from ..exceptions import TransactionControlError
from ..run.errors import committed_message, failure, is_conflict, transaction_control_message
from ..run.guarded import timeout_message
from ..run.records import usable_lang
from ..run.wake import wake_lanes
from ..store import queue
from ..store.chunk_row import WORK_LOCK, claim_of_chunk
from ..store.parts import insert_beside
from ..store.prepared import fetch_prepared

_logger = logging.getLogger(__name__)

#: Between the commit of a claim and its `_hold` lie milliseconds; a younger running chunk is no orphan yet.
CLAIM_GRACE_S = 2
RESCUED_AT_ONCE = 100


class BatchChunk(models.Model):
    """What becomes of a chunk whose attempt came to nothing: given back by its lane, or found without one.

    Both end in `_dispose`, which acts on the verdict of `engine.verdict`, in a short transaction.
    """

    _inherit = "batch.chunk"

    @api.model
    def _release(self, claim, trouble, words=None):
        """Give back a chunk whose attempt was rolled back.

        :param str trouble: why, one of `engine.verdict`
        :param str words: what the code it ran said of that itself
        """
        if self._is_still_ours(claim):
            self._dispose(claim, trouble, words)

    @api.model
    def _give_up(self, claim, error):
        """Fail the records of a chunk that can't be run or settled at all."""
        if isinstance(error, TransactionControlError):
            reason = failure(TransactionControlError.__name__, str(error))
        else:
            reason = failure("InternalError", self.env._("Internal error: %s", type(error).__name__))
        if self._is_still_ours(claim):
            self._fail(claim, reason)

    def _is_still_ours(self, claim):
        """Lock a chunk that is to be given back; False where another lane has taken it over."""
        rows = self.env.execute_query(
            SQL(
                """
                SELECT id
                  FROM batch_chunk
                 WHERE id = %(id)s
                   AND claims = %(number)s
                   AND state = 'running'
                   FOR NO KEY UPDATE
                """,
                id=claim.chunk_id,
                number=claim.number,
            )
        )
        if not rows:
            _logger.info("%s: lost to another lane while it was being given back", claim)
        return bool(rows)

    @api.model
    def _rescue_orphans(self):
        """Take back chunks whose worker is gone: marked running, yet nobody holds their row.

        :returns: how many there were; the next call sees to the rest
        """
        rows = fetch_prepared(
            self.env.cr,
            SQL(
                """
                SELECT chunk.id, chunk.job_id, chunk.claims, chunk.attempt, chunk.kind, chunk.operation_id,
                       chunk.operation_type, chunk.model, chunk.sequence, chunk.payload,
                       chunk.wait_ids IS NOT NULL AS waits, chunk.group_keys, chunk.round_no,
                       chunk.runs_alone, chunk.worker
                  FROM batch_chunk AS chunk
                 WHERE chunk.state = 'running'
                   -- the clock may have been set back since
                   AND abs(extract(epoch FROM clock_timestamp() AT TIME ZONE 'UTC' - chunk.claimed_at)) > %(grace)s
                   AND pg_try_advisory_xact_lock(%(work_lock)s)
                 ORDER BY chunk.job_id, chunk.claimed_at
                 LIMIT %(limit)s
                   FOR UPDATE SKIP LOCKED  -- see `_hold`
                """,
                grace=CLAIM_GRACE_S,
                work_lock=WORK_LOCK,
                limit=RESCUED_AT_ONCE,
            ),
        )
        for row in rows:
            _logger.warning("job %s chunk %s: its worker (%s) is gone", row["job_id"], row["id"], row["worker"])
            try:
                with self.env.cr.savepoint():
                    self._take_back(row)
            except Exception as error:
                if is_conflict(error):
                    raise
                _logger.exception("job %s chunk %s: could not be taken back", row["job_id"], row["id"])
                self._set_aside(row["id"])
            queue.wake(self.env.cr, row["job_id"])
        if rows:
            # the successor of a killed cron worker sleeps for a minute before it first looks for work by itself
            wake_lanes(self.env)
        return len(rows)

    def _take_back(self, row):
        """Act on the end of the worker that had claimed a chunk."""
        claim = claim_of_chunk(self.env.cr, row["job_id"], row)
        if claim.is_atomic and claim.kind in (states.RECORDS, states.RESOLVE):
            # it runs inside another chunk's transaction, and is seen only if its code has committed that
            self._fail(claim, failure(TransactionControlError.__name__, committed_message(self.env)))
        else:
            self._dispose(claim, verdict.LOST)

    @api.model
    def _set_aside(self, chunk_id):
        """End a chunk that can be neither run nor failed record by record: whatever is wrong with it, the queue goes on.

        As little is touched as possible: its records count as failed, or as not run where only its payload says whose they are.
        """
        rows = self.env.execute_query(
            SQL(
                """
                UPDATE batch_chunk
                   SET state = 'done',
                       finished_at = clock_timestamp() AT TIME ZONE 'UTC',
                       claimed_at = coalesce(claimed_at, clock_timestamp() AT TIME ZONE 'UTC'),
                       duration = 0,
                       error = %(message)s,
                       failed_records = CASE WHEN kind = 'resolve' THEN 1 WHEN operation_id IS NOT NULL THEN record_count ELSE 0 END,
                       cancelled_records = CASE WHEN kind = 'records' AND operation_id IS NULL THEN record_count ELSE 0 END,
                       found_records = CASE WHEN kind = 'resolve' THEN 1 ELSE 0 END,
                       tallied = false
                 WHERE id = %(id)s
                   AND finished_at IS NULL
                RETURNING job_id, kind
                """,
                id=chunk_id,
                message=self.env._("Internal error: it could not be run, nor its records be named one by one."),
            )
        )
        for job_id, kind in rows:
            if kind == states.ATOMIC:  # what it should have run waits for nobody any longer
                self.env["batch.job"].browse(job_id)._stop(self.env._("Internal error: it could not be run."))

    def _dispose(self, claim, trouble, words=None):
        """Act on the verdict about an attempt that was rolled back; the chunk's row is locked."""
        decision = verdict.decide(
            trouble, attempt=claim.attempt, parts=claim.payload.parts, retry_attempts=claim.retry_attempts
        )
        _logger.info("%s: %s, so %s", claim, trouble, decision.action)
        job = self.env["batch.job"].browse(claim.job_id)
        if claim.kind == states.CALLBACK and not job.finished_at:
            # the job runs again: its action is for the end that is to come
            self.env.cr.execute(SQL("DELETE FROM batch_chunk WHERE id = %s", claim.chunk_id))
        elif job.cancel_requested_at and not job.finished_at:
            self._return_to_queue(claim, 0.0)  # where it is cancelled with the others
        elif decision.action == verdict.FAIL and trouble == verdict.CONFLICT and self._has_siblings(claim, job):
            self._return_to_queue(claim, 0.0, runs_alone=True)
        elif decision.action == verdict.FAIL:
            self._fail(claim, failure(decision.error_type, self._trouble_message(claim, trouble, words)))
        elif decision.action == verdict.HALVE:
            first, second = claim.payload.halves()
            self._return_to_queue(claim, 0.0, first)
            insert_beside(self.env.cr, claim, [second])
        else:
            self._return_to_queue(claim, decision.delay_s)

    def _fail(self, claim, reason):
        """Settle a chunk as failed. One that stands for a whole job or for its action says so on the job."""
        if claim.kind == states.RECORDS:
            outcome = Outcome.all_failed(claim.size, reason)
        elif claim.kind == states.RESOLVE:
            outcome = Outcome(failures={0: reason}, found_records=1)
        else:
            outcome = Outcome(note=reason.message)
            if claim.kind == states.ATOMIC:
                self.env["batch.job"].browse(claim.job_id)._fail_held(reason.message)
        self._settle(claim, outcome, 0.0)

    def _has_siblings(self, claim, job):
        """Whether it may have been others of its job that a chunk lost to: it has not been run without them yet."""
        if claim.runs_alone or job.max_concurrency == 1 or claim.kind not in (states.RECORDS, states.RESOLVE):
            return False
        others = SQL("SELECT 1 FROM batch_chunk WHERE job_id = %s AND id <> %s LIMIT 1", claim.job_id, claim.chunk_id)
        return bool(self.env.execute_query(others))

    def _return_to_queue(self, claim, delay_s, payload: Payload | None = None, runs_alone=False):
        """Make the chunk pending again, with just `payload` where it has been halved (its attempts start anew).

        :param bool runs_alone: only once no other chunk of its job is in flight
        """
        self.env.execute_query(
            SQL(
                """
                UPDATE batch_chunk
                   SET state = 'pending',
                       run_at = CASE WHEN %(delay)s > 0
                            THEN clock_timestamp() AT TIME ZONE 'UTC' + %(delay)s * interval '1 second'
                       END,
                       payload = coalesce(%(payload)s, payload),
                       record_count = coalesce(%(record_count)s, record_count),
                       operation_id = coalesce(%(operation)s, operation_id),
                       attempt = CASE WHEN %(payload)s IS NULL THEN attempt ELSE 0 END,
                       runs_alone = %(payload)s IS NULL AND (runs_alone OR %(runs_alone)s)
                 WHERE id = %(id)s
                RETURNING id
                """,
                id=claim.chunk_id,
                delay=delay_s,
                payload=payload and payload.encode(),
                record_count=payload and len(payload),
                operation=payload.operations[0] if payload and not payload.is_shared else None,
                runs_alone=runs_alone,
            )
        )

    def _trouble_message(self, claim, trouble, words):
        lang = usable_lang(self.env, claim.context.get("lang"), claim.user_id)
        env = self.env(context=dict(self.env.context, lang=lang))
        if trouble == verdict.TIMEOUT:
            return timeout_message(env, claim.timeout_s)
        if trouble == verdict.ENDED:
            return transaction_control_message(env)
        if trouble == verdict.LOST:
            return env._("The worker running it died, %s times in a row.", claim.attempt)
        given_up = env._("It kept conflicting with other transactions: given up after %s attempts.", claim.attempt)
        return f"{words}\n{given_up}" if words else given_up
