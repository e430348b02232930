from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..engine import states
from ..engine.payload import dumps
from ..store.planning import by_index, rows_of

#: Rows of a job's lists that its form loads; all of them are behind the buttons above.
SHOWN = 200
#: Chunks looked at for the report of their sizes, failures for the summary of causes: once, when a job is over, and each
#: time that its form looks again meanwhile, which is every second.
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

    def _compute_sizing_report(self):
        """Which chunk sizes a job has run with, and how fast each was: what an adaptive size has tried and chosen."""
        for job in self:
            rows = self.env.execute_query(
                SQL(
                    """
                    SELECT model, operation_type, record_count, count(*), sum(record_count) / nullif(sum(duration), 0)
                      FROM (
                        SELECT * FROM batch_chunk WHERE job_id = %s ORDER BY id LIMIT %s
                      ) AS chunk
                     WHERE kind = 'records' AND state = 'done' AND record_count > 0
                     GROUP BY model, operation_type, record_count
                     ORDER BY model, operation_type, record_count
                     LIMIT %s
                    """,
                    job.id,
                    job._looked_at(),
                    SHOWN,
                )
            )
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

    @api.depends("state", "processed_records", "failed_records", "cancelled_records")
    def _compute_shown(self):
        """A bounded part: a job may hold a hundred thousand operations, and its form has to open at once."""
        for job in self:
            own = [("job_id", "=", job.id)]
            job.shown_operation_ids = self.env["batch.operation"].search(own, limit=SHOWN, order="position")
            job.shown_failure_ids = self.env["batch.failure"].search([*own, ("retried_at", "=", False)], limit=SHOWN)

    @api.depends("state", "processed_records", "failed_records", "cancelled_records")
    def _compute_shown_chunks(self):
        """Apart from the others: a user who may not see chunks may not compute them either."""
        for job in self:
            domain = [("job_id", "=", job.id)]
            job.shown_chunk_ids = self.env["batch.chunk"].search(domain, limit=SHOWN, order="id")

    def _looked_at(self):
        return LOOKED_AT if self.state in states.JOB_FINAL else LOOKED_AT_LIVE

    @api.depends("state", "failed_records", "cancelled_records")
    def _compute_failure_causes(self):
        for job in self:
            with by_index(self.env.cr):
                causes = job._causes() if job.id else []
            looked_at = causes[0][-1] if causes else 0
            shown = _causes_table(causes) if causes else False
            if looked_at >= job._looked_at():
                shown += Markup("<p class='text-muted'>%s</p>") % self.env._("Of the first %s failures.", int(looked_at))
            job.failure_causes = shown

    def _causes(self):
        """How often the first failures say the same, numbers aside, one of them as an example, and how many those are."""
        return self.env.execute_query(SQL(
            """
            SELECT count(*), min(model), error_type, min(message), sum(count(*)) OVER () AS looked_at
              FROM (
                SELECT model, error_type, left(message, 500) AS message
                  FROM batch_failure
                 WHERE %(own)s
                   AND retried_at IS NULL
                 ORDER BY job_id, id
                 LIMIT %(limit)s
              ) AS failure
             GROUP BY error_type, regexp_replace(message, '[0-9]+', '#', 'g')
             ORDER BY count(*) DESC, min(message)
             LIMIT %(causes)s
            """,
            own=rows_of("job_id", self.id),
            limit=self._looked_at(),
            causes=CAUSES_SHOWN,
        ))

    @api.depends("context")
    def _compute_pretty_context(self):
        for job in self:
            job.pretty_context = dumps(job._get_context(), indent=2, sort_keys=True)

    # -- buttons -----------------------------------------------------------------------------------

    def action_start(self):
        return self._do_to_each("start", self.env._("Start"))

    def action_pause(self):
        return self._do_to_each("pause", self.env._("Pause"))

    def action_resume(self):
        return self._do_to_each("resume", self.env._("Resume"))

    def action_cancel(self):
        return self._do_to_each("cancel", self.env._("Cancel"))

    def action_retry(self):
        return self._do_to_each("retry", self.env._("Retry"))

    def _do_to_each(self, verb, title):
        """Steer selected jobs. One alone says by its error why it can't be; of several, all that can be are.

        :param str verb: name of the method
        :param str title: what it is called in the backend
        :returns: True, or the notification that says what was done
        """
        if len(self) == 1:
            getattr(self, verb)()
            return True
        refused = {}
        for job in self.sorted("id"):  # in one order, so that two of these calls can't lock each other out
            try:
                getattr(job, verb)()
            except UserError as error:
                # refused before anything was written: there is nothing to roll back
                refused.setdefault(str(error), []).append(job.name)
        return self._report(title, refused)

    def _report(self, title, refused):
        """A notification of what was done.

        :param dict refused: names of the jobs left as they are, by the reason why
        """
        left = sum(map(len, refused.values()))
        parts = [self.env._("Done for %(done)s of %(all)s jobs.", done=len(self) - left, all=len(self))]
        for reason, names in refused.items():
            shown = ", ".join(names[:NAMES_SHOWN]) + (", …" if len(names) > NAMES_SHOWN else "")
            parts.append(
                self.env._("%(count)s not (%(names)s): %(reason)s", count=len(names), names=shown, reason=reason)
            )
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

    def action_view_operations(self):
        return self._view_action("batch.operation", self.env._("Operations"))

    def action_view_chunks(self):
        return self._view_action("batch.chunk", self.env._("Chunks"))

    def action_view_failures(self):
        action = self._view_action("batch.failure", self.env._("Failures"))
        action["context"] = {"search_default_standing": 1}
        return action

    def action_view_warnings(self):
        action = self._view_action("batch.warning", self.env._("Warnings"))
        return {**action, "view_mode": "list", "context": {"search_default_standing": 1}}

    def _view_action(self, model, name):
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": name,
            "res_model": model,
            "view_mode": "list,form",
            "domain": [("job_id", "=", self.id)],
        }


def _causes_table(causes):
    row = Markup(
        "<tr><td class='text-end text-nowrap'>%s &#215;</td><td class='text-nowrap'>%s</td><td class='text-nowrap'>%s</td><td>%s</td></tr>"
    )
    rows = Markup().join(
        row % (count, error_type, model or "", message or "") for count, model, error_type, message, _looked_at in causes
    )
    return Markup("<table class='table table-sm mb-0'><tbody>%s</tbody></table>") % rows
