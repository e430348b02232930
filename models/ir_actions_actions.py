from odoo import api, models, tools


class IrActionsActions(models.Model):
    _inherit = "ir.actions.actions"

    @api.model
    def get_bindings(self, model_name):
        """As in Odoo; says which actions are batch actions: the list sends its domain for these, not its ids."""
        bindings = super().get_bindings(model_name)
        batch_ids = self._batch_bindings(model_name)
        if batch_ids and "action" in bindings:
            bindings["action"] = [
                {**action, "is_batch": True} if action["id"] in batch_ids else action for action in bindings["action"]
            ]
        return bindings

    @api.model
    @tools.ormcache("model_name")
    def _batch_bindings(self, model_name):
        """Ids of the batch actions in the menus of a model. Odoo clears this cache whenever an action changes."""
        domain = [("state", "=", "batch"), ("binding_model_id.model", "=", model_name)]
        return frozenset(self.env["ir.actions.server"].sudo().search(domain).ids)
