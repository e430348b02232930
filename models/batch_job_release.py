from odoo import models
from odoo.tools import SQL

from ..engine import states

#: Waiting chunks that one statement lets go on, and operations that a step of `_release_step` looks at, at most.
RELEASED_AT_ONCE = 5_000


class BatchJob(models.Model):
    """Letting chunks go on that have waited: for other operations, or for their turn inside their own.

    In the lanes' short transactions, under the job's row lock. Where there are more of them than one statement should
    take, the job is marked `releasing`: nothing of it is claimed until `_release_step` has been through its operations.
    """

    _inherit = "batch.job"

    def _release_blocked(self, ended):
        """Make chunks pending that need not wait any longer.

        The cost is that of what has ended, not of what waits: only chunks are looked at whose first operation of
        `wait_ids` has ended. Where others have not, one of those comes first from then on.

        :param list ended: ids of operations that have ended
        :returns: how many chunks
        """
        if not ended:
            return 0
        moved = self.env.execute_query(
            SQL(
                """
                UPDATE batch_chunk AS chunk
                   SET state = CASE WHEN waiting.needed IS NULL AND NOT waiting.has_rounds THEN 'pending' ELSE 'blocked' END,
                       wait_ids = CASE
                            WHEN waiting.needed IS NOT NULL THEN waiting.needed || array_remove(chunk.wait_ids, waiting.needed)
                            WHEN NOT waiting.has_rounds THEN chunk.wait_ids
                            ELSE '{}'  -- it may still have to wait for its turn: see `_release_rounds`
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
            )
        )
        if len(moved) == RELEASED_AT_ONCE:
            self._start_releasing()
        return sum(is_free for is_free, _operation in moved) + self._release_rounds(
            {operation for _is_free, operation in moved}
        )

    def _release_rounds(self, operations):
        """Make the chunks of the first round pending that is left of operations whose chunks have an order.

        :param set operations: their ids; None among them stands for nothing
        :returns: how many chunks
        """
        operations = list(operations - {None})
        if not operations:
            return 0
        self.env.cr.execute(
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
        released = self.env.cr.rowcount
        if released == RELEASED_AT_ONCE:
            self._start_releasing()
        return released

    def _start_releasing(self):
        """Note that more chunks may go on than have been let go on: steps through all operations find them."""
        self._update("releasing = true, released_to = 0")

    def _release_step(self):
        """Let chunks go on that wait for, or in, the next operations of a (locked) job, whoever may have missed that they may.

        :returns: how many it were; the job is not `releasing` any longer once all operations have been looked at
        """
        operations = self.env.execute_query(
            SQL(
                """
                SELECT id, state
                  FROM batch_operation
                 WHERE job_id = %s
                   AND position >= %s
                 ORDER BY position
                 LIMIT %s
                """,
                self.id,
                self.released_to,
                RELEASED_AT_ONCE,
            )
        )
        first = self.released_to
        self._update("releasing = false")
        released = self._release_blocked([id_ for id_, state in operations if state in states.OPERATION_FINAL])
        released += self._release_rounds({id_ for id_, _state in operations})
        if self.releasing:  # more chunks may go on for the sake of these operations: they are looked at again
            self._update(SQL("released_to = %s", first))
        elif len(operations) == RELEASED_AT_ONCE:
            self._update(SQL("releasing = true, released_to = %s", first + len(operations)))
        return released
