import json

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import formatLang

from ..engine import states
from ..engine.outcome import RETRY_FAILED, RETRY_SKIPPED, RETRY_SUCCEEDED, RETRY_UNDONE
from ..engine.payload import BadPayload, Payload, indented
from ..engine.report import FAILURES_SHOWN, finding
from ..run import mended
from ..run.access import check_submitter
from ..run.caller import check_caller
from ..run.change import lock_for_change
from ..run.retry import retry_failures
from ..store.findings import FAILURES, count_failures
from ..store.retried import RUNS_AGAIN

#: Most failures that one call retries by themselves; whole jobs are retried in steps, without a limit.
RETRIED_AT_ONCE = 5_000
#: Most failures counted for a button; Odoo's lists say "10,000+" above that, too.
COUNTED_AT_MOST = 10_000


class BatchFailure(models.Model):
    """One failed record: its values, its place in the operation, and why it failed."""

    _name = "batch.failure"
    _description = "Failed Record"
    _inherit = ["batch.finding"]
    _log_access = False
    _findings = FAILURES
    _shown_limit = FAILURES_SHOWN

    record_id = fields.Integer(help="Id of the record, if it existed.")
    values = fields.Text(help="The values as sent, as JSON. Correct them here, then retry.")
    error_type = fields.Char("Error", readonly=True)
    traceback = fields.Text(readonly=True, groups="batch_executor.group_batch_manager")
    attempts = fields.Integer(readonly=True, aggregator="avg")
    created_at = fields.Datetime("Failed On")
    is_skipped = fields.Boolean(readonly=True, help="Not run, because an operation it depends on has not completed.")
    retry_outcome = fields.Selection(
        [
            (RETRY_SUCCEEDED, "Succeeded"),
            (RETRY_FAILED, "Failed Again"),
            (RETRY_SKIPPED, "Skipped"),
            (RETRY_UNDONE, "Rolled Back"),
        ],
        readonly=True,
        help="What became of its record when it was run again. Empty while it waits for that, or if it was cancelled before.",
    )
    retry_record_id = fields.Integer(
        "Retried Record Id", readonly=True, aggregator=None, help="Id of the record that its retry has created or changed."
    )

    # for the backend
    pretty_values = fields.Text(
        "Values as Sent",
        compute="_compute_pretty_values",
        inverse="_inverse_pretty_values",
        help="The values as sent, as JSON. Correct them here, then retry.",
    )
    can_mend = fields.Boolean(compute="_compute_can_mend", help="You may correct its values.")
    job_state = fields.Selection(related="job_id.state", string="Job State")

    # `failures`, `result`, `retry`: failures that stand, in order
    _standing_idx = models.Index("(job_id, id) WHERE retried_at IS NULL")
    _operation_idx = models.Index("(operation_id, id)")
    # `store.findings.first_of_operations`
    _operation_standing_idx = models.Index("(operation_id, id) WHERE retried_at IS NULL AND is_skipped IS NOT TRUE")
    # `store.retried`: failures whose record is being run again
    _runs_again_idx = models.Index(f"(index, operation_id) WHERE {RUNS_AGAIN.code}")

    @api.depends("values")
    def _compute_pretty_values(self):
        for failure in self:
            failure.pretty_values = indented(failure.values) if failure.values else False

    def _inverse_pretty_values(self):
        for failure in self:
            failure.values = failure.pretty_values  # `write` checks it

    @api.depends("job_id.is_own", "retried_at")
    @api.depends_context("uid")
    def _compute_can_mend(self):
        for failure in self:
            failure.can_mend = not failure.retried_at and failure.job_id.is_own

    @api.depends("operation_id", "index")
    def _compute_display_name(self):
        for failure in self:
            failure.display_name = self.env._(
                "%(operation)s, record %(index)s", operation=failure.operation_id.operation_id, index=failure.index
            )

    def write(self, vals):
        """Correct the values of failures that stand. Only the submitter may do so, as they run with the submitter's rights.

        :param dict vals: only `values` or `pretty_values`, as JSON
        :raises AccessError: another field is written, or the caller is not the submitter
        :raises UserError: the record has been run again already, or can't be corrected
        :raises ValidationError: `submit` would refuse the values
        """
        if self.env.su:
            return super().write(vals)
        check_caller(self.env)  # first, as the texts below can't be translated with an invalid language in the context
        if vals.keys() - {"values", "pretty_values"}:
            raise AccessError(self.env._("Only the values of a failed record can be changed."))
        for job in self.job_id:
            check_submitter(job)
        if "values" in vals:
            vals = {**vals, "values": self._checked(vals["values"])}
        return super().write(vals)

    def _checked(self, text):
        """Check corrected values for these failures; returns them as normalized JSON."""
        stored = text
        for chunk, failures in self.grouped("chunk_id").items():
            try:
                params = Payload.decode(chunk.payload).params
            except BadPayload as error:
                raise UserError(self.env._("This record can't be run again: submit it anew.")) from error
            for failure in failures:
                if failure.retried_at:
                    raise UserError(self.env._("This failure is history: its record has been run again."))
                if chunk.kind == states.RESOLVE:
                    raise UserError(self.env._("What an operation is to find can't be changed: submit it anew."))
                stored = mended.checked(
                    self.env, text, failure.values, failure.operation_type, failure.model, params
                )
        return stored

    def action_retry(self):
        """Run only these records again, with their corrected values. In a job in one transaction, all records run again.

        :returns: True
        :raises AccessError, BatchValidationError: see `check_caller`
        :raises UserError: a job is not finished, all records of a job have been run again already, or there are more than
            `RETRIED_AT_ONCE` failures
        """
        check_caller(self.env)  # first, for the texts below
        if len(self) > RETRIED_AT_ONCE:
            raise UserError(
                self.env._("Retry at most %s failed records by themselves, or their jobs as a whole.", RETRIED_AT_ONCE)
            )
        for job, failures in self.grouped("job_id").items():
            locked = lock_for_change(job, states.JOB_FINAL, self.env._("Only records of a finished job can be retried."))
            standing = failures.sudo().filtered(lambda failure: not failure.retried_at)
            if not standing:
                raise UserError(self.env._("These records have been run again already."))
            self.env.flush_all()
            retry_failures(locked.env, locked.id, standing._by_chunk())
            self.env.invalidate_all()
        return True

    def _by_chunk(self):
        """Ids of these failures by chunk id; for a call on a set, also of the set's other failures, as a set is retried whole."""
        sets = self.operation_id.filtered(lambda operation: operation.details and json.loads(operation.details).get("set"))
        siblings = self.search([("operation_id", "in", sets.ids), ("retried_at", "=", False)]) if sets else self
        return {chunk.id: set(found.ids) for chunk, found in (self | siblings).grouped("chunk_id").items()}

    def action_view_record(self):
        """Open the record that failed.

        :returns: an action
        :raises UserError: the record does not exist
        """
        self.ensure_one()
        if self.model not in self.env or not self.env[self.model].browse(self.record_id).exists():
            raise UserError(self.env._("This record does not exist any longer."))
        return {
            "type": "ir.actions.act_window",
            "res_model": self.model,
            "res_id": self.record_id,
            "views": [(False, "form")],
        }

    @api.model
    def _count_text(self, column, owner_id):
        """How many failures of a job or an operation stand, for its button: as many as the list shows that the button opens.

        :param str column: `job_id` or `operation_id`
        :param int owner_id: of a job or an operation that the caller may see
        :returns: the number as text, "10,000+" where there are more than are counted; False for none
        """
        if not owner_id:
            return False
        count, has_more = count_failures(self.env.cr, column, owner_id, COUNTED_AT_MOST)
        return formatLang(self.env, count, digits=0) + ("+" if has_more else "") if count else False

    def _as_dicts(self):
        """The failures as the API gives them."""
        return [
            finding(
                {
                    "operation_id": failure.operation_id.operation_id,
                    "index": failure.index,
                    "record_id": failure.record_id or False,
                    "error_type": failure.error_type,
                    "error": failure.message,
                    "attempts": failure.attempts,
                },
                failure.file_row,
            )
            for failure in self
        ]
