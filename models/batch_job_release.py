from odoo import models
from odoo.tools import SQL


class BatchJob(models.Model):
    """Letting chunks go on that have waited: for other operations, or for their turn inside their own.

    In the lanes' short transactions, under the job's row lock.
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
                  ) AS waiting
                 WHERE chunk.id = waiting.id
                RETURNING waiting.needed IS NULL AND NOT waiting.has_rounds, CASE WHEN waiting.has_rounds THEN operation_id END
                """,
                ended,
            )
        )
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
                 ))
                """,
                operations,
            )
        )
        return self.env.cr.rowcount

    def _release_all(self):
        """The same for all chunks of the job that wait, whoever may have missed that they need not; returns how many."""
        firsts = self.env.execute_query(
            SQL("SELECT DISTINCT wait_ids[1] FROM batch_chunk WHERE job_id = %s AND state = 'blocked'", self.id)
        )
        ordered = self.env.execute_query(
            SQL(
                """
                SELECT DISTINCT operation_id
                  FROM batch_chunk
                 WHERE job_id = %s
                   AND state = 'blocked'
                   AND round_no IS NOT NULL
                   AND coalesce(cardinality(wait_ids), 0) = 0
                """,
                self.id,
            )
        )
        released = self._release_blocked(self.env["batch.operation"]._ended(id_ for (id_,) in firsts if id_))
        return released + self._release_rounds({operation for (operation,) in ordered})
