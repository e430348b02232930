import json

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..engine import origin, states
from ..engine.isolate import isolate
from ..engine.limit import waits
from ..engine.operation import DELETE
from ..engine.payload import dumps
from ..run.access import check_visible
from ..run.caller import check_caller
from ..run.causes import causes_of
from ..run.contents import describe, model_labels
from ..run.status import waiting_texts
from ..store import summary
from ..store.chosen import standing_after
from ..store.records import ids_of_job

#: Most rows in the lists of a job's form; the buttons above them open all rows.
SHOWN = 200
#: Most chunks read for the report of chunk sizes, and most failures counted of each cause: of a finished job, and of a running one,
#: whose form is read again up to once a second.
LOOKED_AT = 10_000
LOOKED_AT_LIVE = 500
#: Most records that the button of a job opens.
VIEWED_RECORDS = 10_000
#: Fields of the engine's own: nobody filters, groups or sorts by them.
INTERNAL = frozenset(
    (
        "awaited_since", "chosen", "contents", "earlier_failures", "earlier_operations", "earlier_records", "expected_work", "fingerprint",
        "forgotten_to", "has_log", "holds_values", "pace_points", "paced_records", "paced_s", "progress_at", "queue_position", "ready",
        "released_to", "releasing", "reopened_to", "reopening", "reopening_chosen", "started_by", "steered_until", "tell_at", "tell_attempts",
        "wake_at", "worked_s", "worked_since",
    )
)  # fmt: skip
#: Most jobs named for each reason in the report of a mass action.
NAMES_SHOWN = 3


@api.depends("contents", "processed_records", "dry_run")
@api.depends_context("lang", "uid")
def _compute_contents(jobs):
    for job in jobs:
        job.has_records = job.processed_records > 0 and not job.dry_run and bool(_models_of_records(job))
        job.contents_text = describe(jobs.env, json.loads(job.contents or "[]")) or False


@api.depends("state", "failed_records", "cancelled_records", "dismissed_records")
def _failures_text(jobs):
    for job in jobs:
        job.failures_text = job.env["batch.failure"]._count_text("job_id", job.id)


@api.depends("state")
def _made_of_it(jobs):
    """One query for all: jobs that run these for real, or undo them."""
    made = jobs.search([("origin_job_id", "in", jobs.ids)], order="id")
    by_origin = {(job.origin_job_id.id, job.origin_kind): job for job in made}
    for job in jobs:
        job.apply_job_id = by_origin.get((job.id, origin.APPLY), False)
        job.undo_job_id = by_origin.get((job.id, origin.UNDO), False)


@api.depends("state", "dry_run", "track_changes", "holds_values", "forgotten_to", "user_id", "was_applied", "was_undone", "changes_gone")
@api.depends_context("uid")
def _can_undo(jobs):
    for job in jobs:
        may = job.user_id == job.env.user and job.state in states.JOB_FINAL and not job.changes_gone
        holds_values = job.holds_values and not job.forgotten_to
        job.can_apply = may and job.dry_run and job.state in (states.COMPLETED, states.PARTIAL) and holds_values and not job.was_applied
        job.can_undo = may and not job.dry_run and job.track_changes and not job.was_undone


@api.depends("context")
def _pretty_context(jobs):
    for job in jobs:
        job.pretty_context = dumps(json.loads(job.context or "{}"), indent=2, sort_keys=True)


@api.depends("state", "processed_records", "failed_records", "cancelled_records", "dismissed_records")
def _shown(jobs):
    """Only the first rows: a job may have a hundred thousand operations, and its form must open quickly."""
    for job in jobs:
        own = [("job_id", "=", job.id)]
        job.shown_operation_ids = jobs.env["batch.operation"].search(own, limit=SHOWN, order="position")
        # by the store: a search may read all failures before those that stand
        job.shown_failure_ids = jobs.env["batch.failure"].browse(standing_after(jobs.env.cr, job.id, 0, SHOWN) if job.id else ())
        job.shown_warning_ids = jobs.env["batch.warning"].search([*own, ("retried_at", "=", False)], limit=SHOWN)


@api.depends("waits_for_limit", "ready", "limit_id")
def _waiting_text(jobs):
    texts = waiting_texts(jobs.env, {job.id: job.limit_id.id for job in jobs if waits(job)})
    for job in jobs:
        job.waiting_text = texts.get(job.id)


@api.depends("state", "processed_records", "failed_records", "cancelled_records")
def _shown_chunks(jobs):
    """Separate from `_shown`, as users without access to chunks can't compute this field."""
    for job in jobs:
        domain = [("job_id", "=", job.id)]
        job.shown_chunk_ids = jobs.env["batch.chunk"].search(domain, limit=SHOWN, order="id")


@api.depends("state", "failed_records", "cancelled_records", "dismissed_records")
def _failure_causes(jobs):
    """`causes` (see `run.causes`), and `more`: whether there are further ones."""
    for job in jobs:
        job.failure_causes = causes_of(jobs.env, job.id, _looked_at(job)) if job.id else False


def _sizing_report(jobs):
    """One line for each chunk size used, with its speed."""
    for job in jobs:
        rows = summary.chunk_sizes(jobs.env.cr, job.id, _looked_at(job), SHOWN) if job.id else ()
        job.sizing_report = "\n".join(
            jobs.env._(
                "%(type)s %(model)s: %(count)s chunks of %(size)s at %(rate).0f records/s",
                type=operation_type,
                model=model,
                count=count,
                size=size,
                rate=rate or 0.0,
            )
            for model, operation_type, size, count, rate in rows
        )


class BatchJob(models.Model):
    """Computed fields and buttons of a job for the backend's views."""

    _inherit = "batch.job"

    apply_job_id = fields.Many2one("batch.job", "Run for Real By", compute=_made_of_it, help="The job that does what this plan says.")
    undo_job_id = fields.Many2one("batch.job", "Undone By", compute=_made_of_it, help="The job that takes back what this one has changed.")
    can_apply = fields.Boolean(compute=_can_undo, help="You may run this plan for real.")
    can_undo = fields.Boolean(compute=_can_undo, help="You may try to undo this job.")
    waiting_text = fields.Char("Why It Waits", compute=_waiting_text, help="That its limit is used up, and by what; empty where it does not wait for it.")
    contents_text = fields.Char("Contents in Words", compute=_compute_contents, help="Types, models and numbers of its records.")
    has_records = fields.Boolean(compute=_compute_contents, help="There are records that it created or changed.")
    shown_operation_ids = fields.Many2many("batch.operation", string="First Operations", compute=_shown)
    shown_failure_ids = fields.Many2many("batch.failure", string="First Failures", compute=_shown)
    shown_warning_ids = fields.Many2many("batch.warning", string="First Warnings", compute=_shown)
    shown_chunk_ids = fields.Many2many(
        "batch.chunk",
        string="First Chunks",
        compute=_shown_chunks,
        groups="batch_executor.group_batch_manager",
    )
    failures_text = fields.Char(
        "Failures in Numbers", compute=_failures_text, help="How many of its failures stand; empty for none."
    )
    failure_causes = fields.Json("Causes", compute=_failure_causes, help="Failures that stand, by their cause.")
    sizing_report = fields.Text(
        "Chunk Sizes", compute=_sizing_report, help="The chunk sizes used, and the speed of each."
    )
    pretty_context = fields.Text(
        "Context Laid Out", compute=_pretty_context, help="Odoo's context for all operations."
    )

    @api.model
    def fields_get(self, allfields=None, attributes=None):
        """As Odoo's; people are not offered the engine's own fields for filters and groups."""
        described = super().fields_get(allfields, attributes)
        for name in INTERNAL & described.keys():
            described[name].update(dict.fromkeys({"searchable", "groupable", "sortable"} & described[name].keys(), False))
        return described

    def action_start(self):
        """Button: start the selected drafts. Returns as `_do_to_each`."""
        return _do_to_each(self, "start")

    def action_pause(self):
        """Button: pause the selected jobs. Returns as `_do_to_each`."""
        return _do_to_each(self, "pause")

    def action_resume(self):
        """Button: resume the selected jobs. Returns as `_do_to_each`."""
        return _do_to_each(self, "resume")

    def action_run_now(self):
        """Button: start the selected jobs before their time. Returns as `_do_to_each`."""
        return _do_to_each(self, "run_now")

    def action_cancel(self):
        """Button: cancel the selected jobs. Returns as `_do_to_each`."""
        return _do_to_each(self, "cancel")

    def action_retry(self):
        """Button: retry the selected jobs. Returns as `_do_to_each`."""
        return _do_to_each(self, "retry")

    def action_keep(self):
        """Button: keep the selected jobs from the clean-up; if all of them are kept, no longer.

        :returns: True
        :raises AccessError, UserError: see `write`
        """
        self.write({"keep": not all(job.keep for job in self)})
        return True

    def action_view_records(self, model=None):
        """Button: open the records that the job created or changed; where they are of several models, let the user choose one.

        :param str model: technical name, one of the job's
        :returns: an action
        :raises UserError: there are none
        """
        check_visible(self)
        models = _models_of_records(self)
        if not model and len(models) > 1:
            return _choice_of_models(self, models)
        model = model or next(iter(models), None)
        ids, is_complete = ids_of_job(self.env.cr, self.id, model, VIEWED_RECORDS) if model in models else ([], True)
        if not ids:
            raise UserError(self.env._("This job has no records to show."))
        name = isolate(self.name)
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Records of %s", name)
            if is_complete
            else self.env._("First %(count)s records of %(name)s", count=len(ids), name=name),
            "res_model": model,
            "view_mode": "list,form",
            "views": [(False, "list"), (False, "form")],
            "domain": [("id", "in", ids)],
            "context": {"active_test": False},
        }


def _models_of_records(job):
    """The models of which a job may have created or changed records, as keys, with the number of records sent as values."""
    models = {}
    for kind, model, _operations, records in json.loads(job.contents or "[]"):
        if kind != DELETE and model in job.env:
            models[model] = models.get(model, 0) + records
    return models


def _choice_of_models(job, models):
    """A dialog in which the user chooses of which model to open the records.

    :param dict models: technical name -> number of records sent; of a selection they are not known
    """
    labels = model_labels(job.env, models)
    return {
        "type": "ir.actions.client",
        "tag": "batch_executor.choose_records",
        "name": job.env._("Records of %s", isolate(job.name)),
        "target": "new",
        "params": {
            "job_id": job.id,
            "models": [{"model": model, "label": labels[model], "records": records} for model, records in models.items()],
        },
    }


def _looked_at(job):
    return LOOKED_AT if job.state in states.JOB_FINAL else LOOKED_AT_LIVE


def _do_to_each(jobs, verb):
    """Call a verb on selected jobs. If several are selected, jobs that refuse it are skipped and reported.

    :param str verb: name of the method
    :returns: True for a single job; for several, a notification with the number done
    :raises AccessError, BatchValidationError: see `check_caller`
    :raises UserError: a single job refuses the verb
    """
    check_caller(jobs.env)  # first, as the report can't be translated with an invalid language in the context
    if len(jobs) == 1:
        getattr(jobs, verb)()
        return True
    refused = {}
    for job in jobs.sorted("id"):  # always in the same order, so that two of these calls can't deadlock
        try:
            getattr(job, verb)()
        except UserError as error:
            # a verb refuses before it writes anything, so there is nothing to roll back
            refused.setdefault(str(error), []).append(isolate(job.name))
    return _report(jobs, verb, refused)


def _report(jobs, verb, refused):
    """A notification with the number of jobs done, and the jobs that refused.

    :param dict refused: reason -> names of the jobs that refused
    """
    env = jobs.env
    left = sum(map(len, refused.values()))
    titles = {
        "start": env._("Start"),
        "pause": env._("Pause"),
        "resume": env._("Resume"),
        "run_now": env._("Run Now"),
        "cancel": env._("Cancel"),
        "retry": env._("Retry"),
    }
    parts = [env._("Done for %(done)s of %(all)s jobs.", done=len(jobs) - left, all=len(jobs))]
    for reason, names in refused.items():
        shown = ", ".join(names[:NAMES_SHOWN]) + (", …" if len(names) > NAMES_SHOWN else "")
        parts.append(env._("%(count)s not (%(names)s): %(reason)s", count=len(names), names=shown, reason=reason))
    return {
        "type": "ir.actions.client",
        "tag": "display_notification",
        "params": {
            "title": titles[verb],
            "message": " ".join(parts),
            "type": "warning" if refused else "success",
            "sticky": bool(refused),
            "next": {"type": "ir.actions.act_window_close"},  # reloads the view
        },
    }
