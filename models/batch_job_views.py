import json

from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..engine import states
from ..engine.payload import dumps
from ..store import summary

#: Rows that the lists in a job's form load; the buttons above them open all rows.
SHOWN = 200
#: Chunks read for the report of their sizes, and failures read for the summary of causes. A finished job is read once, the form of
#: a running one is read again every second.
LOOKED_AT = 10_000
LOOKED_AT_LIVE = 500
#: Causes that the summary names.
CAUSES_SHOWN = 10
#: Jobs named for each reason in the report of a mass action.
NAMES_SHOWN = 3


class BatchJob(models.Model):
    """What the backend's views show of a job, and their buttons."""

    _inherit = "batch.job"

    shown_operation_ids = fields.Many2many("batch.operation", string="First Operations", compute="_compute_shown")
    shown_failure_ids = fields.Many2many("batch.failure", string="First Failures", compute="_compute_shown")
    shown_chunk_ids = fields.Many2many(
        "batch.chunk",
        string="First Chunks",
        compute="_compute_shown_chunks",
        groups="batch_executor.group_batch_manager",
    )
    failure_causes = fields.Html(
        "Causes", compute="_compute_failure_causes", sanitize=False, help="Failures that stand, by what they say."
    )
    sizing_report = fields.Text(
        "Chunk Sizes", compute="_compute_sizing_report", help="The sizes that were run, and how fast each was."
    )
    pretty_context = fields.Text(
        "Context Laid Out", compute="_compute_pretty_context", help="Odoo's context of all operations."
    )

    @api.depends("state", "processed_records", "failed_records", "cancelled_records")
    def _compute_shown(self):
        """The first rows only: a job may hold a hundred thousand operations, and its form has to open at once."""
        for job in self:
            own = [("job_id", "=", job.id)]
            job.shown_operation_ids = self.env["batch.operation"].search(own, limit=SHOWN, order="position")
            job.shown_failure_ids = self.env["batch.failure"].search([*own, ("retried_at", "=", False)], limit=SHOWN)

    @api.depends("state", "processed_records", "failed_records", "cancelled_records")
    def _compute_shown_chunks(self):
        """A method of its own: users who may not see chunks may not compute them either."""
        for job in self:
            domain = [("job_id", "=", job.id)]
            job.shown_chunk_ids = self.env["batch.chunk"].search(domain, limit=SHOWN, order="id")

    @api.depends("state", "failed_records", "cancelled_records")
    def _compute_failure_causes(self):
        for job in self:
            most = _looked_at(job)
            causes = summary.failure_causes(self.env.cr, job.id, most, CAUSES_SHOWN) if job.id else []
            shown = _causes_table(causes) if causes else False
            if causes and causes[0][-1] >= most:
                shown += Markup("<p class='text-muted'>%s</p>") % self.env._("Of the first %s failures.", int(causes[0][-1]))
            job.failure_causes = shown

    def _compute_sizing_report(self):
        """What an adaptive chunk size has tried and chosen."""
        for job in self:
            rows = summary.chunk_sizes(self.env.cr, job.id, _looked_at(job), SHOWN)
            job.sizing_report = "\n".join(
                self.env._(
                    "%(type)s %(model)s: %(count)s chunks of %(size)s at %(rate).0f records/s",
                    type=operation_type,
                    model=model,
                    count=count,
                    size=size,
                    rate=rate or 0.0,
                )
                for model, operation_type, size, count, rate in rows
            )

    @api.depends("context")
    def _compute_pretty_context(self):
        for job in self:
            job.pretty_context = dumps(json.loads(job.context or "{}"), indent=2, sort_keys=True)

    def action_start(self):
        return _do_to_each(self, "start", self.env._("Start"))

    def action_pause(self):
        return _do_to_each(self, "pause", self.env._("Pause"))

    def action_resume(self):
        return _do_to_each(self, "resume", self.env._("Resume"))

    def action_cancel(self):
        return _do_to_each(self, "cancel", self.env._("Cancel"))

    def action_retry(self):
        return _do_to_each(self, "retry", self.env._("Retry"))


def _looked_at(job):
    return LOOKED_AT if job.state in states.JOB_FINAL else LOOKED_AT_LIVE


def _causes_table(causes):
    row = Markup(
        "<tr><td class='text-end text-nowrap'>%s &#215;</td><td class='text-nowrap'>%s</td><td class='text-nowrap'>%s</td><td>%s</td></tr>"
    )
    rows = Markup().join(
        row % (count, error_type, model or "", message or "") for count, model, error_type, message, _total in causes
    )
    return Markup("<table class='table table-sm mb-0'><tbody>%s</tbody></table>") % rows


def _do_to_each(jobs, verb, title):
    """Call a verb on selected jobs. A single job raises why it can't; of several, all that can be are done.

    :param str verb: name of the method
    :param str title: what it is called in the backend
    :returns: True, or the notification that says what was done
    """
    if len(jobs) == 1:
        getattr(jobs, verb)()
        return True
    refused = {}
    for job in jobs.sorted("id"):  # in one order, so that two of these calls can't lock each other out
        try:
            getattr(job, verb)()
        except UserError as error:
            # refused before anything was written: there is nothing to roll back
            refused.setdefault(str(error), []).append(job.name)
    return _report(jobs, title, refused)


def _report(jobs, title, refused):
    """A notification of what was done.

    :param dict refused: reason -> names of the jobs that were left as they are
    """
    env = jobs.env
    left = sum(map(len, refused.values()))
    parts = [env._("Done for %(done)s of %(all)s jobs.", done=len(jobs) - left, all=len(jobs))]
    for reason, names in refused.items():
        shown = ", ".join(names[:NAMES_SHOWN]) + (", …" if len(names) > NAMES_SHOWN else "")
        parts.append(env._("%(count)s not (%(names)s): %(reason)s", count=len(names), names=shown, reason=reason))
    return {
        "type": "ir.actions.client",
        "tag": "display_notification",
        "params": {
            "title": title,
            "message": " ".join(parts),
            "type": "warning" if refused else "success",
            "sticky": bool(refused),
            "next": {"type": "ir.actions.act_window_close"},  # makes the view load again
        },
    }
