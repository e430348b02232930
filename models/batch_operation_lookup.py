import json

from odoo import api, models
from odoo.tools import SQL

from ..engine import spec, states
from .batch_chunk import PLACES_PER_OPERATION, PRODUCED_AT


class BatchOperation(models.Model):
    """What others need of an operation: whether it is over, what it waits for, the ids it has produced."""

    _inherit = "batch.operation"

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
    def _produced(self, job_id, wanted, *, is_atomic=False):
        """States of operations and ids they have produced, by name; no more of them is read than is wanted.

        :param dict wanted: name -> the places in its data whose ids are asked for, None for all of them
        :param bool is_atomic: asked by the driver of a job in one transaction: what has run in it, nobody has counted yet
        :returns: name -> `(state, ids)`: the ids by place, or a list aligned with the data (False where there is none)
        """
        by_name = self._ids_by_name(job_id, wanted)
        places = {by_name[name]: sorted(found) for name, found in wanted.items() if found}
        whole = [by_name[name] for name, found in wanted.items() if found is None]
        rows = self.env.execute_query_dict(
            SQL(
                """
                SELECT id, state, data_length, CASE WHEN id = ANY(%s) THEN result END AS result
                  FROM batch_operation
                 WHERE id = ANY(%s)
                """,
                [*places, *whole],
                list(by_name.values()),
            )
        )
        known = {row["id"]: row["state"] for row in rows}
        if is_atomic:
            known.update(self._uncounted_states(known))
        ids = self._collect_ids([row for row in rows if row["id"] in whole]) if whole else {}
        ids.update(self._pick_ids([row for row in rows if row["id"] in places], places))
        return {name: (known[id_], ids.get(id_, {})) for name, id_ in by_name.items()}

    @api.model
    def _uncounted_states(self, operation_ids):
        """States of operations that have chunks to themselves, by what these have come to."""
        rows = self.env.execute_query(
            SQL(
                """
                SELECT operation.id,
                       operation.record_count + sum(chunk.found_records),
                       sum(chunk.processed_records),
                       sum(chunk.failed_records),
                       sum(chunk.cancelled_records),
                       bool_or(chunk.kind = 'resolve' AND chunk.finished_at IS NULL),
                       bool_or(chunk.skip_reason IS NOT NULL)
                  FROM batch_operation AS operation
                  JOIN batch_chunk AS chunk ON chunk.operation_id = operation.id
                 WHERE operation.id = ANY(%s)
                   AND operation.state IN ('pending', 'running')
                 GROUP BY operation.id
                """,
                list(operation_ids),
            )
        )
        return {id_: states.counted_state(*counts, is_open, is_skipped) for id_, *counts, is_open, is_skipped in rows}

    @api.model
    def _pick_ids(self, rows, places):
        """Single ids of operations, from their own row or from just those of their chunks that have produced them.

        :param list rows: dicts of id and result of operations
        :param dict places: operation -> the places in its data, in order
        :returns: operation -> id by place
        """
        found = {
            row["id"]: {place: kept[place] for place in places[row["id"]] if place < len(kept) and kept[place]}
            for row in rows
            for kept in [json.loads(row["result"] or "[]")]
        }
        asked = [(id_, left) for id_, kept in found.items() if (left := [p for p in places[id_] if p not in kept])]
        runs = [
            (id_ * PLACES_PER_OPERATION + first, id_ * PLACES_PER_OPERATION + last)
            for id_, left in asked
            for first, last in _runs(left)
        ]
        chunks = self.env.execute_query(
            SQL(
                """
                SELECT operation_id, result
                  FROM batch_chunk
                 WHERE id = ANY(ARRAY(
                    SELECT DISTINCT chunk.id
                      FROM unnest(%s::bigint[], %s::bigint[]) AS run (first, last)
                      JOIN batch_chunk AS chunk ON %s && int8range(run.first, run.last, '[]') AND first_index IS NOT NULL
                 ))
                """,
                [first for first, _last in runs],
                [last for _first, last in runs],
                SQL(PRODUCED_AT),
            )
        )
        wanted = {id_: set(left) for id_, left in asked}
        for id_, result in chunks:
            found[id_].update(
                (place, made) for place, made in zip(*json.loads(result), strict=True) if place in wanted[id_]
            )
        return found

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


def _runs(places):
    """`(first, last)` of each unbroken run of places.

    :param list places: in order
    """
    runs = []
    for place in places:
        if runs and place == runs[-1][1] + 1:
            runs[-1][1] = place
        else:
            runs.append([place, place])
    return runs
