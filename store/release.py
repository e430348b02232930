"""Waiting chunks go on: those that waited for other operations, and those that waited for their turn inside their own.

Under the lock of their job. Where there are more of them than one statement should take, the job is marked `releasing`: nothing
of it is claimed until `release_step` has been through its operations.
"""

from odoo.tools import SQL

from ..engine import states
from .job import update_job
from .sql import fetch

#: Waiting chunks that one statement lets go on, and operations that `release_step` looks at, at most.
RELEASED_AT_ONCE = 5_000


def ended_among(cr, operation_ids):
    """Ids of those of these operations that have ended."""
    rows = fetch(
        cr,
        SQL(
            "SELECT id FROM batch_operation WHERE id = ANY(%s) AND state NOT IN ('pending', 'running')",
            list(operation_ids),
        ),
    )
    return [id_ for (id_,) in rows]


def release_waiting(cr, job_id, ended):
    """Make chunks of a job pending that need not wait any longer.

    The cost is that of what has ended, not of what waits: only chunks are looked at whose first operation of `wait_ids` has
    ended. Where others have not, one of those comes first from then on.

    :param list ended: ids of operations that have ended
    :returns: how many chunks
    """
    if not ended:
        return 0
    moved = fetch(
        cr,
        SQL(
            """
            UPDATE batch_chunk AS chunk
               SET state = CASE WHEN waiting.needed IS NULL AND NOT waiting.has_rounds THEN 'pending' ELSE 'blocked' END,
                   wait_ids = CASE
                        WHEN waiting.needed IS NOT NULL THEN waiting.needed || array_remove(chunk.wait_ids, waiting.needed)
                        WHEN NOT waiting.has_rounds THEN chunk.wait_ids
                        ELSE '{}'  -- it may still have to wait for its turn: see `release_rounds`
                   END
              FROM (
                -- of a chunk that operations share, only the order inside it counts
                SELECT id, round_no IS NOT NULL AND operation_id IS NOT NULL AS has_rounds, (
                        -- the last one: those before it will most likely have ended by then
                        SELECT max(operation.id)
                          FROM unnest(wait_ids) AS wanted (id)
                          JOIN batch_operation AS operation ON operation.id = wanted.id
                         WHERE operation.state IN ('pending', 'running')
                       ) AS needed
                  FROM batch_chunk
                 WHERE wait_ids[1] = ANY(%s)
                   AND state = 'blocked'
                 ORDER BY wait_ids[1], sequence, id
                 LIMIT %s
              ) AS waiting
             WHERE chunk.id = waiting.id
            RETURNING waiting.needed IS NULL AND NOT waiting.has_rounds, CASE WHEN waiting.has_rounds THEN operation_id END
            """,
            ended,
            RELEASED_AT_ONCE,
        ),
    )
    if len(moved) == RELEASED_AT_ONCE:
        start_releasing(cr, job_id)
    released = sum(is_free for is_free, _operation in moved)
    return released + release_rounds(cr, job_id, {operation for _is_free, operation in moved})


def release_rounds(cr, job_id, operations):
    """Make the chunks of the first round pending that is left of operations whose chunks have an order.

    :param set operations: their ids; None among them stands for nothing
    :returns: how many chunks
    """
    operations = list(operations - {None})
    if not operations:
        return 0
    cr.execute(
        SQL(
            """
            UPDATE batch_chunk
               SET state = 'pending'
             WHERE id = ANY(ARRAY(
                SELECT chunk.id
                  FROM unnest(%s::integer[]) AS wanted (id)
                 CROSS JOIN LATERAL (
                    SELECT round_no
                      FROM batch_chunk
                     WHERE operation_id = wanted.id
                       AND round_no IS NOT NULL
                       AND finished_at IS NULL
                     ORDER BY round_no
                     LIMIT 1
                  ) AS first
                 CROSS JOIN LATERAL (
                    SELECT id
                      FROM batch_chunk
                     WHERE operation_id = wanted.id
                       AND round_no = first.round_no
                       AND finished_at IS NULL
                       AND state = 'blocked'
                       AND coalesce(cardinality(wait_ids), 0) = 0
                    OFFSET 0  -- looked for once the round is known, not before
                  ) AS chunk
                 LIMIT %s
             ))
            """,
            operations,
            RELEASED_AT_ONCE,
        )
    )
    released = cr.rowcount
    if released == RELEASED_AT_ONCE:
        start_releasing(cr, job_id)
    return released


def start_releasing(cr, job_id):
    """Note that chunks may go on which still wait: steps through all operations of the job find them."""
    update_job(cr, job_id, SQL("releasing = true, released_to = 0"))


def release_step(cr, job):
    """Let chunks go on that wait for, or in, the next operations of a (locked) job, whoever may have missed that they may.

    :param JobRow job: is `releasing`; it is brought up to date, and no longer is once all operations have been looked at
    :returns: how many it were
    """
    operations = fetch(
        cr,
        SQL(
            """
            SELECT id, state
              FROM batch_operation
             WHERE job_id = %s
               AND position >= %s
             ORDER BY position
             LIMIT %s
            """,
            job.id,
            job.released_to,
            RELEASED_AT_ONCE,
        ),
    )
    update_job(cr, job.id, SQL("releasing = false"))
    released = release_waiting(cr, job.id, [id_ for id_, state in operations if state in states.OPERATION_FINAL])
    released += release_rounds(cr, job.id, {id_ for id_, _state in operations})
    [(is_more,)] = fetch(cr, SQL("SELECT releasing FROM batch_job WHERE id = %s", job.id))
    if not is_more:  # of these operations, that is
        job.released_to += len(operations)
    job.releasing = is_more or len(operations) == RELEASED_AT_ONCE
    update_job(cr, job.id, SQL("releasing = %s, released_to = %s", job.releasing, job.released_to))
    return released
