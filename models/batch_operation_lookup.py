import json

from odoo import api, models
from odoo.tools import SQL

from ..engine import spec


class BatchOperation(models.Model):
    """What others need of an operation: whether it is over, what it waits for, the ids it has produced."""

    _inherit = "batch.operation"

    @api.model
    def _ended(self, operation_ids):
        """Those of these operations that are over."""
        rows = self.env.execute_query(
            SQL(
                "SELECT id FROM batch_operation WHERE id = ANY(%s) AND state NOT IN ('pending', 'running')",
                list(operation_ids),
            )
        )
        return [id_ for (id_,) in rows]

    @api.model
    def _mark_awaited(self, operation_ids):
        """Others wait for these operations, from now on."""
        self.env.cr.execute(
            SQL(
                "UPDATE batch_operation SET is_awaited = true WHERE id = ANY(%s) AND is_awaited IS FALSE",
                list(operation_ids),
            )
        )

    @api.model
    def _needs(self, operation_ids):
        """Names of the operations that each of these must find completed, by id."""
        rows = self.env.execute_query(
            SQL("SELECT id, depends_on FROM batch_operation WHERE id = ANY(%s)", list(set(operation_ids)))
        )
        return {id_: json.loads(names) if names else [] for id_, names in rows}

    @api.model
    def _ids_by_name(self, job_id, names):
        """Ids of those operations of a job that bear one of these names."""
        names = list(names)
        places = [place for place in map(spec.default_position, names) if place is not None]
        query = SQL(
            """
            SELECT operation_id, id
              FROM batch_operation
             WHERE job_id = %(job)s
               AND position = ANY(%(places)s::integer[])
               AND operation_id = ANY(%(names)s)
             UNION
            SELECT operation_id, id
              FROM batch_operation
             WHERE job_id = %(job)s
               AND operation_id = ANY(%(names)s)
               AND operation_id <> 'op-' || ("position" + 1)::text
            """,
            job=job_id,
            places=places,
            names=names,
        )
        return dict(self.env.execute_query(query)) if names else {}

    @api.model
    def _produced(self, job_id, name):
        """State of an operation, and the ids it has produced, aligned with its data (False where there is none)."""
        [id_] = self._ids_by_name(job_id, [name]).values()
        [row] = self.env.execute_query_dict(
            SQL("SELECT id, state, data_length, result FROM batch_operation WHERE id = %s", id_)
        )
        return row["state"], self._collect_ids([row])[row["id"]]

    @api.model
    def _collect_ids(self, rows):
        """Ids of operations from where they are kept: on their own row, or on the chunks they have to themselves.

        :param list rows: dicts of id, data_length and result of operations
        """
        kept_by_row = json.loads(f"[{','.join(row['result'] or 'null' for row in rows)}]")
        ids = {row["id"]: kept or [False] * row["data_length"] for row, kept in zip(rows, kept_by_row, strict=True)}
        incomplete = [operation_id for operation_id, kept in ids.items() if False in kept]
        chunks = self.env.execute_query(
            SQL(
                """
                SELECT operation_id, result
                  FROM batch_chunk
                 WHERE operation_id = ANY(%s)
                   AND result IS NOT NULL
                 ORDER BY operation_id, id
                """,
                incomplete,
            )
        )
        for operation_id, result in chunks:
            kept = ids[operation_id]
            for index, id_ in zip(*json.loads(result), strict=True):
                kept[index] = id_
        return ids
