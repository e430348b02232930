"""Chunks whose attempt was interrupted: put back by their lane, or orphaned, because their worker is gone.

Such a chunk is retried, halved, or failed, as `engine.verdict` decides. A chunk that can't be read is set aside. All this runs in
short transactions of lanes.
"""

from odoo.tools import SQL

from ..engine import states, verdict
from ..engine.outcome import Outcome
from ..engine.verdict import FAIL, HALVE, RETRY, Verdict
from ..exceptions import ChunkBroken
from .chunk_row import CHUNK_COLUMNS, UNRUN_FOUND, UNRUN_RECORDS, WORK_LOCK
from .parts import insert_beside
from .prepared import fetch_prepared
from .settle import settle, take_awaiting_driver
from .sql import NOW, fetch, fetch_dicts, seconds

#: Seconds after its claim during which a chunk is no orphan: its lane needs milliseconds to lock it after the claim's commit.
CLAIM_GRACE_S = 2
#: Orphans locked by one call.
RESCUED_AT_ONCE = 100
#: More actions than those of `engine.verdict`: delete the chunk; retry it while no other chunk of its job runs.
DROP, RETRY_ALONE = "drop", "retry alone"


def lock_claimed(cr, claim):
    """Lock a claimed chunk; False where another lane has taken it over.

    :param claim: the `Claim`
    """
    query = SQL(
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
    return bool(fetch(cr, query))


def lock_orphans(cr):
    """Lock orphans: running chunks whose row and work lock nobody holds, because their worker is gone.

    :returns: at most `RESCUED_AT_ONCE` dicts with `CHUNK_COLUMNS`, `job_id`, `worker` and `claimed_at`; the next call finds the rest
    """
    return fetch_prepared(
        cr,
        SQL(
            """
            SELECT %(columns)s, chunk.job_id, chunk.worker, chunk.claimed_at
              FROM batch_chunk AS chunk
             WHERE chunk.state = 'running'
               -- abs, because the clock may have been set back since
               AND abs(extract(epoch FROM %(now)s - chunk.claimed_at)) > %(grace)s
               AND pg_try_advisory_xact_lock(%(work_lock)s)
             ORDER BY chunk.job_id, chunk.claimed_at
             LIMIT %(limit)s
               FOR UPDATE SKIP LOCKED  -- conflicts with both locks of `hold` and `hold_shared`
            """,
            columns=CHUNK_COLUMNS,
            now=NOW,
            grace=CLAIM_GRACE_S,
            work_lock=WORK_LOCK,
            limit=RESCUED_AT_ONCE,
        ),
    )


def decide(cr, claim, interruption):
    """Decide what to do with a chunk whose attempt was rolled back, also by the present state of its job.

    :param claim: the `Claim`; the chunk's row is locked
    :param str interruption: one of those in `engine.verdict`
    :returns: a `Verdict`. Where its action is `verdict.FAIL`, call `fail`; for all others, also those of this module, `put_back`
    """
    decision = verdict.decide(
        interruption, attempt=claim.attempt, parts=claim.payload.parts, retry_attempts=claim.retry_attempts
    )
    query = SQL(
        """
        SELECT finished_at IS NULL AS is_open, cancel_requested_at IS NOT NULL AS is_cancelled, max_concurrency
          FROM batch_job
         WHERE id = %s
        """,
        claim.job_id,
    )
    [job] = fetch_dicts(cr, query)
    if claim.kind == states.CALLBACK and job["is_open"]:
        return Verdict(DROP)  # the job was retried: its action runs at its next end
    if job["is_cancelled"] and job["is_open"]:
        return Verdict(RETRY)  # put back, it is cancelled with the others
    may_try_alone = decision.action == FAIL and interruption == verdict.CONFLICT
    if may_try_alone and _has_siblings(cr, claim, job["max_concurrency"]):
        return Verdict(RETRY_ALONE)
    return decision


def put_back(cr, claim, decision):
    """Carry out a decision other than to fail: put a locked chunk back, whole or in halves, or delete it.

    :param Verdict decision: see `decide`
    """
    if decision.action == DROP:
        cr.execute(SQL("DELETE FROM batch_chunk WHERE id = %s", claim.chunk_id))
    elif decision.action == HALVE:
        first, second = claim.payload.halves()
        _return_to_queue(cr, claim, payload=first)
        insert_beside(cr, claim, [second], len(first))
    else:
        _return_to_queue(cr, claim, decision.delay_s, runs_alone=decision.action == RETRY_ALONE)


def fail(cr, claim, failure, unreadable):
    """Settle a locked chunk as failed; with a job's driver, all chunks that await it fail too.

    :param claim: the `Claim`
    :param failure: the `Failure` of its records
    :param str unreadable: error, for people, of chunks that await the driver and can't be read: see `end_unrun`
    """
    if claim.kind == states.RECORDS:
        outcome = Outcome.all_failed(claim.size, failure)
    elif claim.kind == states.RESOLVE:
        outcome = Outcome(failures={0: failure}, found_records=1)
    else:
        outcome = Outcome(note=failure.message)
        if claim.kind == states.ATOMIC:
            _fail_awaiting_driver(cr, claim.job_id, failure.message, unreadable)
    settle(cr, claim, outcome, 0.0)


def end_unrun(cr, chunk_id, message):
    """End a chunk that can't be read, without reading its payload, so that the queue is not blocked.

    Its records count as failed; as cancelled in a shared chunk, where only the payload says which operation they belong to.

    :param str message: why, for people
    :returns: id of the job, if the chunk was its driver: the caller must stop the job; else None
    """
    rows = fetch(
        cr,
        SQL(
            """
            UPDATE batch_chunk
               SET state = 'done',
                   finished_at = %(now)s,
                   claimed_at = coalesce(claimed_at, %(now)s),
                   duration = 0,
                   error = %(message)s,
                   failed_records = CASE WHEN operation_id IS NULL THEN 0 ELSE %(records)s END,
                   cancelled_records = CASE WHEN operation_id IS NULL THEN %(records)s ELSE 0 END,
                   found_records = %(found)s,
                   tallied = false
             WHERE id = %(id)s
               AND finished_at IS NULL
            RETURNING job_id, kind
            """,
            now=NOW,
            id=chunk_id,
            message=message,
            records=UNRUN_RECORDS,
            found=UNRUN_FOUND,
        ),
    )
    return next((job_id for job_id, kind in rows if kind == states.ATOMIC), None)


def _has_siblings(cr, claim, max_concurrency):
    """Whether other chunks of its job may have caused the conflict of a chunk, and it was not yet run without them."""
    if claim.runs_alone or max_concurrency == 1 or claim.kind not in (states.RECORDS, states.RESOLVE):
        return False
    others = SQL("SELECT 1 FROM batch_chunk WHERE job_id = %s AND id <> %s LIMIT 1", claim.job_id, claim.chunk_id)
    return bool(fetch(cr, others))


def _return_to_queue(cr, claim, delay_s=0.0, payload=None, runs_alone=False):
    """Make a chunk pending again.

    :param float delay_s: seconds before it may be claimed
    :param payload: its new `Payload` if it was halved, which also resets its attempts
    :param bool runs_alone: run it only while no other chunk of its job is in flight
    """
    cr.execute(
        SQL(
            """
            UPDATE batch_chunk
               SET state = 'pending',
                   run_at = CASE WHEN %(delay)s > 0 THEN %(now)s + %(wait)s END,
                   payload = coalesce(%(payload)s, payload),
                   record_count = coalesce(%(record_count)s, record_count),
                   operation_id = coalesce(%(operation)s, operation_id),
                   attempt = CASE WHEN %(payload)s IS NULL THEN attempt ELSE 0 END,
                   runs_alone = %(payload)s IS NULL AND (runs_alone OR %(runs_alone)s)
             WHERE id = %(id)s
            """,
            id=claim.chunk_id,
            now=NOW,
            delay=delay_s,
            wait=seconds(delay_s),
            payload=payload and payload.encode(),
            record_count=payload and len(payload),
            operation=payload.sole_operation if payload else None,
            runs_alone=runs_alone,
        )
    )


def _fail_awaiting_driver(cr, job_id, reason, unreadable):
    """Fail all other chunks of an atomic job, because its driver has failed.

    :param str reason: why, for people
    :param str unreadable: see `fail`
    """
    cr.execute(
        SQL(
            """
            UPDATE batch_chunk
               SET state = 'held'
             WHERE job_id = %s
               AND state = 'running'  -- committed by user code, past the guard
               AND kind IN ('records', 'resolve')
            """,
            job_id,
        )
    )
    last = None
    while True:
        try:
            claim = take_awaiting_driver(cr, job_id, last)
        except ChunkBroken as broken:
            end_unrun(cr, broken.chunk_id, unreadable)
            continue
        if claim is None:
            return
        outcome = Outcome(rolled_back=set(range(claim.size)), note=reason)
        if claim.kind == states.RESOLVE:
            outcome.found_records = 1
        settle(cr, claim, outcome, 0.0)
        last = claim
