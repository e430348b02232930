# pylint: disable=unknown-option-value,no-wizard-in-models
import ast
import json

from lxml import etree
from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain

from ..engine import options
from ..run.batch_action import job_context, open_job
from ..run.caller import check_caller
from ..run.numbers import tried_on
from ..run.plan import plan_of
from ..run.submission import check_options
from ..run.trust import action_refusal
from .batch_job import NOTIFY_LABELS, ROLLBACK_LABELS

#: Models of ours, whose records only the engine and their own buttons change.
OWN = "batch."
#: Most characters of a filter. To read it takes some hundred bytes for each of them.
FILTER_LENGTH = 300_000


class _WithUid(ast.NodeTransformer):
    """Puts an id in place of the name `uid`, the only one that Odoo's editor of filters uses."""

    def __init__(self, uid):
        self.uid = uid

    def visit_Name(self, node):
        return ast.Constant(self.uid) if node.id == "uid" else node


class BatchWizard(models.TransientModel):
    """*Run in batch…* and *Batch > New*: what to do with which records; a plan; then a job.

    A further source of work adds a choice to `source`, a page to the form, and its case to `_operation`.
    """

    _name = "batch.wizard"
    _description = "New Batch"

    step = fields.Selection([("edit", "What To Do"), ("plan", "Plan")], default="edit", required=True)
    source = fields.Selection(
        [("selected", "The selected records"), ("domain", "All records that match a filter")],
        "Records",
        default="domain",
        required=True,
    )
    is_from_list = fields.Boolean(help="Opened from a list: the model is that of the list.")
    model_name = fields.Char("Model")
    record_ids = fields.Json(help="Ids of the selected records.")
    selected_count = fields.Integer("Selected", compute="_compute_selected_count")
    domain = fields.Char("Filter", default="[]")
    list_context = fields.Json(help="Odoo's context of the list.")

    batch_type = fields.Selection(
        [("update", "Update"), ("call", "Press a Button"), ("delete", "Delete"), ("action", "Run a Server Action")],
        "Do This",
        default="update",
        required=True,
    )
    is_deletion = fields.Boolean(compute="_compute_is_deletion", help="It deletes records.")
    values = fields.Text(help="The new values by field, as JSON.")
    method = fields.Char("Button", help="Name of a public method of the model, without arguments: what the button calls.")
    action_id = fields.Integer("Server Action")

    name = fields.Char(help="Name of the job.")
    max_chunk_size = fields.Integer("Chunk Size", help="Most records in one transaction. 0: adapted to how long they take.")
    max_concurrency = fields.Integer("Concurrency", help="Most chunks at once. 0: as the settings say. 1: strictly in order.")
    limit_id = fields.Many2one("batch.limit", help="How much of the job may run at once, or in a second, together with others of the same limit.")
    rollback = fields.Selection(
        ROLLBACK_LABELS,
        "Undo on Failure",
        help="What is undone where a record fails: just that record, or with it what ran together with it, or the whole job.",
        default=options.ROLLBACK_RECORD,
        required=True,
    )
    dry_run = fields.Boolean(help="Run everything, report the results, and roll everything back at the end.")
    quiet = fields.Boolean(help="No chatter: no tracking, no log of creation, no followers. Business rules run as always.")
    skip_unchanged = fields.Boolean(
        help="Updates, upserts and imports don't write records that hold all their values already."
    )
    track_changes = fields.Boolean(
        "Remember Changes",
        compute="_compute_track_changes",
        store=True,
        readonly=False,
        help="Remember of each record what it was before, and what it was afterwards: the job shows it, and can be undone.",
    )
    run_at = fields.Datetime("Not Before", help="When the job is to start. Empty: at once.")
    webhook_id = fields.Many2one(
        "batch.webhook",
        domain="[('company_id', 'in', [current_company_id, False])]",
        help="Where the status of the job is sent when it is final.",
    )
    notify = fields.Selection(
        NOTIFY_LABELS, help="Whether you are told of the end of the job. Empty: as your preferences say."
    )
    plan = fields.Html(readonly=True, sanitize=False)
    can_run = fields.Boolean(readonly=True, help="The plan has found something to run.")

    @api.depends("record_ids")
    def _compute_selected_count(self):
        for wizard in self:
            wizard.selected_count = len(wizard.record_ids or ())

    @api.depends("batch_type", "source", "dry_run")
    def _compute_is_deletion(self):
        for wizard in self:
            by_records = wizard.source in ("selected", "domain")
            wizard.is_deletion = by_records and wizard.batch_type == "delete" and not wizard.dry_run

    @api.depends("batch_type", "source")
    def _compute_track_changes(self):
        """An update of many records is what people want to take back."""
        for wizard in self:
            wizard.track_changes = wizard.source in ("selected", "domain") and wizard.batch_type == "update"

    @api.onchange("model_name")
    def _onchange_model_name(self):
        """What was chosen for another model means nothing for this one."""
        if not self.is_from_list:
            self.domain, self.values, self.method, self.action_id = "[]", False, False, False

    # -- what it opens -----------------------------------------------------------------------------

    @api.model
    def open_for(self, model_name, record_ids=None, domain=None):
        """Open the wizard for records of a list.

        :param str model_name: model of the list
        :param list record_ids: the selected records; None if all that match are meant
        :param list domain: the filter of the list
        :returns: an action that opens the wizard
        :raises AccessError: the caller is no batch user
        """
        check_caller(self.env)
        context = job_context(self.env.context)
        wizard = self.with_env(self.env(context=context)).create(  # default values in it are meant for new records of the list
            {
                "is_from_list": True,
                "model_name": model_name,
                "source": "domain" if record_ids is None else "selected",
                "record_ids": record_ids,
                "domain": str(domain or []),
                "list_context": context,
            }
        )
        return wizard._reopen()

    def _reopen(self):
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Run in batch") if self.is_from_list else self.env._("New Batch"),
            "res_model": self._name,
            "res_id": self.id,
            "views": [[False, "form"]],
            "target": "new",
        }

    @api.model
    def choices(self, kind, model_name=None):
        """What can be chosen in the wizard.

        :param str kind: `model`, `method` (buttons of the model's form) or `action` (server actions)
        :param str model_name: technical name of the model, for `method` and `action`
        :returns: list of `[value, label]`
        """
        check_caller(self.env)
        if kind == "model":
            models_of_user = self.env["ir.model"].get_available_models()
            return [[one["model"], one["display_name"]] for one in models_of_user if not one["model"].startswith(OWN)]
        if model_name not in self.env:
            return []
        return self._buttons(model_name) if kind == "method" else self._actions(model_name)

    def _buttons(self, model_name):
        """The buttons of the model's form view that the user may see, as `choices`."""
        try:
            arch = self.env[model_name].get_view(view_type="form")["arch"]
        except (AccessError, UserError):
            return []
        buttons = {}
        for button in etree.fromstring(arch).iter("button"):
            name, label = button.get("name"), button.get("string") or button.get("title")
            if button.get("type") == "object" and name and not name.startswith("_"):
                buttons.setdefault(name, label or name)
        return [[name, label] for name, label in buttons.items()]

    def _actions(self, model_name):
        """The server actions in the model's menus that the user may run, as `choices`."""
        ids = [action["id"] for action in self.env["ir.actions.actions"].get_bindings(model_name).get("action", ())]
        actions = self.env["ir.actions.server"].sudo().search([("id", "in", ids), ("state", "!=", "batch")])
        return [[action.id, action.name] for action in actions if not action_refusal(action, model_name, self.env.user)]

    # -- what it does ------------------------------------------------------------------------------

    def _operation(self):
        """The operation that the wizard stands for.

        :raises UserError: something is missing
        """
        if not self.model_name or self.model_name not in self.env:
            raise UserError(self.env._("Choose a model."))
        return {"model": self.model_name, **self._targets(), **self._work()}

    def _targets(self):
        if self.source == "selected":
            if not self.record_ids:
                raise UserError(self.env._("Select the records first."))
            return {"record_ids": self.record_ids}
        text = self.domain or "[]"
        if len(text) > FILTER_LENGTH:
            raise UserError(self.env._("The filter is too long."))
        try:  # a user's text: literals only, nothing is computed
            domain = ast.literal_eval(_WithUid(self.env.uid).visit(ast.parse(text.strip(), mode="eval")))
            Domain(domain).validate(self.env[self.model_name])
        except Exception as error:
            raise UserError(self.env._("The filter is not valid: %s", error)) from error
        return {"domain": domain}

    def _work(self):
        if self.batch_type == "call":
            if not self.method:
                raise UserError(self.env._("Choose a button."))
            return {"operation_type": "call", "method": self.method}
        if self.batch_type == "action":
            if not self.action_id:
                raise UserError(self.env._("Choose a server action."))
            return {"operation_type": "action", "action": self.action_id}
        if self.batch_type == "delete":
            return {"operation_type": "delete"}
        try:
            values = json.loads(self.values or "{}")
        except (ValueError, RecursionError) as error:
            raise UserError(self.env._("The new values are not valid JSON: %s", error)) from error
        if not isinstance(values, dict):
            raise UserError(self.env._("The new values must be an object, as {\"city\": \"Ghent\"}."))
        if not values:
            raise UserError(self.env._("Choose a field, and its new value."))
        return {"operation_type": "update", "data": values}

    def _options(self):
        return {
            "name": self.name or None,
            "max_chunk_size": self.max_chunk_size,
            "max_concurrency": self.max_concurrency or None,
            "rollback": self.rollback,
            "dry_run": self.dry_run,
            "quiet": self.quiet,
            "skip_unchanged": self.skip_unchanged,
            "track_changes": self.track_changes,
            "run_at": self.run_at or None,
            "notify": self.notify or None,
            "limit": self.limit_id.name or None,
            "webhook": self.webhook_id.name or None,
        }

    def _check_options(self):
        """Refuse what `submit` would refuse, by the labels of the fields.

        :raises BatchValidationError: an option is wrong
        """
        wanted = self._options()
        labels = {name: told["string"] for name, told in self.fields_get([*wanted], ["string"]).items()}
        check_options(self._env(), wanted, labels)

    def action_plan(self):
        """Button: show what would happen to the first records.

        :returns: an action that shows the plan
        :raises UserError: something is missing
        :raises BatchValidationError: the work would be refused
        """
        self.ensure_one()
        check_caller(self.env)
        operation = self._operation()
        self._check_options()
        plan = plan_of(self._env(), operation, {"quiet": self.quiet})
        waits = bool(self.run_at and self.source == "domain")  # what matches is looked up when the job starts
        self.write({"plan": self._shown(plan), "can_run": bool(plan.count) or waits, "step": "plan"})
        return self._reopen()

    def action_edit(self):
        """Button: back from the plan."""
        self.step = "edit"
        return self._reopen()

    def action_run(self):
        """Button: submit the job.

        :returns: an action that opens the job
        :raises UserError, BatchValidationError: as `action_plan`
        """
        self.ensure_one()
        check_caller(self.env)
        self._check_options()
        jobs = self._env()["batch.job"]
        job_id = jobs.submit([self._operation()], **self._options())["job_id"]
        return open_job(jobs.browse(job_id))

    def _env(self):
        """The environment of the job: the list's context, with the user's language and companies of now."""
        return self.env(context={**(self.list_context or {}), **job_context(self.env.context)})

    def _shown(self, plan):
        """A plan as HTML."""
        row = Markup("<tr><td><bdi>%s</bdi></td><td>%s</td></tr>")
        rows = Markup().join(row % (trial.name, self._shown_trial(trial)) for trial in plan.trials)
        head = tried_on(self.env, plan.count, len(plan.trials))
        if not plan.trials:
            head = self.env._("No record matches.")
        error = Markup("<p class='text-danger'>%s</p>") % plan.error if plan.error else Markup()
        table = Markup("<div class='table-responsive'><table class='table table-sm'><tbody>%s</tbody></table></div>") % rows
        return Markup("<p>%s</p>") % head + error + table

    def _shown_trial(self, trial):
        if trial.error:
            return Markup("<span class='text-danger'><bdi>%s</bdi></span>") % trial.error
        if trial.is_deleted:
            return self.env._("would be deleted")
        if not trial.changes:
            return Markup("<span class='text-muted'>%s</span>") % self.env._("no visible change")
        return Markup().join(map(self._shown_change, trial.changes))

    def _shown_change(self, change):
        """A changed field, as the list of a job's changes shows it."""
        sides = [
            Markup("<bdi>{}<{tag}>{}</{tag}>{}</bdi>").format(change["head"], change[side], change["tail"], tag=Markup(tag))
            if change["head"] or change[side] or change["tail"]
            else Markup("<i class='text-muted'>%s</i>") % self.env._("empty")
            for side, tag in (("before", "del"), ("after", "ins"))
        ]
        return Markup("<div class='o_batch_difference'>%s: %s → %s</div>") % (change["label"], *sides)
