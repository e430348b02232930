import json

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..engine import report, states
from ..engine.operation import DELETE
from ..engine.operations import PRODUCES_IDS, TYPE_LABELS
from ..engine.payload import indented
from ..store import results
from ..store.references import collect_ids
from ..store.schema import set_up_operations

#: Most records that the button of an operation opens.
VIEWED_RECORDS = 10_000


class UncheckedMany2one(fields.Many2one):
    """A many2one without a foreign key, for what belongs to a job.

    PostgreSQL's check for each row would double the time to store operations, and a cascade would delete a million rows at once.
    The reference is safe without it: rows are stored in a transaction that has created or locked their job or their chunk, and
    deleted in pieces after their job (`store.purge`).
    """

    def update_db_foreign_key(self, model, column):
        """Add no foreign key."""


class BatchOperation(models.Model):
    """One entry of a submission, with its result.

    Rows are inserted and updated in bulk, only by SQL. An operation that shares its chunk with others is in no other chunk, and that
    chunk's transaction updates it. An operation with chunks of its own is updated when these are counted, under the job's lock.
    """

    _name = "batch.operation"
    _description = "Batch Operation"
    _order = "job_id.id desc, position"
    _rec_name = "operation_id"
    _log_access = False  # a submission may store a hundred thousand rows: fewer columns take less time

    job_id = UncheckedMany2one("batch.job", required=True, ondelete="cascade", readonly=True)
    position = fields.Integer("No.", readonly=True, aggregator=None, help="Place in the submission, from 0.")
    operation_id = fields.Char("Name", required=True, readonly=True, help="Name of the operation, as the caller gave it.")
    operation_type = fields.Selection(TYPE_LABELS, "Type", required=True, readonly=True)
    model = fields.Char(required=True, readonly=True)
    priority = fields.Integer(readonly=True, aggregator=None)
    details = fields.Text(readonly=True, help="Parameters of the operation, without its data, as JSON.")
    depends_on = fields.Text(readonly=True, help="Operations that must have completed, as JSON.")
    return_ids = fields.Boolean(readonly=True)
    data_length = fields.Integer(readonly=True, aggregator=None)
    state = fields.Selection(
        [(state, state.capitalize()) for state in states.OPERATION_STATES], default=states.PENDING, readonly=True
    )
    is_awaited = fields.Boolean(readonly=True, help="Other operations wait for its end.")
    record_count = fields.Integer("Records", readonly=True)
    processed_records = fields.Integer("Succeeded", readonly=True)
    failed_records = fields.Integer("Failed", readonly=True)
    cancelled_records = fields.Integer("Not Run", readonly=True)
    warning_count = fields.Integer("Warnings", readonly=True, help="Warnings of Odoo about its records.")
    created_records = fields.Integer("Records Created", readonly=True)
    updated_records = fields.Integer("Records Updated", readonly=True)
    unchanged_records = fields.Integer(
        "Records Unchanged", readonly=True, help="Records that held all their values already, and were not written."
    )
    deleted_records = fields.Integer("Records Deleted", readonly=True)
    outcomes = fields.Text(readonly=True, help="What became of each record, if the operation shared its chunk with others.")
    result = fields.Text(readonly=True, help="Ids as JSON, if the operation shared its chunk with others.")
    error = fields.Text(readonly=True)
    started_at = fields.Datetime(readonly=True)
    finished_at = fields.Datetime(readonly=True)
    duration = fields.Float(digits=(16, 3), readonly=True, help="Seconds its records took to run.")
    failure_ids = fields.One2many("batch.failure", "operation_id", "Failures", readonly=True)

    # for the backend
    pretty_details = fields.Text("Parameters", compute="_compute_pretty", help="Parameters of the operation, without its data.")
    needs = fields.Char(compute="_compute_pretty", help="Operations that must have completed first.")
    has_records = fields.Boolean(compute="_compute_has_records")
    failures_text = fields.Char(
        "Failures in Numbers", compute="_compute_failures_text", help="How many of its failures stand; empty for none."
    )

    # results and lists of a job, in order; `store.purge`
    _job_position_uniq = models.UniqueIndex("(job_id, position)")
    # references by name. An operation with its default name is found by position, and has no entry: `store.references.ids_by_name`
    _job_name_uniq = models.UniqueIndex("""(job_id, operation_id) WHERE operation_id <> 'op-' || ("position" + 1)::text""")
    # `result(only="failed")`
    _failed_idx = models.Index("(job_id, position) WHERE failed_records > 0")

    def init(self):
        """Set up the parts of the table that a model can't declare: see `store.schema`."""
        set_up_operations(self.env.cr)
        return super().init()

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
                and operation.operation_type != DELETE
            )

    @api.depends("failed_records", "state")
    def _compute_failures_text(self):
        for operation in self:
            operation.failures_text = self.env["batch.failure"]._count_text("operation_id", operation.id)

    @api.model
    def _entries(self, rows, with_outcomes=False):
        """The entries of operations in a result object.

        :param list rows: of `store.results.operations_page`, for a job that the caller may see
        :param bool with_outcomes: whether to tell what became of each record
        :returns: list of dicts
        """
        for row in rows:
            # not in SQL: the details come from the caller, and PostgreSQL's JSON functions reject NUL and lone surrogates
            row["has_answer"] = bool(row["call"]) and not json.loads(row["call"]).keys().isdisjoint(report.ANSWERED)
        ids = collect_ids(self.env.cr, [row for row in rows if _has_ids(row)])
        failures = self.env["batch.failure"]._first_of_operations([row["id"] for row in rows if row["failed_records"]])
        warnings = self.env["batch.warning"]._first_of_operations([row["id"] for row in rows if row["warning_count"]])
        outcomes = results.outcomes_of(self.env.cr, rows) if with_outcomes else {}
        return [
            report.operation_entry(
                row, ids.get(row["id"]), failures.get(row["id"], []), warnings.get(row["id"], []), outcomes.get(row["id"])
            )
            for row in rows
        ]

    def action_view_records(self):
        """Open the records that the operation has created, or that it ran on.

        :returns: an action
        :raises UserError: there are none
        """
        self.ensure_one()
        self.check_access("read")
        find = results.made_ids if self.operation_type in PRODUCES_IDS else results.named_ids
        ids = find(self.env.cr, self.id, VIEWED_RECORDS)
        if not ids:
            raise UserError(self.env._("This operation has no records to show."))
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Records of %s", self.operation_id),
            "res_model": self.model,
            "view_mode": "list,form",
            "views": [(False, "list"), (False, "form")],
            "domain": [("id", "in", ids)],
            "context": {"active_test": False},
        }

    def action_view_failures(self):
        """Open the failures of the operation; returns an action."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Failures of %s", self.operation_id),
            "res_model": "batch.failure",
            "view_mode": "list,form",
            "domain": [("operation_id", "=", self.id)],
            "context": {"search_default_standing": 1, "search_default_failed": 1},
        }


def _has_ids(row):
    return row["has_answer"] or (row["return_ids"] and row["operation_type"] in PRODUCES_IDS)
