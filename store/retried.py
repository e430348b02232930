"""What became of failed records that were run again: written into their old failures when the chunk of the retry is settled.

This is part of the transaction of that chunk. Nobody else writes these rows meanwhile: they are history, and each place in an
operation's data is in one chunk at a time.
"""

from odoo.tools import SQL

from ..engine import states
from ..engine.outcome import RETRY_SUCCEEDED, RETRY_UNDONE, retry_outcome
from .planning import by_index

#: Failures whose record is being run again, and older ones of which nothing was told: retried by an old version, or cancelled. Only the
#: newest of a place is told. `batch_failure` has an index with the same condition.
RUNS_AGAIN = SQL("retried_at IS NOT NULL AND retry_outcome IS NULL")


def tell_failures(cr, claim, payload, outcome):
    """Write into the old failures of a chunk's records what became of their retry.

    :param claim: the `Claim` of the chunk
    :param payload: the part of its payload that has run
    :param outcome: its `Outcome`
    """
    if not payload.is_retry:
        return
    told = {}
    for position, place in enumerate(zip(payload.operations, payload.indexes, strict=True)):
        found = retry_outcome(outcome, position)
        is_done = found == RETRY_SUCCEEDED and claim.kind == states.RECORDS and not claim.is_dry_run
        told[place] = (found, outcome.record_id(claim.operation_type, payload, position) if is_done else None)
    if told:
        with by_index(cr):
            _tell(cr, told)
    if (outcome.good or outcome.undone) and not outcome.unrun:  # of a selection whose effects are rolled back
        _tell_rest(cr, claim.operation_id, RETRY_SUCCEEDED if outcome.good else RETRY_UNDONE)


def _tell(cr, told):
    """Write outcomes.

    :param dict told: `(operation id, index)` -> `(outcome, record id)`
    """
    operations, indexes = zip(*told, strict=True)
    outcomes, records = zip(*told.values(), strict=True)
    cr.execute(
        SQL(
            """
              WITH told AS MATERIALIZED (
                SELECT DISTINCT ON (given.index, given.operation) failure.id, given.outcome, given.record
                  FROM unnest(%(operations)s::integer[], %(indexes)s::integer[], %(outcomes)s::text[], %(records)s::integer[])
                       AS given (operation, index, outcome, record)
                 CROSS JOIN LATERAL (
                    SELECT id
                      FROM batch_failure
                     -- row comparisons that begin with `index` instead of `=`: only the index of rows that run again matches them,
                     -- whatever the statistics say
                     WHERE (index, operation_id) >= (given.index, given.operation)
                       AND (index, operation_id) <= (given.index, given.operation)
                       AND %(runs_again)s
                     ORDER BY index, operation_id
                    OFFSET 0
                 ) AS failure
                 ORDER BY given.index, given.operation, failure.id DESC
              )
            UPDATE batch_failure AS failure
               SET retry_outcome = told.outcome, retry_record_id = told.record
              FROM told
             WHERE failure.id = told.id
               AND failure.id = ANY(ARRAY(SELECT id FROM told))  -- else PostgreSQL may read all failures for the join
            """,
            operations=list(operations),
            indexes=list(indexes),
            outcomes=list(outcomes),
            records=list(records),
            runs_again=RUNS_AGAIN,
        )
    )


def _tell_rest(cr, operation_id, outcome):
    """Write an outcome into the other failures of an operation: a selection in one transaction reports just some of its records."""
    cr.execute(
        SQL(
            """
            UPDATE batch_failure
               SET retry_outcome = %s
             WHERE id = ANY(ARRAY(
                SELECT id
                  FROM (
                    SELECT DISTINCT ON (index) id, retry_outcome
                      FROM batch_failure
                     WHERE operation_id = %s
                       AND retried_at IS NOT NULL
                     ORDER BY index, id DESC
                 ) AS newest
                 WHERE retry_outcome IS NULL
             ))
            """,
            outcome,
            operation_id,
        )
    )
