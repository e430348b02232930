import uuid

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError

from ..engine import options, origin, states
from ..engine.failure_limit import NO_LIMIT
from ..engine.operations import TYPE_LABELS
from ..engine.reader import MAX_NAME, is_name
from ..run import lanes
from ..run.access import check_outside
from ..run.caller import check_is_context
from ..run.change import lock_for_write
from ..run.follow import follow_first
from ..run.pace import set_pace
from ..run.purge import purge_now
from ..run.status import job_figures
from ..run.upgrade import begin_update, stop_lanes
from ..store import figures
from ..store.limit_queue import hold_shares
from ..store.schema import set_up_jobs
from .figure import Figure

STATE_LABELS = [(state, state.capitalize()) for state in states.JOB_STATES]
NOTIFY_LABELS = [(options.ALWAYS, "Always"), (options.FAILURES, "Failures only"), (options.NEVER, "Never")]
ROLLBACK_LABELS = [
    (options.ROLLBACK_RECORD, "The failing records"),
    (options.ROLLBACK_CHUNK, "Their whole chunk"),
    (options.ROLLBACK_JOB, "Everything"),
]
ORIGIN_LABELS = [(origin.APPLY, "Plan run for real"), (origin.UNDO, "Undo")]
#: Fields of a job that its users may write.
EDITABLE = ("name", "priority", "max_concurrency", "keep")
#: Those of them that decide how lanes work on it: see `run.change.set_pace`.
PACE = ("priority", "max_concurrency")


@api.depends("uuid")  # which never changes: this is computed once, and does not follow the concurrency
def _compute_is_ordered(jobs):
    for job in jobs:
        job.is_ordered = job.max_concurrency == 1


@api.depends("dry_run", "rollback")
def _is_atomic(jobs):
    for job in jobs:
        job.is_atomic = job.dry_run or job.rollback == options.ROLLBACK_JOB


@api.depends("user_id")
@api.depends_context("uid")
def _is_own(jobs):
    for job in jobs:
        job.is_own = job.user_id == job.env.user


class BatchJob(models.Model):
    """One submission: its options, its progress and its state.

    Users can only read a job; the verbs (`batch_job_verbs.py`) and the lanes write it. While a job runs, its row is written in short transactions
    (`run/control.py`), never in the transaction of a chunk's work.
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
        help="Partial: finished, some records failed. Failed: nothing succeeded, or everything was rolled back.",
    )
    user_id = fields.Many2one(
        "res.users",
        "Submitted By",
        required=True,
        readonly=True,
        index=True,
        ondelete="restrict",
        help="Everything in this job runs as this user, with the rights the user has when it runs.",
    )
    company_id = fields.Many2one("res.company", required=True, readonly=True, index=True)

    # what it is
    contents = fields.Text(readonly=True, help="Numbers of its operations and records for each type and model, as JSON.")
    main_type = fields.Selection(TYPE_LABELS, "Type", readonly=True, help="Type of the operations with most of its records.")
    main_model_id = fields.Many2one(
        "ir.model",
        "Model",
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
        bypass_search_access=True,
        help="Model of the operations with most of its records.",
    )

    # how it is run
    priority = fields.Integer(help="Higher first. Can be changed while the job runs.", aggregator=None)
    max_chunk_size = fields.Integer("Chunk Size", readonly=True, aggregator=None, help="Most records in a chunk. 0: adaptive.")
    max_concurrency = fields.Integer(
        "Concurrency",
        aggregator=None,
        help="Most chunks in flight at once. Can be changed while the job runs. A job that was submitted with 1 runs strictly in order, "
        "and keeps it.",
    )
    is_ordered = fields.Boolean(
        "Strictly in Order", compute=_compute_is_ordered, store=True, help="It was submitted with a concurrency of 1."
    )
    timeout = fields.Float(
        readonly=True, aggregator=None, help="Seconds one attempt at one chunk may take. 0: no limit."
    )
    retry_attempts = fields.Integer("Retries", readonly=True, aggregator=None, help="Further attempts after a transient failure.")
    rollback = fields.Selection(
        ROLLBACK_LABELS,
        "Undo on Failure",
        required=True,
        readonly=True,
        default=options.ROLLBACK_RECORD,
    )
    strict = fields.Boolean(readonly=True, help="A warning of Odoo about a record counts as a failure of that record.")
    quiet = fields.Boolean(
        readonly=True, help="No chatter: no tracking, no log of creation, no followers. Business rules run as always."
    )
    track_changes = fields.Boolean(
        "Remember Changes",
        readonly=True,
        help="Remember of each record what it was before, and what it was afterwards: the job shows it, and can be undone.",
    )
    skip_unchanged = fields.Boolean(
        readonly=True, help="Updates, upserts and imports don't write records that hold all their values already."
    )
    max_failures = fields.Integer(
        "Stop After",
        readonly=True,
        default=NO_LIMIT,
        aggregator=None,
        help="No further chunk starts once more records than this have failed. -1: no limit.",
    )
    max_failures_share = fields.Float(
        "Stop After (%)", readonly=True, aggregator=None, help="The same as a percentage of the job's records. 0: it is given as a number."
    )
    dry_run = fields.Boolean(readonly=True, help="Run everything, report the results, and roll everything back at the end.")
    is_atomic = fields.Boolean(
        "One Transaction", compute=_is_atomic, store=True, help="The whole job is one transaction, run by one chunk."
    )
    context = fields.Text(readonly=True, help="Odoo's context for all operations, as JSON.")
    run_at = fields.Datetime("Not Before", readonly=True)
    idempotency_key = fields.Char(readonly=True, copy=False)
    fingerprint = fields.Char(readonly=True, copy=False)
    started_by = fields.Json(
        readonly=True, copy=False, help="Ids of the actions that automation rules ran to make it. Its own changes don't run them again."
    )
    traceparent = fields.Char(
        "Trace", readonly=True, copy=False, help="The header traceparent of the request that has submitted the job (W3C Trace Context)."
    )
    limit_id = fields.Many2one(
        "batch.limit",
        readonly=True,
        index="btree_not_null",
        ondelete="restrict",
        help="How much of it may run, together with other jobs: it waits where that is used up.",
    )
    webhook_id = fields.Many2one(
        "batch.webhook",
        readonly=True,
        index="btree_not_null",
        ondelete="restrict",
        help="Where the status of the job is POSTed to when it is final.",
    )
    delivery_ids = fields.One2many("batch.delivery", "job_id", "Deliveries", readonly=True)
    on_complete_id = fields.Many2one("ir.actions.server", "On Completion", readonly=True, ondelete="set null")

    # what it was made of
    origin_job_id = fields.Many2one(
        "batch.job", "Made From", readonly=True, copy=False, ondelete="set null", help="The plan that it runs for real, or the job that it undoes."
    )
    origin_kind = fields.Selection(ORIGIN_LABELS, "Made By", readonly=True, copy=False)
    # that stays, also where the job that did so is deleted
    was_applied = fields.Boolean("Run for Real", readonly=True, copy=False)
    was_undone = fields.Boolean("Undone", readonly=True, copy=False)

    # how far it is
    total_operations = fields.Integer("Operations", readonly=True, default=0)
    completed_operations = fields.Integer(readonly=True, default=0)
    failed_operations = fields.Integer(readonly=True, default=0)
    total_records = fields.Integer("Records", readonly=True, default=0)
    processed_records = fields.Integer("Succeeded", readonly=True, default=0)
    failed_records = fields.Integer("Failed", readonly=True, default=0)
    cancelled_records = fields.Integer("Not Run", readonly=True, default=0)
    dismissed_records = fields.Integer(
        "Dismissed", readonly=True, default=0, help="Failures that somebody has dismissed; they are counted as failed as well."
    )
    warning_count = fields.Integer("Warnings", readonly=True, default=0, help="Warnings of Odoo about its records.")
    created_records = fields.Integer("Records Created", readonly=True, default=0)
    updated_records = fields.Integer("Records Updated", readonly=True, default=0)
    unchanged_records = fields.Integer(
        "Records Unchanged", readonly=True, default=0, help="Records that held all their values already, and were not written."
    )
    deleted_records = fields.Integer("Records Deleted", readonly=True, default=0)
    percentage = Figure(
        compute="_compute_progress",
        formula=figures.percentage,
        aggregator=None,
        help="Share of the records that have run.",
    )
    operations_per_second = Figure(
        "Operations/s",
        compute="_compute_progress",
        formula=figures.operations_per_second,
        aggregator="avg",
        help="Operations that have ended, per second of work on the job.",
    )
    records_per_second = Figure(
        "Records/s",
        compute="_compute_progress",
        formula=figures.records_per_second,
        aggregator="avg",
        help="Records that have run, per second of work on the job.",
    )
    duration = Figure(
        compute="_compute_progress",
        formula=figures.duration,
        aggregator="avg",
        help="Seconds of work on the job, without pauses and waiting.",
    )
    eta = fields.Datetime("Expected End", compute="_compute_progress")
    error = fields.Text(readonly=True)
    started_at = fields.Datetime(readonly=True)
    finished_at = fields.Datetime(readonly=True)
    cancel_requested_at = fields.Datetime(readonly=True)
    cancelled_by_id = fields.Many2one("res.users", readonly=True, ondelete="set null", copy=False)
    called_back_at = fields.Datetime("Action Run", readonly=True)
    callback_error = fields.Text("Action Failed", readonly=True, copy=False, help="Why the action on completion failed.")

    notify = fields.Selection(
        NOTIFY_LABELS, readonly=True, help="Of which end the submitter is told. Empty: as the submitter's preferences say."
    )

    # what the clean-up leaves: see `batch_remains.py`
    keep = fields.Boolean(copy=False, help="The clean-up leaves this job, with its results, its failures and the changes that it remembers.")
    changes_gone = fields.Boolean("Changes Dropped", readonly=True, copy=False, help="The changes that it remembered were dropped after their retention time.")

    operation_ids = fields.One2many("batch.operation", "job_id", "Operation List", readonly=True)
    chunk_ids = fields.One2many("batch.chunk", "job_id", "Chunks", readonly=True)
    failure_ids = fields.One2many(
        "batch.failure",
        "job_id",
        "Failures",
        readonly=True,
        domain=[("retried_at", "=", False), ("dismissed_at", "=", False), ("is_skipped", "=", False)],
    )
    is_final = fields.Boolean(compute="_compute_is_final")
    can_retry = fields.Boolean(compute="_compute_is_final")
    is_scheduled = fields.Boolean(compute="_compute_is_final", help="It waits for its time.")
    is_own = fields.Boolean(compute=_is_own, help="You have submitted this job.")

    _uuid_uniq = models.UniqueIndex("(uuid)")
    _idempotency_uniq = models.UniqueIndex("(user_id, idempotency_key) WHERE idempotency_key IS NOT NULL")
    # a plan is run for real once, a job is undone once; also: the job that does so
    _origin_uniq = models.UniqueIndex("(origin_job_id, origin_kind) WHERE origin_job_id IS NOT NULL")
    _final_has_end = models.Constraint(
        "CHECK ((state IN ('completed', 'partial', 'failed', 'cancelled')) = (finished_at IS NOT NULL))",
        "A job has an end exactly when it is over.",
    )
    # `run/overview.py`: the latest jobs
    _finished_idx = models.Index("(finished_at) WHERE finished_at IS NOT NULL")
    # `store.forget.old_jobs`: jobs to delete
    _old_idx = models.Index("(finished_at) WHERE finished_at IS NOT NULL AND keep IS NOT TRUE")
    # `store.forget.jobs_with_old_changes`
    _old_changes_idx = models.Index(
        "(finished_at) WHERE finished_at IS NOT NULL AND keep IS NOT TRUE AND track_changes AND changes_gone IS NOT TRUE"
    )
    # `run/overview.py`: the latest jobs with failures, which are few; as Odoo writes that they are no dry runs
    _failed_idx = models.Index("(finished_at) WHERE finished_at IS NOT NULL AND failed_records > 0 AND dry_run IS NOT TRUE")
    # `store.told.running_jobs`
    _running_idx = models.Index("(user_id, id) WHERE state IN ('pending', 'running')")
    # `store.summary.count_unfinished_jobs`
    _unfinished_idx = models.Index("(user_id) WHERE finished_at IS NULL")

    def _auto_init(self):
        """Have the lanes of running servers let go before modules change the engine's tables; this model is the first of its module."""
        module = self.env.context.get("module")
        if module == "batch_executor":
            begin_update(self.env.cr)
        elif module or self.env.context.get("models_to_check"):
            stop_lanes(self.env.cr)
        return super()._auto_init()

    def init(self):
        """Set up the parts of the table that a model can't declare: see `store.schema`."""
        set_up_jobs(self.env.cr)
        return super().init()

    # -- computed fields ---------------------------------------------------------------------------

    @api.depends("state", "failed_records", "cancelled_records", "run_at")
    def _compute_is_final(self):
        now = fields.Datetime.now()
        for job in self:
            job.is_scheduled = job.state in (states.PENDING, states.PAUSED) and bool(job.run_at and job.run_at > now)
            job.is_final = job.state in states.JOB_FINAL
            job.can_retry = job.is_final and job.failed_records + job.cancelled_records > job.dismissed_records

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
        found = job_figures(self.env, self)
        for job in self:
            job.update(found[job.id])

    # -- access rights -----------------------------------------------------------------------------

    def write(self, vals):
        """Users may rename a job, keep it, change its pace and use its chatter; only the engine writes the other fields.

        :param dict vals: as for `write` of any model
        :raises AccessError: another field is written
        :raises BatchValidationError: a priority or a concurrency is out of range
        :raises ValidationError: a name is blank, or longer than `submit` takes it
        :raises UserError: the calling code is run by the job itself, or the job is finished and its pace is written
        """
        if not self.env.su and (refused := [name for name in vals if name not in EDITABLE and not name.startswith("message_")]):
            raise AccessError(self.env._("Fields of a batch job that can't be written: %s", ", ".join(refused)))
        if not self.env.su and "name" in vals and not is_name(vals["name"]):
            raise ValidationError(self.env._("The name of a job must be a text of 1 to %s characters.", MAX_NAME))
        check_outside(self)
        if not self.env.su and not vals.keys().isdisjoint(PACE):
            set_pace(self, {name: vals[name] for name in PACE if name in vals})
            vals = {name: value for name, value in vals.items() if name not in PACE}
        if not self.env.su and not vals.keys().isdisjoint(("name", "keep")):
            self.check_access("write")
            lock_for_write(self.sudo())
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_only_finished(self):
        if any(job.state in (states.PENDING, states.RUNNING, states.PAUSED) for job in self):
            raise UserError(self.env._("Cancel a job before you delete it."))
        if self.sudo().search_count([("origin_job_id", "in", self.ids), ("finished_at", "=", False)], limit=1):
            raise UserError(self.env._("A job that is being undone, or run for real, can't be deleted: its changes are needed."))

    def unlink(self):
        """As for any model. Of what belongs to large jobs, the most part is deleted later, by lanes: see `run/purge.py`.

        :raises UserError: a job is not finished, or its changes are needed by another one
        """
        job_ids = self.ids
        hold_shares(self.env.cr, job_ids)
        unlinked = super().unlink()
        purge_now(self.env, job_ids)
        return unlinked

    @api.private
    def with_context(self, ctx=None, /, **overrides):
        """As on any model. Odoo's RPC passes the caller's context to this method, so it checks that the context is an object.

        :raises BatchValidationError: `ctx` is no object
        """
        if ctx is not None:
            check_is_context(self.env, ctx)
        return super().with_context(ctx, **overrides)

    # -- its chatter -------------------------------------------------------------------------------

    def _notify_get_recipients(self, message, msg_vals=False, **kwargs):
        """As in `mail.thread`; the submitter follows the job from its first message on: see `run/follow.py`."""
        follow_first(self, message)
        return super()._notify_get_recipients(message, msg_vals=msg_vals, **kwargs)

    # -- called by Odoo's scheduler ------------------------------------------------------------------

    @api.model
    def _run_lane(self):
        """Entry point of a lane's scheduled action. To run a lane in another process, use `run.lane.Lane`.

        :raises AccessError: called by anything but Odoo's scheduler
        """
        lanes.run_admitted(self.env)
