import json

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..engine import spec, states
from ..engine.payload import Payload, dumps, indented
from ..engine.report import PRODUCES_IDS

TYPE_LABELS = {
    spec.CREATE: "Create",
    spec.UPDATE: "Update",
    spec.UPSERT: "Upsert",
    spec.DELETE: "Delete",
    spec.LOAD: "Import",
    spec.CALL: "Call",
}

#: Records that the button of an operation opens at most.
VIEWED_RECORDS = 10_000


class BatchOperation(models.Model):
    """One entry of a submission, with its result.

    Rows are inserted and updated in bulk, by SQL only. Whose turn it is to write one:
    an operation that shares its chunk with others is written by that chunk's own transaction (it is in no
    other chunk); one that has chunks to itself is written by the roll-up, under the job's lock.
    """

    _name = "batch.operation"
    _description = "Batch Operation"
    _order = "job_id.id desc, position"
    _rec_name = "operation_id"
    _log_access = False  # a hundred thousand rows in one submission: no more columns than it takes

    job_id = fields.Many2one("batch.job", required=True, ondelete="cascade", readonly=True)
    position = fields.Integer("No.", readonly=True, help="Place in the submission, from 0.")
    operation_id = fields.Char("Name", required=True, readonly=True, help="The caller's own name for it.")
    operation_type = fields.Selection([*TYPE_LABELS.items()], "Type", required=True, readonly=True)
    model = fields.Char(required=True, readonly=True)
    priority = fields.Integer(readonly=True)
    details = fields.Text(readonly=True, help="What the operation does besides its data, as JSON.")
    depends_on = fields.Text(readonly=True, help="Operations that must have completed, as JSON.")
    return_ids = fields.Boolean(readonly=True)
    data_length = fields.Integer(readonly=True)
    state = fields.Selection(
        [(state, state.capitalize()) for state in states.OPERATION_STATES], default=states.PENDING, readonly=True
    )
    is_awaited = fields.Boolean(readonly=True, help="Others wait for its end.")
    record_count = fields.Integer("Records", readonly=True)
    processed_records = fields.Integer("Succeeded", readonly=True)
    failed_records = fields.Integer("Failed", readonly=True)
    cancelled_records = fields.Integer("Not Run", readonly=True)
    result = fields.Text(readonly=True, help="Ids, as JSON, of an operation that shared its chunk with others.")
    error = fields.Text(readonly=True)
    started_at = fields.Datetime(readonly=True)
    finished_at = fields.Datetime(readonly=True)
    duration = fields.Float("Duration (s)", digits=(16, 3), readonly=True, help="Seconds its records took to run.")
    failure_ids = fields.One2many("batch.failure", "operation_id", "Failures", readonly=True)

    # for the backend
    pretty_details = fields.Text("Parameters", compute="_compute_pretty", help="What it does besides its data.")
    needs = fields.Char(compute="_compute_pretty", help="Operations that must have completed first.")
    has_records = fields.Boolean(compute="_compute_has_records")

    # results and lists by job, in order
    _job_position_uniq = models.UniqueIndex("(job_id, position)")
    # references by name; what is called by its place is found by that, and costs no entry here: see `_ids_by_name`
    _job_name_uniq = models.UniqueIndex(
        """(job_id, operation_id) WHERE operation_id <> 'op-' || ("position" + 1)::text"""
    )
    # `result(only="failed")`
    _failed_idx = models.Index("(job_id, position) WHERE failed_records > 0")

    def init(self):
        """Defaults of what a stored operation has none of yet, and storage, that fields can't express."""
        super().init()
        self.env.cr.execute(
            SQL(
                """
                ALTER TABLE %s
                    ALTER COLUMN processed_records SET DEFAULT 0,
                    ALTER COLUMN failed_records SET DEFAULT 0,
                    ALTER COLUMN cancelled_records SET DEFAULT 0,
                    SET (
                        -- each row is updated once or twice, by many at once: leave room for it on its own page, so
                        -- that no index changes
                        fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05
                    )
                """,
                SQL.identifier(self._table),
            )
        )

    @api.depends("details", "depends_on")
    def _compute_pretty(self):
        for operation in self:
            operation.pretty_details = indented(operation.details) if operation.details else False
            operation.needs = ", ".join(json.loads(operation.depends_on)) if operation.depends_on else False

    @api.depends("operation_type", "processed_records", "return_ids", "model")
    def _compute_has_records(self):
        for operation in self:
            operation.has_records = (
                operation.processed_records > 0
                and operation.model in self.env
                and not operation.job_id.dry_run
                and (operation.return_ids or operation.operation_type not in PRODUCES_IDS)
                and operation.operation_type != spec.DELETE
            )

    def action_view_records(self):
        """Open the records it has made, or was run on."""
        self.ensure_one()
        ids = self._made_ids() if self.operation_type in PRODUCES_IDS else self._named_ids()
        if not ids:
            raise UserError(self.env._("This operation has no records to show."))
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Records of %s", self.operation_id),
            "res_model": self.model,
            "view_mode": "list,form",
            "views": [(False, "list"), (False, "form")],
            "domain": [("id", "in", ids[:VIEWED_RECORDS])],
            "context": {"active_test": False},
        }

    def _made_ids(self):
        row = {"id": self.id, "data_length": self.data_length, "result": self.result}
        return [id_ for id_ in self._collect_ids([row])[self.id] if id_]

    def _named_ids(self):
        """Ids of the records its chunks name, whether they have failed or not."""
        chunks = self.env.execute_query(
            SQL(
                """
                SELECT payload
                  FROM batch_chunk
                 WHERE job_id = %s
                   AND kind = 'records'
                   AND (operation_id = %s OR operation_id IS NULL)
                   AND state = 'done'
                 ORDER BY id
                """,
                self.job_id.id,
                self.id,
            )
        )
        ids = {}
        for (text,) in chunks:
            payload = Payload.decode(text)
            for item, operation_id in zip(payload.items, payload.operations, strict=True):
                id_ = item[0] if isinstance(item, list) else item
                if operation_id == self.id and id_.__class__ is int:
                    ids[id_] = True
            if len(ids) >= VIEWED_RECORDS:
                break
        return list(ids)

    def action_view_failures(self):
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Failures of %s", self.operation_id),
            "res_model": "batch.failure",
            "view_mode": "list,form",
            "domain": [("operation_id", "=", self.id)],
            "context": {"search_default_standing": 1},
        }

    @api.model
    def _settle_shared(self, payload, outcome, duration):
        """Write the results of operations that share a chunk, in the transaction of that chunk.

        Where an operation was run in parts (a retry, a long isolation), what it has already is kept.

        :returns: how many of them have ended completed, how many otherwise, and the ids of those that others wait for
        """
        places = {}
        for position, operation_id in enumerate(payload.operations):
            places.setdefault(operation_id, []).append(position)
        rows = self.env.execute_query_dict(
            SQL(
                """
                SELECT id, record_count, data_length, processed_records, failed_records, cancelled_records, result,
                       is_awaited IS NOT FALSE AS is_awaited
                  FROM batch_operation
                 WHERE id = ANY(%s)
                """,
                list(places),
            )
        )
        share = duration / len(payload)
        values = [_shared_result(row, places[row["id"]], payload, outcome, share) for row in rows]
        self.env.cr.execute(
            SQL(
                """
                UPDATE batch_operation AS operation
                   SET state = result.state,
                       processed_records = result.processed,
                       failed_records = result.failed,
                       cancelled_records = result.cancelled,
                       result = result.ids,
                       error = result.error,
                       duration = coalesce(operation.duration, 0) + result.duration,
                       started_at = coalesce(operation.started_at, now() AT TIME ZONE 'UTC'),
                       finished_at = CASE WHEN result.is_final THEN clock_timestamp() AT TIME ZONE 'UTC' END
                  FROM json_to_recordset(%s)
                    AS result (
                        id integer, state text, processed integer, failed integer, cancelled integer,
                        ids text, error text, duration float, is_final boolean
                    )
                 WHERE operation.id = result.id
                """,
                dumps(values),
            )
        )
        ended = [row["state"] for row in values if row["is_final"]]
        completed = ended.count(states.COMPLETED)
        awaited = {row["id"] for row in rows if row["is_awaited"]}
        told = [row["id"] for row in values if row["is_final"] and row["id"] in awaited]
        return completed, len(ended) - completed, told

    @api.model
    def _roll_up(self, chunks):
        """Count settled chunks into the operations they belong to alone, under the lock of their job.

        :param list chunks: dicts of counters of chunks that were just marked as counted
        :returns: the states of the operations that have ended by this, and the ids of those that others wait for
        """
        if not chunks:
            return [], []
        sums = {}
        for chunk in chunks:
            total = sums.setdefault(chunk["operation_id"], [0, 0, 0, 0, 0.0, None])
            for place, column in enumerate(
                ("found_records", "processed_records", "failed_records", "cancelled_records", "duration")
            ):
                total[place] += chunk[column] or 0
            total[5] = total[5] or chunk["error"] or chunk["skip_reason"]
        rows = self.env.cr.execute_values(
            """
            UPDATE batch_operation AS operation
               SET record_count = operation.record_count + tally.found,
                   processed_records = operation.processed_records + tally.processed,
                   failed_records = operation.failed_records + tally.failed,
                   cancelled_records = operation.cancelled_records + tally.cancelled,
                   duration = coalesce(operation.duration, 0) + tally.duration,
                   error = coalesce(operation.error, tally.error),
                   started_at = coalesce(operation.started_at, clock_timestamp() AT TIME ZONE 'UTC')
              FROM (VALUES %s)
                AS tally (id, found, processed, failed, cancelled, duration, error)
             WHERE operation.id = tally.id
            RETURNING operation.id, operation.state, operation.record_count, operation.processed_records,
                      operation.failed_records, operation.cancelled_records, operation.is_awaited IS NOT FALSE,
                      EXISTS (
                        SELECT 1
                          FROM batch_chunk AS page
                         WHERE page.operation_id = operation.id
                           AND page.kind = 'resolve'
                           AND page.finished_at IS NULL
                      ) AS is_open
            """,
            [(operation_id, *total) for operation_id, total in sums.items()],
            template="(%s, %s, %s, %s, %s, %s, %s::text)",
            page_size=len(sums),
            fetch=True,
        )
        skipped = {chunk["operation_id"] for chunk in chunks if chunk["skip_reason"]}
        moved, awaited = [], set()
        for operation_id, old_state, count, processed, failed, cancelled, is_awaited, is_open in rows:
            state = states.RUNNING if is_open else states.operation_state(count, processed, failed, cancelled)
            if state == states.CANCELLED and operation_id in skipped:
                state = states.SKIPPED
            if state != old_state:
                moved.append((operation_id, state, state in states.OPERATION_FINAL))
            if is_awaited and state in states.OPERATION_FINAL:
                awaited.add(operation_id)
        if moved:
            self.env.cr.execute_values(
                """
                UPDATE batch_operation AS operation
                   SET state = moved.state,
                       finished_at = CASE WHEN moved.is_final THEN clock_timestamp() AT TIME ZONE 'UTC' END
                  FROM (VALUES %s) AS moved (id, state, is_final)
                 WHERE operation.id = moved.id
                """,
                moved,
                page_size=len(moved),
            )
        return [state for _id, state, is_final in moved if is_final], list(awaited)

    @api.model
    def _close_unfinished(self, job_id):
        """Give operations their final state that were never run, or not to the end, once their job is over."""
        self.env.cr.execute(
            SQL(
                """
                UPDATE batch_operation
                   SET cancelled_records = record_count - processed_records - failed_records,
                       state = CASE
                            WHEN record_count = 0 THEN 'completed'
                            WHEN processed_records > 0 THEN 'partial'
                            WHEN failed_records > 0 THEN 'failed'
                            ELSE 'cancelled'
                       END,
                       finished_at = clock_timestamp() AT TIME ZONE 'UTC'
                 WHERE job_id = %s
                   AND state IN ('pending', 'running')
                """,
                job_id,
            )
        )

    # -- what others need of an operation ----------------------------------------------------------

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


def _shared_result(row, positions, payload, outcome, share):
    """The new values of one operation's row, from what it had and what its records in this chunk came to."""
    processed, failed, cancelled = row["processed_records"], row["failed_records"], row["cancelled_records"]
    ids = json.loads(row["result"]) if row["result"] else None
    failure = skip = None
    for position in positions:
        if position in outcome.ids:
            processed += 1
            id_ = outcome.ids[position]
            if id_ is not True:
                ids = ids or [False] * row["data_length"]
                ids[payload.indexes[position]] = id_
        elif position in outcome.failures:
            failed += 1
            failure = failure or outcome.failures[position].message
        elif position in outcome.skipped:
            cancelled += 1
            skip = skip or outcome.skipped[position]
        elif position in outcome.rolled_back:
            failed += 1
    state = states.operation_state(row["record_count"], processed, failed, cancelled)
    if skip and state == states.CANCELLED:
        state = states.SKIPPED
    return {
        "id": row["id"],
        "state": state,
        "processed": processed,
        "failed": failed,
        "cancelled": cancelled,
        "ids": dumps(ids) if ids else None,
        "error": failure or skip or outcome.note,
        "duration": share * len(positions),
        "is_final": state in states.OPERATION_FINAL,
    }
