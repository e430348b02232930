import uuid

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from ..engine import options, states
from ..run import change, lanes, submission
from ..run.access import check_outside, check_submitter, check_visible, checked_page
from ..run.caller import check_is_context
from ..run.change import lock_for_change
from ..run.forget import forget_old_values
from ..run.garbage import without_collection
from ..run.retry import retry_job
from ..run.settings import get_setting
from ..run.status import job_figures
from ..run.status import status as status_of
from ..run.wake import wake_if_stalled
from ..run.xmlrpc import as_carried
from ..store.forget import PURGED_AT_ONCE, old_drafts, old_jobs
from ..store.results import operations_page
from ..store.schema import set_up_jobs

STATE_LABELS = [(state, state.capitalize()) for state in states.JOB_STATES]
#: Fields of a job that its users may write.
EDITABLE = ("name",)


class BatchJob(models.Model):
    """A whole submission: what was asked for, how it is run, and how far it is.

    Users may only read it: the verbs below write, and the lanes. While the job runs, its row is written in short transactions of
    their own, never inside the work (`run/control.py`).
    """

    _name = "batch.job"
    _description = "Batch Job"
    _inherit = ["mail.thread"]
    _order = "id desc"

    name = fields.Char(required=True)
    uuid = fields.Char("UUID", required=True, readonly=True, copy=False, default=lambda self: str(uuid.uuid4()))
    state = fields.Selection(
        STATE_LABELS,
        required=True,
        readonly=True,
        default=states.PENDING,
        copy=False,
        index=True,
        group_expand=True,
        help="Partial: finished, some records failed. Failed: nothing succeeded, or all of it was undone.",
    )
    user_id = fields.Many2one(
        "res.users",
        "Submitted By",
        required=True,
        readonly=True,
        index=True,
        ondelete="restrict",
        help="Everything in this job runs as this user, with the rights this user has at that moment.",
    )
    company_id = fields.Many2one("res.company", required=True, readonly=True, index=True)

    # how it is run
    priority = fields.Integer(readonly=True, help="Higher first.")
    max_chunk_size = fields.Integer("Chunk Size", readonly=True, help="Most records in a chunk. 0: adaptive.")
    max_concurrency = fields.Integer(
        "Concurrency", readonly=True, help="Most chunks in flight at once. 1 runs everything strictly in order."
    )
    timeout = fields.Float("Timeout (s)", readonly=True, help="Seconds one attempt at one chunk may take. 0: no limit.")
    retry_attempts = fields.Integer("Retries", readonly=True, help="Attempts after a transient failure.")
    rollback = fields.Selection(
        [("record", "The failing records"), ("chunk", "Their whole chunk"), ("job", "Everything")],
        "Undo on Failure",
        required=True,
        readonly=True,
        default=options.ROLLBACK_RECORD,
    )
    strict = fields.Boolean(readonly=True, help="What Odoo warns of without raising is a failure of that record.")
    max_failures = fields.Integer(
        "Stop After",
        readonly=True,
        default=options.NO_LIMIT,
        help="Start nothing more once more records have failed. -1: no limit.",
    )
    dry_run = fields.Boolean(readonly=True, help="Run everything, report it, and undo it all at the end.")
    is_atomic = fields.Boolean(
        "One Transaction", compute="_compute_is_atomic", store=True, help="All of it is one transaction, run by one chunk."
    )
    context = fields.Text(readonly=True, help="Odoo's context for all operations, as JSON.")
    run_at = fields.Datetime("Not Before", readonly=True)
    idempotency_key = fields.Char(readonly=True, copy=False)
    fingerprint = fields.Char(readonly=True, copy=False)
    on_complete_id = fields.Many2one("ir.actions.server", "On Completion", readonly=True, ondelete="set null")

    # how far it is
    total_operations = fields.Integer("Operations", readonly=True, default=0)
    completed_operations = fields.Integer(readonly=True, default=0)
    failed_operations = fields.Integer(readonly=True, default=0)
    total_records = fields.Integer("Records", readonly=True, default=0)
    processed_records = fields.Integer("Succeeded", readonly=True, default=0)
    failed_records = fields.Integer("Failed", readonly=True, default=0)
    cancelled_records = fields.Integer("Not Run", readonly=True, default=0)
    warning_count = fields.Integer("Warnings", readonly=True, default=0, help="What Odoo said without raising.")
    percentage = fields.Float(compute="_compute_progress", help="Records that have run, of all.")
    operations_per_second = fields.Float(
        "Operations/s", compute="_compute_progress", help="Operations that have ended, per second it was worked on."
    )
    records_per_second = fields.Float("Records/s", compute="_compute_progress")
    duration = fields.Float(
        "Duration (s)", compute="_compute_progress", help="While it was worked on: without pauses and waiting."
    )
    eta = fields.Datetime("Expected End", compute="_compute_progress")
    error = fields.Text(readonly=True)
    started_at = fields.Datetime(readonly=True)
    finished_at = fields.Datetime(readonly=True)
    cancel_requested_at = fields.Datetime(readonly=True)
    called_back_at = fields.Datetime("Action Run", readonly=True)

    # values that are to be dropped: see `run/forget.py`
    holds_values = fields.Boolean(readonly=True, default=True, help="Values of what succeeded may be there still.")
    forgotten_to = fields.Integer(readonly=True, default=0, help="The last chunk that has dropped its values.")

    # the time it was worked on, and what was run in it: see `store/clock.py`
    worked_s = fields.Float(
        "Worked Before (s)", readonly=True, default=0.0, help="Seconds it was worked on, up to the last pause or end."
    )
    worked_since = fields.Datetime(readonly=True, help="Empty while nobody works on it.")
    earlier_records = fields.Integer(readonly=True, default=0, help="Records that have run and were put back by a retry.")
    earlier_operations = fields.Integer(readonly=True, default=0, help="Operations that a retry has opened again.")
    paced_s = fields.Float("Pace From (s)", readonly=True, default=0.0, help="Where its present pace is measured from.")
    paced_records = fields.Integer(
        "Pace From (records)", readonly=True, default=0, help="Records that had run there."
    )

    # whose turn it is
    ready = fields.Boolean(readonly=True, default=False, help="In the queue: a lane may look for a chunk here.")
    wake_at = fields.Datetime(readonly=True, help="When to look again, while it is not in the queue.")
    queue_position = fields.Float(
        readonly=True, default=0.0, help="Among equal priorities, lowest first; moved on at each claim."
    )
    earlier_failures = fields.Integer(
        readonly=True, default=0, help="Failures that stood when it was last retried: they do not count against its limit."
    )
    reopening = fields.Boolean(readonly=True, help="A retry is putting back what runs again; nothing runs meanwhile.")
    reopened_to = fields.Integer(readonly=True, help="The last chunk that the retry has looked at.")
    releasing = fields.Boolean(readonly=True, help="What waits is let go on, in steps; nothing runs meanwhile.")
    released_to = fields.Integer(readonly=True, help="The place of the next operation that such a step looks at.")
    steered_until = fields.Datetime(readonly=True, help="Lanes claim nothing in it until then: somebody wants to change it.")
    progress_at = fields.Datetime(readonly=True, help="When its counters were last brought up to date.")
    expected_work = fields.Float(
        "Expected Work (s)",
        readonly=True,
        default=0.0,
        help="Seconds a single lane would need for all records, by what was learned from other jobs; 0: unknown.",
    )

    operation_ids = fields.One2many("batch.operation", "job_id", "Operation List", readonly=True)
    chunk_ids = fields.One2many("batch.chunk", "job_id", "Chunks", readonly=True)
    failure_ids = fields.One2many(
        "batch.failure",
        "job_id",
        "Failures",
        readonly=True,
        domain=[("retried_at", "=", False), ("is_skipped", "=", False)],
    )
    is_final = fields.Boolean(compute="_compute_is_final")
    can_retry = fields.Boolean(compute="_compute_is_final")
    is_own = fields.Boolean(compute="_compute_is_own", help="What it runs is yours to decide.")

    _uuid_uniq = models.UniqueIndex("(uuid)")
    _idempotency_uniq = models.UniqueIndex("(user_id, idempotency_key) WHERE idempotency_key IS NOT NULL")
    _final_has_end = models.Constraint(
        "CHECK ((state IN ('completed', 'partial', 'failed', 'cancelled')) = (finished_at IS NOT NULL))",
        "A job has an end exactly when it is over.",
    )
    # `store/claim.py`: whose turn it is
    _ready_idx = models.Index("(priority DESC, queue_position, id) WHERE ready")
    # `store/claim.py`: how many jobs a user shares the lanes among
    _ready_user_idx = models.Index("(user_id) WHERE ready")
    # `queue.promote`: parked jobs whose time has come
    _parked_idx = models.Index("(wake_at) WHERE NOT ready AND wake_at IS NOT NULL")
    # `store.forget.old_jobs`: what has been over for long
    _finished_idx = models.Index("(finished_at) WHERE finished_at IS NOT NULL")
    # `store.forget.next_with_values`: what still holds values
    _values_idx = models.Index("(finished_at) WHERE finished_at IS NOT NULL AND holds_values")
    # the limit of unfinished jobs per user
    _unfinished_idx = models.Index("(user_id) WHERE finished_at IS NULL")

    def init(self):
        super().init()
        set_up_jobs(self.env.cr)

    # -- what it is run with, and what it shows ------------------------------------------------------

    @api.depends("dry_run", "rollback")
    def _compute_is_atomic(self):
        for job in self:
            job.is_atomic = job.dry_run or job.rollback == options.ROLLBACK_JOB

    @api.depends("state", "failed_records", "cancelled_records")
    def _compute_is_final(self):
        for job in self:
            job.is_final = job.state in states.JOB_FINAL
            job.can_retry = job.is_final and bool(job.failed_records or job.cancelled_records)

    @api.depends("user_id")
    @api.depends_context("uid")
    def _compute_is_own(self):
        for job in self:
            job.is_own = job.user_id == self.env.user

    @api.depends(
        "total_operations",
        "completed_operations",
        "failed_operations",
        "total_records",
        "processed_records",
        "failed_records",
        "cancelled_records",
        "state",
        "worked_s",
        "worked_since",
        "earlier_records",
        "earlier_operations",
        "paced_s",
        "paced_records",
        "expected_work",
    )
    def _compute_progress(self):
        figures = job_figures(self.env, self)
        for job in self:
            job.update(figures[job.id])

    # -- rights ------------------------------------------------------------------------------------

    def write(self, vals):
        """Users may rename a job and use its chatter; the engine alone writes all other fields.

        :raises AccessError: another field is to be written
        """
        if not self.env.su and (
            refused := [name for name in vals if name not in EDITABLE and not name.startswith("message_")]
        ):
            raise AccessError(self.env._("Fields of a batch job that can't be written: %s", ", ".join(refused)))
        check_outside(self)
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_only_finished(self):
        if any(job.state in (states.PENDING, states.RUNNING, states.PAUSED) for job in self):
            raise UserError(self.env._("Cancel a job before you delete it."))

    @api.private
    def with_context(self, ctx=None, /, **overrides):
        """As on any model. RPC calls set the caller's context by this method: one that is no object is refused as a problem.

        :raises BatchValidationError: `ctx` is no object
        """
        if ctx is not None:
            check_is_context(self.env, ctx)
        return super().with_context(ctx, **overrides)

    # -- verbs that take operations ------------------------------------------------------------------

    @api.model
    @without_collection()
    def submit(self, operations=None, **options):
        """Check a whole submission, store it as a job and wake the lanes.

        :param list operations: operation objects, see the API documentation
        :param options: name, max_chunk_size, max_concurrency, timeout, retry_attempts, rollback, max_failures, dry_run,
            strict, priority, run_at, idempotency_key, draft, on_complete
        :returns: status
        :rtype: dict
        :raises BatchValidationError: with all problems at once; nothing is stored
        :raises AccessError: the caller is no batch user
        """
        job, is_duplicate = submission.submit(self.env, operations, options)
        return job._status(is_duplicate)

    @api.model
    def execute(self, operations=None, **options):
        """Run operations at once, in the caller's own transaction: one savepoint per chunk, committed with the caller.

        :param list operations: as for `submit`
        :param options: as for `submit`, without draft, run_at, idempotency_key and on_complete
        :returns: result, as `result` gives it
        :rtype: dict
        :raises BatchValidationError: as `submit`
        """
        return as_carried(submission.execute(self.env, operations, options))

    @without_collection()
    def append(self, operations=None):
        """Add operations to a draft.

        :param list operations: as for `submit`; they may refer to operations the job holds already
        :returns: status
        :raises AccessError: it is somebody else's: what is added would run with the submitter's rights
        :raises BatchValidationError: with all problems at once; nothing is added
        :raises UserError: the job is no draft
        """
        check_submitter(self)
        draft = lock_for_change(self, (states.DRAFT,), self.env._("Only a draft takes more operations."))
        submission.append(self.env, draft, operations)
        return self._status()

    # -- verbs that change a job ---------------------------------------------------------------------

    def start(self):
        """Let a draft run.

        :returns: status
        :raises AccessError: it is somebody else's: what it holds runs with the submitter's rights
        :raises UserError: the job is no draft
        """
        check_submitter(self)
        job = lock_for_change(self, (states.DRAFT,), self.env._("Only a draft can be started."))
        change.start(job.env, job)
        return self._status()

    def pause(self):
        """Let nothing more start until `resume`; chunks in flight finish.

        :returns: status
        :raises UserError: the job is not waiting or running
        """
        check_visible(self)  # first: an unusable language in the context would break the text below
        refusal = self.env._("Only a waiting or running job can be paused.")
        job = lock_for_change(self, (*states.JOB_ACTIVE, states.PAUSED), refusal)
        change.pause(job.env, job.id)
        return self._status()

    def resume(self):
        """Go on with a paused job.

        :returns: status
        :raises UserError: the job is not paused
        """
        check_visible(self)
        refusal = self.env._("Only a paused job can be resumed.")
        job = lock_for_change(self, (*states.JOB_ACTIVE, states.PAUSED), refusal)
        change.resume(job.env, job)
        return self._status()

    def cancel(self):
        """Let nothing more start; chunks in flight finish. A job that runs in one transaction is undone.

        Of a large job lanes cancel what waits, in steps: it is final once they are through.

        :returns: status
        :raises UserError: the job is finished
        """
        check_visible(self)
        job = lock_for_change(self, states.JOB_UNFINISHED, self.env._("A finished job can't be cancelled."))
        change.cancel(job.env, job.id)
        return self._status()

    def retry(self):
        """Run just the failed and cancelled records again. Their failures stay readable, as history.

        :returns: status
        :raises UserError: the job is not finished, or nothing in it failed or was cancelled
        """
        check_visible(self)
        job = lock_for_change(self, states.JOB_FINAL, self.env._("Only a finished job can be retried."))
        if not job.can_retry:
            raise UserError(self.env._("Nothing in this job failed or was cancelled."))
        self.env.flush_all()
        retry_job(job.env, job.id)
        self.env.invalidate_all()
        return self._status()

    # -- verbs that tell about a job -----------------------------------------------------------------

    def status(self):
        """How far the job is: a few rows are read, however large the job.

        :rtype: dict
        """
        check_visible(self)
        wake_if_stalled(self.sudo())
        return self._status()

    def _status(self, is_duplicate=False):
        self.invalidate_recordset()  # flushes what the ORM has written; what SQL has written is read again
        return status_of(self.env, self.id, is_duplicate)

    def result(self, offset=0, limit=1000, only=None):
        """Status, and what became of each operation, in submission order.

        :param int offset: operations to leave out
        :param int limit: operations at most, up to 10 000
        :param str only: "failed" for just the operations with failures
        :rtype: dict
        """
        check_visible(self)
        offset, limit = checked_page(self.env, offset, limit)
        if only not in (None, False, "failed"):
            raise UserError(self.env._("only must be 'failed', or be left out."))
        rows = operations_page(self.env.cr, self.id, offset, limit + 1, only_failed=bool(only))
        return as_carried(
            {
                **self._status(),
                "results": self.env["batch.operation"]._entries(rows[:limit]),
                "next_offset": offset + limit if len(rows) > limit else False,
            }
        )

    def failures(self, offset=0, limit=1000):
        """All failures that stand, a page at a time.

        :param int offset: failures to leave out
        :param int limit: failures at most, up to 10 000
        :returns: `{"failures": [...], "total": n, "next_offset": n or False}`
        :rtype: dict
        """
        check_visible(self)
        entries, rest = self.env["batch.failure"]._page_of_job(self.id, offset, limit, [("is_skipped", "=", False)])
        return {"failures": entries, **rest}

    def warnings(self, offset=0, limit=1000):
        """What Odoo said of records without raising, a page at a time.

        :param int offset: warnings to leave out
        :param int limit: warnings at most, up to 10 000
        :returns: `{"warnings": [...], "total": n, "next_offset": n or False}`
        :rtype: dict
        """
        check_visible(self)
        entries, rest = self.env["batch.warning"]._page_of_job(self.id, offset, limit)
        return {"warnings": entries, **rest}

    # -- what Odoo's scheduler calls -----------------------------------------------------------------

    @api.model
    def _run_lane(self):
        """Entry point of a lane's scheduled action. Code that wants a lane in its own process uses `run.lane.Lane`.

        :raises AccessError: called by anything but Odoo's scheduler
        """
        lanes.run_admitted(self.env)

    @api.autovacuum
    def _gc_values(self):
        """Drop the values of what succeeded longer ago than the settings keep them."""
        self.env.flush_all()
        done = forget_old_values(self.env)
        self.env.invalidate_all()
        return int(done), done

    @api.autovacuum
    def _gc_finished(self):
        """Delete jobs that finished longer ago than the settings keep them."""
        return _delete(self.browse(old_jobs(self.env.cr, get_setting(self.env, "keep_days"))))

    @api.autovacuum
    def _gc_drafts(self):
        """Delete drafts that nobody started for longer than the settings keep them."""
        return _delete(self.browse(old_drafts(self.env.cr, get_setting(self.env, "keep_draft_days"))))


def _delete(jobs):
    """Delete jobs; their operations, chunks and failures go with them, by the database's own cascade.

    :returns: how many, and whether there may be more: then Odoo calls again
    """
    jobs.unlink()
    return len(jobs), len(jobs) == PURGED_AT_ONCE
