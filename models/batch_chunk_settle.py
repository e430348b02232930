from odoo import api, models
from odoo.tools import SQL

from ..engine import states
from ..engine.payload import dumps
from ..exceptions import ClaimLost
from ..run.guard import limited_waits
from ..store.chunk_row import CHUNK_COLUMNS, WORK_LOCK, claim_of_chunk
from ..store.claim import mark_running
from ..store.findings import store_findings
from ..store.parts import insert_found, insert_like

#: The lock of the work on its chunk.
NO_KEY_UPDATE = SQL("NO KEY UPDATE")
#: What identifies the transaction of the work, and a lock that it does not take along should user code end it: else the
#: chunk would be found as an orphan and be run twice.
WORK = SQL("pg_current_xact_id()::text, pg_advisory_lock(%s)", WORK_LOCK)


class BatchChunk(models.Model):
    """A claimed chunk in the transaction of its work: hold, settle."""

    _inherit = "batch.chunk"

    @api.model
    def _hold(self, claim, strength=NO_KEY_UPDATE, first=None):
        """Limit the transaction's waits, and lock the chunk's row for its length: a running chunk nobody holds is an orphan.

        NO KEY UPDATE, so that failures can be stored with a reference to it; KEY SHARE by what the work has to wait for
        before it begins: the two do not conflict with each other, and both keep a rescue away.

        :param SQL first: what PostgreSQL is told in the same message, before
        :raises ClaimLost: another lane has taken it over since
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
            id=claim.chunk_id,
            number=claim.number,
            columns=SQL("id") if strength is not NO_KEY_UPDATE else WORK,
            strength=strength,
        )
        statements = [*limited_waits(self.env.cr, claim.timeout_s), lock]
        held = self.env.execute_query(SQL(";\n").join([first, *statements] if first else statements))
        if not held:
            raise ClaimLost
        claim.transaction = held[0][0] if strength is NO_KEY_UPDATE else None

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
            insert_like(self.env.cr, claim, [rest])
            payload, outcome = _without_rest(payload, outcome)
        insert_found(self.env.cr, claim, outcome)
        operations, produced = (0, 0, []), {}
        if claim.kind == states.RECORDS and claim.operation_id is None:  # it was claimed with others, whatever is left of it
            operations = self.env["batch.operation"]._settle_shared(payload, outcome, duration)  # which keep their ids
        else:
            produced = _produced(payload, outcome)
        settled = self.env.execute_query(
            SQL(
                """
                UPDATE batch_chunk
                   SET state = 'done',
                       finished_at = clock_timestamp() AT TIME ZONE 'UTC',
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
                       cancelled_records = %(skipped)s,
                       found_records = %(found)s,
                       warning_count = %(warnings)s,
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
                result=dumps([list(produced), list(produced.values())]) if produced else None,
                first_index=min(produced, default=None),
                last_index=max(produced, default=None),
                error=outcome.first_error,
                skip_reason=outcome.skip_reason,
                record_count=len(payload) if claim.kind == states.RECORDS else 0,
                processed=len(outcome.ids) + outcome.good,
                failed=len(outcome.failures) + len(outcome.rolled_back) + outcome.undone,
                skipped=len(outcome.skipped),
                found=outcome.found_records,
                warnings=outcome.warning_count,
                completed_operations=operations[0],
                failed_operations=operations[1],
                ended_ids=operations[2] or None,
            )
        )
        if not settled:
            raise ClaimLost
        store_findings(self.env.cr, claim, payload, outcome)

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
                mark=mark_running(None),
                job=job_id,
                sequence=last.sequence if last else -1,
                id=last.chunk_id if last else 0,
                columns=CHUNK_COLUMNS,
            )
        )
        return claim_of_chunk(self.env.cr, job_id, rows[0]) if rows else None


def _without_rest(payload, outcome):
    """The part of a chunk that was run, and its outcome, renumbered."""
    rest = set(outcome.rest)
    kept = [position for position in range(len(payload)) if position not in rest]
    place = {position: number for number, position in enumerate(kept)}
    for attribute in ("ids", "answers", "failures", "skipped", "warnings"):
        values = getattr(outcome, attribute)
        setattr(outcome, attribute, {place[position]: value for position, value in values.items()})
    outcome.rest = []
    return payload.take(kept), outcome


def _produced(payload, outcome):
    """Ids of what succeeded (of a call: what it returned), by their places in the operation's data."""
    kept = {payload.indexes[position]: id_ for position, id_ in sorted(outcome.ids.items()) if id_ is not True}
    for answer in outcome.answers.values():
        kept[0] = answer
    return kept
