import json

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..engine import spec, states
from ..engine.payload import Payload, indented, named_id
from ..engine.spec import PRODUCES_IDS
from ..store.planning import rows_of

TYPE_LABELS = {
    spec.CREATE: "Create",
    spec.UPDATE: "Update",
    spec.UPSERT: "Upsert",
    spec.DELETE: "Delete",
    spec.LOAD: "Import",
    spec.CALL: "Call",
}

#: What a foreign key would do, see `UncheckedMany2one`. After those of chunks and failures, by its name.
DELETED_WITH_JOB = """
    CREATE OR REPLACE FUNCTION batch_operation_deleted_with_job() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            DELETE FROM batch_operation WHERE job_id = OLD.id;
            RETURN NULL;
        END
    $$;
    DROP TRIGGER IF EXISTS batch_operation_deleted_with_job ON batch_job;
    CREATE TRIGGER batch_operation_deleted_with_job
        AFTER DELETE ON batch_job FOR EACH ROW EXECUTE FUNCTION batch_operation_deleted_with_job();
"""
#: Records that the button of an operation opens at most.
VIEWED_RECORDS = 10_000
#: Chunks whose payloads or results are read at a time.
READ_AT_ONCE = 20


class UncheckedMany2one(fields.Many2one):
    """A many2one without a foreign key, which PostgreSQL would check row by row: half of what a row of operations takes it.

    Whoever stores operations has made or locked their job in the same transaction; a trigger deletes them with it.
    """

    def update_db_foreign_key(self, model, column):
        pass


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

    job_id = UncheckedMany2one("batch.job", required=True, ondelete="cascade", readonly=True)
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
    warning_count = fields.Integer("Warnings", readonly=True, help="What Odoo said of its records without raising.")
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
        self.env.cr.execute(DELETED_WITH_JOB)

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
        ids = [id_ for id_ in json.loads(self.result or "[]") if id_]
        for text in self._chunk_texts("result", "operation_id", self.id, SQL("result IS NOT NULL")):
            if len(ids) >= VIEWED_RECORDS:
                break
            ids += json.loads(text)[1]
        return ids

    def _named_ids(self):
        """Ids of the records its chunks name, whether they have failed or not."""
        ids = {}
        own = "operation_id", self.id, SQL("kind = 'records' AND state = 'done'")
        shared = "job_id", self.job_id.id, SQL("operation_id IS NULL AND kind = 'records' AND state = 'done'")
        for chunks in (own, shared):
            for text in self._chunk_texts("payload", *chunks):
                payload = Payload.decode(text)
                for item, operation_id in zip(payload.items, payload.operations, strict=True):
                    if operation_id == self.id and (id_ := named_id(item)):
                        ids[id_] = True
                if len(ids) >= min(self.record_count, VIEWED_RECORDS):
                    return list(ids)
        return list(ids)

    def _chunk_texts(self, column, owner, owner_id, condition):
        """A column of chunks in order, a few of them at a time: who asks may have enough after the first.

        :param str owner: operation_id or job_id
        :param SQL condition: which of the owner's chunks
        """
        after = 0
        while rows := self.env.execute_query(
            SQL(
                """
                SELECT id, %(column)s
                  FROM batch_chunk
                 WHERE %(own)s
                   AND %(condition)s
                 ORDER BY %(owner)s, id
                 LIMIT %(limit)s
                """,
                column=SQL.identifier(column),
                owner=SQL.identifier(owner),
                own=rows_of(owner, owner_id, after),
                condition=condition,
                limit=READ_AT_ONCE,
            )
        ):
            yield from (text for _id, text in rows)
            after = rows[-1][0]

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
