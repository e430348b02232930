import json

from odoo import api, models
from odoo.tools import SQL

from ..engine import sizing, states
from ..engine.payload import Payload, dumps
from ..exceptions import ClaimLost
from ..executor.claim import Claim
from ..executor.guard import limited_waits
from ..executor.prepared import fetch_prepared
from .batch_job import NO_LIMIT

#: The lock of the work on its chunk.
NO_KEY_UPDATE = SQL("NO KEY UPDATE")
#: Chunks that a claim passes at most because their groups are in flight.
LOOK_AHEAD = 500
#: What a claim needs of a chunk's row.
CLAIMED_COLUMNS = SQL(
    """
    chunk.id, claims, attempt, kind, operation_id, operation_type, model, sequence, payload, record_count,
    wait_ids IS NOT NULL AS waits, group_keys
    """
)


class BatchChunk(models.Model):
    """The queue: claim, hold, settle, release. Every statement that moves a chunk through its run is here.

    `_claim` and `_release` run in short transactions at READ COMMITTED, on a cursor of the lane's own: a row another
    lane has just changed is then looked at again, where REPEATABLE READ would fail. `_hold` and `_settle` run in the
    transaction of the work.
    """

    _inherit = "batch.chunk"

    @api.model
    def _claim(self, worker, signals):
        """Take the next chunk whose turn it is, and mark it running. The caller commits before the work starts.

        :param str worker: who takes it, for people
        :param signals: the `Signals` of changes in other processes
        :returns: a `Claim`, or None where nothing can be taken now, or not before the signals are heeded
        """
        Job = self.env["batch.job"]
        looked_at = []
        while row := Job._pick_job(looked_at, signals.column):
            if signals.note(row):
                return None
            looked_at.append(row["id"])
            job = Job.browse(row["id"])
            if row["needs_roll_up"]:
                job._roll_up()
                if row["max_failures"] != NO_LIMIT:
                    row["stopping"] = job._must_stop()
            chunk = self._take(row, worker)
            if chunk is None and job._advance():
                chunk = self._take(row, worker)
            if chunk is not None:
                return self._make_claim(row, chunk)
        return None

    def _take(self, job, worker):
        """Mark the first chunk of a (locked) job that may run now as running; None where there is none."""
        if job["stopping"] or job["is_paused"]:
            return None
        rows = fetch_prepared(self.env.cr, self._take_query(job, worker))
        if not rows:
            return None
        [chunk] = rows
        if job["max_chunk_size"] == 0 and chunk["kind"] == states.RECORDS and chunk["record_count"]:
            self._cut_to_size(job, chunk)
        return chunk

    def _cut_to_size(self, job, chunk):
        """Keep of a block as many records as the next chunk should have; the rest stays in the queue.

        While the size is still being looked for, one chunk at a time is cut off; later, all of the block at once.
        """
        count = chunk["record_count"]
        choice = self.env["batch.sizing"]._choose(
            chunk["model"],
            chunk["operation_type"],
            len(chunk["payload"]) / count,
            target_s=job["timeout"] / 2 if job["timeout"] else sizing.TARGET_S,
            remaining=max(job["remaining"], count),
            lanes=chunk["running"] + 1,
        )
        if count <= choice.size:
            return
        first, rest = Payload.decode(chunk["payload"]).cut(choice.size)
        if rest is None:
            return
        chunk["payload"] = first.encode()
        self._insert_like(self._make_claim(job, chunk), rest.split(choice.size) if choice.is_settled else [rest])
        self.env.execute_query(
            SQL(
                "UPDATE batch_chunk SET payload = %s, record_count = %s, operation_id = %s WHERE id = %s RETURNING id",
                chunk["payload"],
                len(first),
                None if first.is_shared else first.operations[0],
                chunk["id"],
            )
        )
        chunk["operation_id"] = None if first.is_shared else first.operations[0]

    def _take_query(self, job, worker):
        """In one statement: how many are in flight, what they keep others from, the first that may run, its claim.

        In strict order nothing may pass a chunk whose time has not come yet.

        Order and limit of what is in flight keep PostgreSQL at its index: with statistics of a day when nearly all there
        was ran, it would else rather read all chunks of the job.
        """
        return SQL(
            """
              WITH in_flight AS MATERIALIZED (
                SELECT group_keys
                  FROM batch_chunk
                 WHERE job_id = %(job)s
                   AND state = 'running'
                 ORDER BY claimed_at
                 LIMIT %(limit)s
              ),
              -- the last chunk that is looked at: all the others may be of groups in flight
              edge AS (
                (
                    SELECT sequence, id
                      FROM batch_chunk
                     WHERE job_id = %(job)s
                       AND state = 'pending'
                       AND (SELECT count(group_keys) > 0 FROM in_flight)
                     ORDER BY sequence, id
                    OFFSET %(look_ahead)s
                     LIMIT 1
                )
                UNION ALL
                SELECT 2147483647, 2147483647
                 LIMIT 1
              ),
              candidate AS (
                SELECT id, coalesce(run_at > now() AT TIME ZONE 'UTC', false) AS is_early
                  FROM batch_chunk
                 WHERE job_id = %(job)s
                   AND state = 'pending'
                   AND (run_at IS NULL OR run_at <= now() AT TIME ZONE 'UTC' OR NOT %(may_pass)s)
                   AND (group_keys IS NULL OR NOT group_keys && coalesce((
                            SELECT array_agg(mark) FROM in_flight, unnest(in_flight.group_keys) AS mark
                       ), '{}'))
                   AND (sequence, id) <= (SELECT sequence, id FROM edge)
                   AND (SELECT count(*) FROM in_flight) < %(limit)s
                 ORDER BY sequence, id
                 LIMIT 1
                   FOR NO KEY UPDATE SKIP LOCKED
              ),
              turn AS (%(turn)s)
            %(mark)s
              FROM candidate
             WHERE chunk.id = candidate.id
               AND NOT candidate.is_early
            RETURNING %(columns)s, (SELECT count(*) FROM in_flight) AS running
            """,
            job=job["id"],
            look_ahead=LOOK_AHEAD,
            may_pass=job["max_concurrency"] > 1,
            limit=1 if job["is_atomic"] else job["max_concurrency"],
            turn=self.env["batch.job"]._take_turn_query(
                job["id"], SQL("EXISTS (SELECT 1 FROM candidate WHERE NOT is_early)")
            ),
            mark=self._mark_running(worker),
            columns=CLAIMED_COLUMNS,
        )

    def _mark_running(self, worker):
        """The attempt is counted before it starts: work that kills its worker must not be taken for ever."""
        return SQL(
            """
            UPDATE batch_chunk AS chunk
               SET state = 'running',
                   attempt = attempt + 1,
                   claims = claims + 1,
                   worker = %s,
                   claimed_at = clock_timestamp() AT TIME ZONE 'UTC',
                   run_at = NULL
            """,
            worker,
        )

    def _make_claim(self, job, chunk):
        return Claim(
            chunk_id=chunk["id"],
            number=chunk["claims"],
            attempt=chunk["attempt"],
            kind=chunk["kind"],
            operation_id=chunk["operation_id"],
            operation_type=chunk["operation_type"],
            model=chunk["model"],
            sequence=chunk["sequence"],
            payload=Payload.decode(chunk["payload"]),
            waits=chunk["waits"],
            group_keys=chunk["group_keys"] or [],
            job_id=job["id"],
            user_id=job["user_id"],
            context=json.loads(job["context"] or "{}"),
            timeout_s=job["timeout"] or None,
            retry_attempts=job["retry_attempts"],
            rollback=job["rollback"],
            max_failures=job["max_failures"],
            chunk_size=job["max_chunk_size"],
            is_atomic=job["is_atomic"],
            is_dry_run=job["dry_run"],
        )

    # -- in the transaction of the work ------------------------------------------------------------

    @api.model
    def _hold(self, claim, strength=NO_KEY_UPDATE):
        """Limit the transaction's waits, and lock the chunk's row for its length: a running chunk nobody holds is an orphan.

        NO KEY UPDATE, so that failures can be stored with a reference to it; KEY SHARE by what the work has to wait for
        before it begins: the two do not conflict with each other, and both keep a rescue away.

        :raises ClaimLost: another lane has taken it over since
        """
        held = self.env.execute_query(
            SQL(
                """
                SELECT id
                  FROM batch_chunk
                 WHERE %(limited)s  -- asked once, before any row is
                   AND id = %(id)s
                   AND claims = %(number)s
                   AND state = 'running'
                   FOR %(strength)s
                """,
                limited=limited_waits(self.env.cr, claim.timeout_s),
                id=claim.chunk_id,
                number=claim.number,
                strength=strength,
            )
        )
        if not held:
            raise ClaimLost

    @api.model
    def _settle(self, claim, outcome, duration):
        """Store what became of a chunk, in the transaction that holds its effects.

        :param claim: the chunk, as it was claimed
        :param outcome: the `Outcome` of its run
        :param float duration: seconds it took
        :raises ClaimLost: it is no longer ours; whatever was done must be rolled back
        """
        payload = claim.payload
        if outcome.rest:
            rest = payload.take(outcome.rest)
            self._insert_like(claim, [rest])
            payload, outcome = _without_rest(payload, outcome)
        self._insert_found(claim, outcome)
        operations = (
            self.env["batch.operation"]._settle_shared(payload, outcome, duration) if payload.is_shared else (0, 0, [])
        )
        settled = self.env.execute_query(
            SQL(
                """
                UPDATE batch_chunk
                   SET state = 'done',
                       finished_at = clock_timestamp() AT TIME ZONE 'UTC',
                       duration = %(duration)s,
                       payload = coalesce(%(payload)s, payload),
                       result = %(result)s,
                       error = %(error)s,
                       skip_reason = %(skip_reason)s,
                       record_count = %(record_count)s,
                       processed_records = %(processed)s,
                       failed_records = %(failed)s,
                       cancelled_records = %(skipped)s,
                       found_records = %(found)s,
                       completed_operations = %(completed_operations)s,
                       failed_operations = %(failed_operations)s,
                       ended_ids = %(ended_ids)s,
                       tallied = false
                 WHERE id = %(id)s
                   AND claims = %(number)s
                   AND state = 'running'
                RETURNING id
                """,
                id=claim.chunk_id,
                number=claim.number,
                duration=duration,
                payload=payload.encode() if payload is not claim.payload else None,
                result=_encode_result(payload, outcome),
                error=outcome.first_error,
                skip_reason=outcome.skip_reason,
                record_count=len(payload) if claim.kind == states.RECORDS else 0,
                processed=len(outcome.ids),
                failed=len(outcome.failures) + len(outcome.rolled_back),
                skipped=len(outcome.skipped),
                found=outcome.found_records,
                completed_operations=operations[0],
                failed_operations=operations[1],
                ended_ids=operations[2] or None,
            )
        )
        if not settled:
            raise ClaimLost
        self.env["batch.failure"]._store(claim, payload, outcome)

    @api.model
    def _take_held(self, job_id, last=None):
        """Mark the next held chunk of an atomic job as running, inside the transaction of its driver.

        :param last: the `Claim` taken before it: what lies before that is done, but as long as the transaction lasts it
            would be looked through again for each chunk
        :returns: a `Claim` of the held chunk, or None
        """
        rows = self.env.execute_query_dict(
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
                mark=self._mark_running(None),
                job=job_id,
                sequence=last.sequence if last else -1,
                id=last.chunk_id if last else 0,
                columns=CLAIMED_COLUMNS,
            )
        )
        return self._make_claim(self.env["batch.job"]._claim_columns(job_id), rows[0]) if rows else None


def _without_rest(payload, outcome):
    """The part of a chunk that was run, and its outcome, renumbered."""
    rest = set(outcome.rest)
    kept = [position for position in range(len(payload)) if position not in rest]
    place = {position: number for number, position in enumerate(kept)}
    for attribute in ("ids", "failures", "skipped"):
        values = getattr(outcome, attribute)
        setattr(outcome, attribute, {place[position]: value for position, value in values.items()})
    outcome.rest = []
    return payload.take(kept), outcome


def _encode_result(payload, outcome):
    """`[indexes, ids]` of what succeeded (of a model-level call: what it returned); None where there are none to keep."""
    ids = [(payload.indexes[position], id_) for position, id_ in sorted(outcome.ids.items()) if id_ is not True]
    if not ids:
        return None
    return dumps([[index for index, _id in ids], [id_ for _index, id_ in ids]])
