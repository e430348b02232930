"""Releases blocked chunks: those that wait for other operations, and those that wait for an earlier round of their own.

The caller has locked the job. Where there are more chunks than one statement should update, the job is marked `releasing`: its
chunks are not claimed until `release_step` has gone through all its operations.
"""

from odoo.tools import SQL

from ..engine import states
from .job import update_job
from .sql import fetch

#: Most chunks that one statement releases, and most operations that one `release_step` checks.
RELEASED_AT_ONCE = 5_000
#: Rounds of a selection: of its second page and those after it, and of all chunks that its pages have found.
PAGES, BEHIND_PAGES = -2, -1


def ended_among(cr, operation_ids):
    """The ids, among these, of operations that have ended."""
    rows = fetch(
        cr,
        SQL(
            "SELECT id FROM batch_operation WHERE id = ANY(%s) AND state NOT IN ('pending', 'running')",
            list(operation_ids),
        ),
    )
    return [id_ for (id_,) in rows]


def release_waiting(cr, job_id, ended):
    """Release the chunks of a job that waited for these operations and need not wait for others.

    The cost depends on the number of ended operations, not of waiting chunks: a chunk is checked only if the first of its
    `wait_ids` has ended. If it must wait for another operation, that one becomes the first.

    :param list ended: ids of operations that have ended
    :returns: number of chunks that became pending
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
                        ELSE '{}'  -- it may still wait for an earlier round: see `release_rounds`
                   END
              FROM (
                -- a chunk shared by operations waits for no round: its records run in order inside it
                SELECT id, round_no IS NOT NULL AND operation_id IS NOT NULL AS has_rounds, (
                        -- the last one: the others will most likely have ended before it
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
    """Release the chunks of the first unfinished round of each operation.

    :param set operations: ids; None is ignored
    :returns: number of chunks that became pending
    """
    operations = list(operations - {None})
    if not operations:
        return 0
    cr.execute(
        SQL(
            """
            UPDATE batch_chunk
               SET state = 'pending',
                   round_no = CASE WHEN round_no <> %s THEN round_no END  -- what a selection has found is in no order
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
                    OFFSET 0  -- keeps this subquery apart: it runs once the round is known
                  ) AS chunk
                 LIMIT %s
             ))
            """,
            BEHIND_PAGES,
            operations,
            RELEASED_AT_ONCE,
        )
    )
    released = cr.rowcount
    if released == RELEASED_AT_ONCE:
        start_releasing(cr, job_id)
    return released


def start_releasing(cr, job_id):
    """Mark a job as `releasing`: `release_step` must go through its operations, because some chunks may be left blocked."""
    update_job(cr, job_id, SQL("releasing = true, released_to = 0"))


def release_step(cr, job):
    """Release the chunks that wait for, or belong to, the next operations of a job that is `releasing`.

    :param JobRow job: updated; no longer `releasing` after its last operation
    :returns: number of chunks that became pending
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
    if not is_more:  # there are no more chunks of these operations
        job.released_to += len(operations)
    job.releasing = is_more or len(operations) == RELEASED_AT_ONCE
    update_job(cr, job.id, SQL("releasing = %s, released_to = %s", job.releasing, job.released_to))
    return released
