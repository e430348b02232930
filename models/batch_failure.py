import base64
import binascii

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import formatLang

from ..engine import states
from ..engine.isolate import isolate
from ..engine.outcome import RETRY_FAILED, RETRY_SKIPPED, RETRY_SUCCEEDED, RETRY_UNDONE
from ..engine.payload import BadPayload, Payload
from ..engine.report import FAILURES_SHOWN, finding
from ..run import failure_upload, failures, mended
from ..run.access import check_outside, check_submitter
from ..run.caller import check_caller
from ..run.change import lock_for_write
from ..run.log import log
from ..store.findings import FAILURES, count_failures, fill_causes
from ..store.retried import RUNS_AGAIN

#: Most failures that one call takes by their ids; any number by a domain.
TAKEN_BY_ID = 5_000
#: Most failures counted for a button; Odoo's lists say "10,000+" above that, too.
COUNTED_AT_MOST = 10_000
#: Most places of corrected values that one line of the log names.
PLACES_SHOWN = 5


class BatchFailure(models.Model):
    """One failed record: its values, its place in the operation, and why it failed.

    It stands until its record is run again, or somebody dismisses it.
    """

    _name = "batch.failure"
    _description = "Failed Record"
    _inherit = ["batch.finding"]
    _log_access = False
    _findings = FAILURES
    _shown_limit = FAILURES_SHOWN
    _standing = (("retried_at", "=", False), ("dismissed_at", "=", False))

    record_id = fields.Integer(help="Id of the record, if it existed.")
    values = fields.Text(help="The values as sent, as JSON. Correct them here, then retry.")
    error_type = fields.Char("Error", readonly=True)
    cause = fields.Char(readonly=True, help="The message without what varies from record to record.")
    traceback = fields.Text(readonly=True, groups="batch_executor.group_batch_manager")
    attempts = fields.Integer(readonly=True, aggregator="avg")
    created_at = fields.Datetime("Failed On")
    is_skipped = fields.Boolean(readonly=True, help="Not run, because an operation it depends on has not completed.")
    chosen = fields.Integer(readonly=True, aggregator=None, help="The last choice that it was in, see `store.chosen`.")
    dismissed_at = fields.Datetime("Dismissed On", readonly=True, help="From then on it is neither retried nor listed.")
    dismissed_by_id = fields.Many2one("res.users", readonly=True, ondelete="set null", index="btree_not_null")
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

    # `failures`, `result`, `retry`: failures that stand, in order
    _standing_idx = models.Index("(job_id, id) WHERE retried_at IS NULL AND dismissed_at IS NULL")
    _operation_idx = models.Index("(operation_id, id)")
    # lists, `store.purge`. Not ordered by `id`: if a second index had the order of those that stand, PostgreSQL might use that one, and
    # read all failures that were retried
    _job_idx = models.Index("(job_id, chunk_id)")
    # `store.findings.first_of_operations`
    _operation_standing_idx = models.Index(
        "(operation_id, id) WHERE retried_at IS NULL AND dismissed_at IS NULL AND is_skipped IS NOT TRUE"
    )
    # `store.summary.failure_causes`
    _cause_idx = models.Index("(job_id, error_type, cause) WHERE retried_at IS NULL AND dismissed_at IS NULL")
    # `store.chosen.chosen_after`
    _chosen_idx = models.Index(
        "(job_id, chosen, id) WHERE chosen IS NOT NULL AND retried_at IS NULL AND dismissed_at IS NULL"
    )
    # `store.chosen.failures_at`
    _place_idx = models.Index('("index", operation_id) WHERE retried_at IS NULL AND dismissed_at IS NULL')
    # `store.chosen.dismissed_after`
    _dismissed_idx = models.Index("(job_id, id) WHERE dismissed_at IS NOT NULL AND retried_at IS NULL")
    # `store.retried`: failures whose record is being run again
    _runs_again_idx = models.Index(f"(index, operation_id) WHERE {RUNS_AGAIN.code}")

    # `store.findings.fill_causes`: empty once an upgrade has filled them
    _no_cause_idx = models.Index("(id) WHERE cause IS NULL")

    def init(self):
        """Besides the parts of the table, give failures of an older version their cause."""
        done = super().init()
        fill_causes(self.env.cr)
        return done

    def write(self, vals):
        """Correct the values of failures that stand. Only the submitter may do so, as they run with the submitter's rights.

        :param dict vals: only `values` or `pretty_values`, as JSON, or `edits`: row (from "0") -> name -> new value
        :raises AccessError: another field is written, or the caller is not the submitter
        :raises UserError: the record has been run again already, or can't be corrected, or the calling code is run by its job itself
        :raises ValidationError: `submit` would refuse the values
        """
        if self.env.su:
            return super().write(vals)
        check_caller(self.env)  # first, as the texts below can't be translated with an invalid language in the context
        if vals.keys() - {"values", "pretty_values", "edits"}:
            raise AccessError(self.env._("Only the values of a failed record can be changed."))
        for job in self.job_id:
            check_submitter(job)
        if "values" in vals:
            check_outside(self.job_id)
            lock_for_write(self.job_id.sudo())  # a retry that has read the old values would run those, and nobody would notice
            vals = {**vals, "values": self._checked(vals["values"])}
            for job, failures in self.grouped("job_id").items():
                places = "; ".join(failures[:PLACES_SHOWN].mapped("display_name")) + (" …" if len(failures) > PLACES_SHOWN else "")
                log(job, self.env._("Values corrected: %s", isolate(places)))
        return super().write(vals)

    def _checked(self, text):
        """Check corrected values for these failures; returns them as normalized JSON."""
        stored = text
        for chunk, found in self.grouped("chunk_id").items():
            try:
                params = Payload.decode(chunk.payload).params
            except BadPayload as error:
                raise UserError(self.env._("This record can't be run again: submit it anew.")) from error
            for failure in found:
                if failure.retried_at:
                    raise UserError(self.env._("This failure is history: its record has been run again."))
                if failure.dismissed_at:
                    raise UserError(self.env._("This failure was dismissed; restore it first."))
                if chunk.kind == states.RESOLVE:
                    raise UserError(self.env._("What an operation is to find can't be changed: submit it anew."))
                stored = mended.checked(
                    self.env, text, failure.values, failure.operation_type, failure.model, params
                )
        return stored

    # -- what is done to many ----------------------------------------------------------------------

    @api.model
    def retry_matching(self, domain):
        """Run the failures that stand and match again, with the values they have now. Any number: lanes do it in steps.

        In a job in one transaction, all records run again.

        :param list domain: which failures, of one or more finished jobs
        :returns: how many
        :rtype: int
        :raises AccessError, BatchValidationError: see `check_caller`
        :raises UserError: a job is not finished, or nothing that stands matches
        """
        return self._do(failures.retry, domain)

    @api.model
    def dismiss_matching(self, domain):
        """Dismiss the failures that stand and match: they are neither retried nor listed any more. Counters stay as they are.

        Who may cancel a job may do so. It is kept who did it when, and `restore_matching` takes it back.

        :param list domain: which failures, of one or more finished jobs
        :returns: how many
        :rtype: int
        :raises AccessError, BatchValidationError: see `check_caller`
        :raises UserError: a job is not finished, or nothing that stands matches
        """
        return self._do(failures.dismiss, domain)

    @api.model
    def restore_matching(self, domain):
        """Let the dismissed failures that match stand again.

        :param list domain: which failures, of one or more finished jobs
        :returns: how many
        :rtype: int
        :raises AccessError, BatchValidationError: see `check_caller`
        :raises UserError: a job is not finished, or nothing matches
        """
        return self._do(failures.restore, domain)

    @api.model
    def replace_value(self, domain, name, new, old=None):
        """Replace one value in all failures that stand and match. Nothing is changed if `submit` would refuse one of them.

        :param list domain: which failures, of one or more finished jobs
        :param str name: the field; of an import: the column
        :param new: the new value, as in the data of an operation
        :param old: replace only this value; None: whatever it is
        :returns: how many failures were changed; `retry_matching` runs them
        :rtype: int
        :raises AccessError: the caller is not the submitter
        :raises UserError: a job is not finished, or nothing that stands matches
        :raises ValidationError: `submit` would refuse a new value
        """
        return self._do(failures.replace, domain, name, new, old)

    @api.model
    def upload(self, job_id, name, content):
        """Upload the file of a job's failures (see the route `failures.csv`) with mended values: what was changed runs again.

        :param int job_id: id of a finished job
        :param str name: of the file; it ends in .csv, .xlsx or .ndjson
        :param content: of the file, as base64
        :returns: dict with `retried` (records), `unchanged` (rows that are as they were), `unknown` (rows of no failure that stands),
            and `unknown_rows` (the numbers of the first of those)
        :rtype: dict
        :raises AccessError: the caller is not the submitter
        :raises UserError: the job is not finished, or the file can't be read
        :raises ValidationError: `submit` would refuse new values; nothing is changed then
        """
        check_caller(self.env)
        self.env.flush_all()
        told = failure_upload.upload(self.env["batch.job"].browse(job_id), name, _decoded(self.env, content))
        self.env.invalidate_all()
        return told

    def _do(self, function, domain, *arguments):
        check_caller(self.env)  # first, for the texts
        self.env.flush_all()
        done = function(self, domain, *arguments)
        self.env.invalidate_all()
        return done

    # -- buttons -----------------------------------------------------------------------------------

    def action_retry(self):
        """Run only these records again, with their corrected values. In a job in one transaction, all records run again.

        :returns: True
        :raises AccessError, BatchValidationError: see `check_caller`
        :raises UserError: see `retry_matching`, or there are more than `TAKEN_BY_ID` failures
        """
        return bool(self.retry_matching(self._by_id()))

    def action_dismiss(self):
        """Dismiss these failures. Returns and raises as `action_retry`."""
        return bool(self.dismiss_matching(self._by_id()))

    def action_restore(self):
        """Let these dismissed failures stand again. Returns and raises as `action_retry`."""
        return bool(self.restore_matching(self._by_id()))

    def _by_id(self):
        """The domain of these failures."""
        check_caller(self.env)
        if len(self) > TAKEN_BY_ID:
            raise UserError(self.env._("Take at most %s failed records by their ids, or any number by a domain.", TAKEN_BY_ID))
        self.check_access("read")
        return [("id", "in", self.ids)]

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


def _decoded(env, content):
    try:
        return base64.b64decode(content or b"", validate=True)
    except (binascii.Error, TypeError, ValueError) as error:
        raise UserError(env._("The content of the file must be base64.")) from error
