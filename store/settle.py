"""A claimed chunk in the transaction of its work: locks its row while it runs, and stores its outcome."""

from odoo.tools import SQL

from ..engine import states
from ..engine.effects import EFFECT_COLUMNS, encode_effects
from ..engine.payload import dumps
from ..engine.tally import CANCELLED, FAILED, PROCESSED, count_records
from ..exceptions import ClaimLost
from .changes import store_changes
from .chunk_row import CHUNK_COLUMNS, WORK_LOCK, claim_of_chunk
from .claim import mark_running
from .findings import store_findings
from .parts import insert_found, insert_like
from .retried import tell_failures
from .shared import EndedOperations, settle_shared
from .sql import NOW, fetch, fetch_dicts

#: Longest wait for a lock, in seconds, where the job has no timeout.
LOCK_TIMEOUT_S = 60.0
#: Seconds between two checks by PostgreSQL whether the worker is still connected.
CLIENT_CHECK_S = 2


def hold(cr, claim, first=None):
    """Begin the work on a claimed chunk: limit waits for locks, and lock the chunk until the transaction ends.

    Both locks show that the chunk has a worker (see `store.rescue.lock_orphans`). The row lock is NO KEY UPDATE, which lets
    failures be stored with a reference to the row. The advisory work lock belongs to the session: if user code ends the
    transaction, the chunk is still not taken for an orphan and run twice.

    :param claim: the `Claim`; its `transaction` is set to PostgreSQL's id of the transaction
    :param SQL first: a statement to run before, in the same message
    :raises ClaimLost: another lane has taken the chunk over
    """
    columns = SQL("pg_current_xact_id()::text, pg_advisory_lock(%s)", WORK_LOCK)
    claim.transaction = _lock(cr, claim, columns, SQL("NO KEY UPDATE"), first)


def hold_shared(cr, claim):
    """Keep a claimed chunk from being rescued as an orphan while its lane waits for something before the work.

    KEY SHARE does not conflict with the row lock of `hold`.

    :param claim: the `Claim`
    :raises ClaimLost: another lane has taken the chunk over
    """
    _lock(cr, claim, SQL("id"), SQL("KEY SHARE"))


def settle(cr, claim, outcome, duration):
    """Store the outcome of a chunk, in the transaction of its work.

    :param claim: the `Claim` of the chunk
    :param outcome: the `Outcome` of its run
    :param float duration: seconds it took
    :raises ClaimLost: another lane has taken the chunk over; the caller must roll back
    """
    payload = claim.payload
    if outcome.rest:
        insert_like(cr, claim, [payload.subset(outcome.rest)], len(payload) - len(outcome.rest))
        payload, outcome = _without_rest(payload, outcome)
    insert_found(cr, claim, outcome)
    operations, produced, outcomes = EndedOperations(), {}, None
    if claim.kind == states.RECORDS and claim.operation_id is None:  # also if only records of one operation are left in it
        operations = settle_shared(cr, payload, outcome, duration)
    else:
        produced = _produced(payload, outcome)
        outcomes = encode_effects({payload.indexes[position]: effect for position, effect in outcome.effects.items()})
    counts = count_records(outcome)
    values = {
        "duration": duration,
        "payload": payload.encode() if payload is not claim.payload else None,
        "result": dumps([list(produced), list(produced.values())]) if produced else None,
        "first_index": min(produced, default=None),
        "last_index": max(produced, default=None),
        "error": outcome.first_error,
        "skip_reason": outcome.skip_reason,
        "record_count": len(payload) if claim.kind == states.RECORDS else 0,
        "processed": counts[PROCESSED],
        "failed": counts[FAILED],
        "cancelled": counts[CANCELLED],
        "found": outcome.found_records,
        "warnings": outcome.warning_count,
        "outcomes": outcomes,
        **outcome.effect_counts,
        "completed_operations": operations.completed,
        "failed_operations": operations.failed,
        "ended_ids": operations.awaited or None,
    }
    if not _mark_done(cr, claim, values):
        raise ClaimLost
    tell_failures(cr, claim, payload, outcome)
    store_findings(cr, claim, payload, outcome)
    store_changes(cr, claim, claim.payload, outcome.changes)


def take_awaiting_driver(cr, job_id, last=None):
    """Mark the next held chunk of an atomic job as running, inside the transaction of its driver.

    :param last: the `Claim` of the chunk before it. The search starts there, because the old row versions of finished chunks
        stay until the transaction ends and would be read again each time
    :returns: its `Claim`; None where no chunk is left
    :raises ChunkBroken: the chunk can't be read
    """
    rows = fetch_dicts(
        cr,
        SQL(
            """
            %(mark)s
             WHERE chunk.id = (
                SELECT id
                  FROM batch_chunk
                 WHERE job_id = %(job)s
                   AND state = 'held'
                   AND (sequence, id) > (%(sequence)s, %(id)s)
                 ORDER BY sequence, id
                 LIMIT 1
             )
            RETURNING %(columns)s
            """,
            mark=mark_running(None),
            job=job_id,
            sequence=last.sequence if last else -1,
            id=last.chunk_id if last else 0,
            columns=CHUNK_COLUMNS,
        ),
    )
    return claim_of_chunk(cr, job_id, rows[0]) if rows else None


def _mark_done(cr, claim, values):
    """Write the outcome into the row of a chunk; False where another lane has taken it over.

    :param dict values: the parameters of the statement
    """
    query = SQL(
        """
        UPDATE batch_chunk
           SET state = 'done',
               finished_at = %(now)s,
               duration = %(duration)s,
               payload = coalesce(%(payload)s, payload),
               result = %(result)s,
               first_index = %(first_index)s,
               last_index = %(last_index)s,
               error = %(error)s,
               skip_reason = %(skip_reason)s,
               record_count = %(record_count)s,
               processed_records = %(processed)s,
               failed_records = %(failed)s,
               cancelled_records = %(cancelled)s,
               found_records = %(found)s,
               warning_count = %(warnings)s,
               outcomes = %(outcomes)s,
               %(effects)s,
               completed_operations = %(completed_operations)s,
               failed_operations = %(failed_operations)s,
               ended_ids = %(ended_ids)s,
               tallied = false
         WHERE id = %(id)s
           AND claims = %(number)s
           AND state = 'running'
        RETURNING id
        """,
        now=NOW,
        id=claim.chunk_id,
        number=claim.number,
        effects=SQL(", ").join(SQL("%s = %s", SQL.identifier(column), values.pop(column)) for column in EFFECT_COLUMNS),
        **values,
    )
    return bool(fetch(cr, query))


def _lock(cr, claim, columns, strength, first=None):
    """Limit the waits of the transaction, then lock the row of a claimed chunk; returns the first of the columns.

    :raises ClaimLost: another lane has taken the chunk over
    """
    lock = SQL(
        """
        SELECT %(columns)s
          FROM batch_chunk AS chunk
         WHERE id = %(id)s
           AND claims = %(number)s
           AND state = 'running'
           FOR %(strength)s
        """,
        columns=columns,
        id=claim.chunk_id,
        number=claim.number,
        strength=strength,
    )
    statements = [*([first] if first else ()), *_limited_waits(cr, claim.timeout_s), lock]
    rows = fetch(cr, SQL(";\n").join(statements))
    if not rows:
        raise ClaimLost
    return rows[0][0]


def _limited_waits(cr, timeout_s):
    """Statements that limit the waits of their transaction for a lock, and end it soon after its worker is gone.

    By default PostgreSQL finishes the statement of a killed worker, and keeps its locks until then.

    :param timeout_s: seconds that the attempt may take; None: `LOCK_TIMEOUT_S` is the limit
    """
    statements = [SQL("SET LOCAL lock_timeout = %s", f"{int((timeout_s or LOCK_TIMEOUT_S) * 1000)}ms")]
    if cr.connection.server_version >= 140000:
        statements.append(SQL("SET LOCAL client_connection_check_interval = %s", f"{CLIENT_CHECK_S}s"))
    return statements


def _without_rest(payload, outcome):
    """The payload and outcome of the part of a chunk that has run, with new positions."""
    rest = set(outcome.rest)
    kept = [position for position in range(len(payload)) if position not in rest]
    place = {position: number for number, position in enumerate(kept)}
    for attribute in ("ids", "answers", "failures", "skipped", "warnings", "effects"):
        values = getattr(outcome, attribute)
        setattr(outcome, attribute, {place[position]: value for position, value in values.items()})
    outcome.rest = []
    return payload.subset(kept), outcome


def _produced(payload, outcome):
    """Place in the operation's data -> id of the record that succeeded, or return value of a call."""
    kept = {payload.indexes[position]: id_ for position, id_ in sorted(outcome.ids.items()) if id_ is not True}
    for answer in outcome.answers.values():
        kept[0] = answer
    return kept
