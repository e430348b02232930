from odoo import api, fields, models
from odoo.exceptions import AccessError, ValidationError
from odoo.service.model import get_public_method

from ..engine import options
from ..run.batch_action import FIELD_OF_OPTION, is_automated, option_problems, run_batch_action
from ..run.caller import GROUP_USER
from .batch_job import NOTIFY_LABELS, ROLLBACK_LABELS

BATCH = "batch"


def _delete_with_cron(actions):
    """Delete batch actions when the addon is uninstalled; those of scheduled actions together with these, which refer to them."""
    crons = actions.env["ir.cron"].with_context(active_test=False)
    crons.search([("ir_actions_server_id", "in", actions.ids)]).unlink()
    actions.unlink()


class IrActionsServer(models.Model):
    """The type *Run as Batch Job*: a server action that submits a job for the records it is run on."""

    _inherit = "ir.actions.server"

    state = fields.Selection(selection_add=[(BATCH, "Run as Batch Job")], ondelete={BATCH: _delete_with_cron})
    batch_type = fields.Selection(
        [("update", "Update"), ("call", "Call a Method"), ("delete", "Delete"), ("action", "Run a Server Action")],
        "Do This",
        default="update",
        help="What the job does to the records.",
    )
    batch_method = fields.Char(
        "Method", help="Name of a public method of the model, as action_archive. It is called without arguments."
    )
    batch_action_id = fields.Many2one(
        "ir.actions.server",
        "Action to Run",
        ondelete="restrict",
        help="Runs on the records of each chunk, with the rights of the job's user.",
    )
    batch_domain = fields.Char(
        "Filter", help="The records to take where none are selected: in a scheduled action, or where the action is run by itself."
    )
    batch_chunk_size = fields.Integer("Chunk Size", help="Most records in one transaction. 0: adapted to how long they take.")
    batch_concurrency = fields.Integer("Concurrency", help="Most chunks at once. 0: as the settings say. 1: strictly in order.")
    batch_limit_id = fields.Many2one(
        "batch.limit",
        "Limit",
        ondelete="restrict",
        help="How much of the job may run at once, or in a second, together with others of the same limit.",
    )
    batch_rollback = fields.Selection(
        ROLLBACK_LABELS,
        "Undo on Failure",
        default=options.ROLLBACK_RECORD,
    )
    batch_dry_run = fields.Boolean("Dry Run", help="Run everything, report the results, and roll everything back at the end.")
    batch_quiet = fields.Boolean(
        "Quiet", help="No chatter: no tracking, no log of creation, no followers. Business rules run as always."
    )
    batch_skip_unchanged = fields.Boolean(
        "Skip Unchanged", help="Updates, upserts and imports don't write records that hold all their values already."
    )
    batch_track_changes = fields.Boolean(
        "Remember Changes",
        help="Remember of each record what it was before, and what it was afterwards: the job shows it, and can be undone.",
    )
    batch_webhook_id = fields.Many2one(
        "batch.webhook", "Webhook", ondelete="restrict", help="Where the status of the job is sent when it is final."
    )
    batch_notify = fields.Selection(
        NOTIFY_LABELS, "Notify", help="Whether the one who runs it is told of the end of the job. Empty: as the preferences of that user say."
    )

    @api.model_create_multi
    def create(self, vals_list):
        """As in Odoo; menus show a batch action to batch users only."""
        actions = super().create(vals_list)
        actions._default_batch_group()
        return actions

    def write(self, vals):
        """As in Odoo; menus show a batch action to batch users only."""
        result = super().write(vals)
        if vals.get("state") == BATCH:
            self._default_batch_group()
        return result

    def _default_batch_group(self):
        """Rules run for everybody, and the scheduler's user needs no menu: their actions get no group."""
        for action in self:
            if action.state == BATCH and action.usage == "ir_actions_server" and not (action.group_ids or action.parent_id):
                action.group_ids = self.env.ref(GROUP_USER)

    @api.constrains("state", *FIELD_OF_OPTION.values())
    def _check_batch_options(self):
        """Each job of such an action would be refused."""
        for action in self:
            if action.state == BATCH and (problems := option_problems(action)):
                raise ValidationError("\n".join(problems.lines()))

    # -- the editor --------------------------------------------------------------------------------

    def _name_depends(self):
        return [*super()._name_depends(), "batch_type", "model_id"]

    def _generate_action_name(self):
        if self.state != BATCH or not self.batch_type:
            return super()._generate_action_name()
        doing = dict(self._fields["batch_type"]._description_selection(self.env))[self.batch_type]
        return self.env._("Batch: %(doing)s (%(model)s)", doing=doing, model=self.model_id.name or "")

    @api.depends("batch_type")
    def _compute_crud_relations(self):
        """A batch update names its field as Odoo's own *Update Record* does."""
        updates = self.filtered(lambda action: action.state == BATCH and action.batch_type == "update")
        done = super(IrActionsServer, self - updates)._compute_crud_relations()
        for action in updates:
            action.crud_model_id, action.update_field_id = action.model_id, False
            if action.model_id and action.update_path:
                action.crud_model_id, field = action._traverse_path()
                action.update_field_id = field
                relation = action.evaluation_type == "value" and field.relation
                action.update_related_model_id = self.env["ir.model"]._get_id(relation) if relation else False
        return done

    @api.model
    def _warning_depends(self):
        return [*super()._warning_depends(), "batch_type", "batch_method", "batch_action_id.model_id", "batch_action_id.state"]

    def _get_warning_messages(self):
        warnings = super()._get_warning_messages()
        if self.state == BATCH and self.model_id and (warning := self._batch_warning()):
            warnings.append(warning)
        return warnings

    def _batch_warning(self):
        """Why a batch action can't run, or None."""
        action, env = self.batch_action_id, self.env
        if self.batch_type == "update" and not self.update_path:
            return env._("Choose the field to update.")
        if self.batch_type == "call":
            try:
                get_public_method(env[self.model_id.model], self.batch_method or "")
            except (AccessError, AttributeError):
                return env._("%(model)s has no public method %(method)s.", model=self.model_id.name, method=self.batch_method or "")
        if self.batch_type == "action":
            if not action:
                return env._("Choose the action to run.")
            if action.model_id != self.model_id:
                return env._("The action to run is for another model: %s.", action.model_id.name)
            if action.state == BATCH or action == self:
                return env._("The action to run must not be a batch action itself.")
        return None

    # -- running -----------------------------------------------------------------------------------

    def _can_execute_action_on_records(self, records):
        """As in Odoo; a batch action can be run by batch users only, except by an automation rule."""
        if self.state == BATCH and not is_automated(self.env) and not self.env.user.has_group(GROUP_USER):
            raise AccessError(self.env._("You may not use batch jobs; the group 'Batch / User' is needed for it."))
        return super()._can_execute_action_on_records(records)

    def _run_action_batch_multi(self, eval_context=None):
        """Run a batch action; returns as `run_batch_action`."""
        env = eval_context["env"]
        records = eval_context["records"] or eval_context["record"] or env[self.model_name]
        return run_batch_action(self, env, records)
