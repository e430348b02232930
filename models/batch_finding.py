from odoo import api, models
from odoo.tools import SQL

from ..store.planning import rows_of


class BatchFinding(models.AbstractModel):
    """What there is to say of a record: that it failed, or what Odoo warned of."""

    _name = "batch.finding"
    _description = "Batch Finding"

    #: Of those that stand, the ones that `result` shows with their operation, as the index `_operation_standing_idx` has it.
    _shown = SQL("retried_at IS NULL")
    #: How many of them, at most.
    _shown_limit = 0

    def init(self):
        super().init()
        if not self._abstract:
            # a job may add a hundred thousand at once: plans must not go by how few they were
            self.env.cr.execute(
                SQL("ALTER TABLE %s SET (autovacuum_analyze_scale_factor = 0.05)", SQL.identifier(self._table))
            )

    @api.model
    def _first_of_operations(self, operation_ids):
        """The first that stand of each operation, as the API gives them, by operation: one query."""
        rows = self.env.execute_query(
            SQL(
                """
                SELECT first.id
                  FROM unnest(%(operations)s::integer[]) AS wanted (operation)
                 CROSS JOIN LATERAL (
                    SELECT id
                      FROM %(table)s
                     WHERE %(own)s
                       AND %(shown)s
                     ORDER BY operation_id, id
                     LIMIT %(limit)s
                 ) AS first
                """,
                operations=operation_ids,
                table=SQL.identifier(self._table),
                own=rows_of("operation_id", SQL("wanted.operation")),
                shown=self._shown,
                limit=self._shown_limit,
            )
        )
        found = {}
        findings = self.sudo().browse(id_ for (id_,) in rows)
        for finding, entry in zip(findings, findings._as_dicts(), strict=True):
            del entry["operation_id"]
            found.setdefault(finding.operation_id.id, []).append(entry)
        return found

    def _as_dicts(self):
        """As the API gives them, each with its `operation_id`."""
        raise NotImplementedError
