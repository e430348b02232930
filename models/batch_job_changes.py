from odoo import api, fields, models

from ..engine import origin
from ..engine.effects import EFFECT_COLUMNS
from ..run.access import check_submitter
from ..run.batch_action import open_job
from ..run.change_kinds import kinds_of
from ..run.numbers import outcomes, taken_back
from ..run.questions import apply_question, undo_question
from ..store.changes import first_changes
from .batch_job_views import LOOKED_AT, LOOKED_AT_LIVE, SHOWN


@api.depends("state", "processed_records", "track_changes", "changes_gone")
@api.depends_context("uid", "lang")
def _changes(jobs):
    for job in jobs:
        tracked = job.id if job.track_changes and not job.changes_gone else 0
        job.change_kinds = kinds_of(jobs.env, tracked, LOOKED_AT if job.is_final else LOOKED_AT_LIVE)
        job.changes_text = job.change_kinds["total"]
        ids = first_changes(jobs.env.cr, tracked, SHOWN + 1)
        job.shown_change_ids = jobs.env["batch.change"].browse(ids[:SHOWN])
        job.has_more_changes = len(ids) > SHOWN


@api.depends("dry_run", "origin_kind", "processed_records", *EFFECT_COLUMNS)
@api.depends_context("lang")
def _outcomes(jobs):
    for job in jobs:
        if job.origin_kind == origin.UNDO:
            job.outcomes_text = taken_back(jobs.env, job.processed_records)
        else:
            job.outcomes_text = outcomes(jobs.env, {column: job[column] for column in EFFECT_COLUMNS}, job.dry_run)


class BatchJob(models.Model):
    """What the backend shows of a job's changes."""

    _inherit = "batch.job"

    outcomes_text = fields.Char("Outcome", compute=_outcomes, help="How many records it has created, updated, left as they were and deleted.")
    changes_text = fields.Char("Changes in Numbers", compute=_changes, help="How many records it has changed, as far as they are counted.")
    change_kinds = fields.Json("Changes by Model", compute=_changes)
    shown_change_ids = fields.Many2many("batch.change", string="First Changes", compute=_changes)
    has_more_changes = fields.Boolean(compute=_changes, help="There are more changes than those that the form lists.")

    def action_apply(self, confirmed=False):
        """Button: run a plan for real, once the user has confirmed it.

        :param bool confirmed: whether that is so
        :returns: an action that asks, or one that opens the new job
        :raises AccessError, UserError: see `apply`
        """
        check_submitter(self)
        if not confirmed:
            title, label = self.env._("Run this plan for real?"), self.env._("Run for Real")
            return _ask(self, "action_apply", title, apply_question(self), label)
        return open_job(self.browse(self.apply()["job_id"]))

    def action_undo(self, confirmed=False):
        """Button: undo a job, once the user has confirmed it. As `action_apply`.

        :raises AccessError, UserError: see `undo`, and `undo_question`
        """
        check_submitter(self)
        if not confirmed:
            title, label = self.env._("Undo this job?"), self.env._("Undo")
            return _ask(self, "action_undo", title, undo_question(self, self.undo_preview()), label)
        return open_job(self.browse(self.undo()["job_id"]))


def _ask(job, method, title, text, label):
    """A dialog that calls a method of the job again once the user has confirmed it."""
    params = {"job_id": job.id, "method": method, "title": title, "text": text, "label": label}
    return {"type": "ir.actions.client", "tag": "batch_executor.confirm_verb", "params": params}
