from itertools import chain, count

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from ..engine.reader import MAX_NAME, is_name

#: Server actions that an error names.
ACTIONS_SHOWN = 3


class BatchNamed(models.AbstractModel):
    """What limits and webhooks have in common: jobs name them, by a name that no other one has, and no new job does once they are archived."""

    _name = "batch.named"
    _description = "Named by Batch Jobs"
    #: The field of `ir.actions.server` by which batch actions name it.
    _field_of_actions = None

    name = fields.Char(required=True)
    active = fields.Boolean(default=True)

    @api.constrains("name")
    def _check_name(self):
        """Jobs can name it: see the options in `engine.options`."""
        if not all(is_name(named.name) for named in self):
            raise ValidationError(self.env._("The name must be a text of 1 to %s characters, by which jobs can name it.", MAX_NAME))

    def write(self, vals):
        """As in Odoo; what actions name is not archived.

        :param dict vals: as for `write` of any model
        :raises UserError: batch actions name it, whose jobs would be refused
        """
        if not vals.get("active", True):
            self.check_access("write")  # the error names actions
            self._check_no_action_names_it()
        return super().write(vals)

    def _check_no_action_names_it(self):
        actions = self.env["ir.actions.server"].sudo().search([(self._field_of_actions, "in", self.ids), ("state", "=", "batch")])
        if actions:
            shown = ", ".join(actions[:ACTIONS_SHOWN].mapped("name")) + (", …" if len(actions) > ACTIONS_SHOWN else "")
            raise UserError(
                self.env._(
                    "%(name)s can't be archived, as server actions name it, whose jobs would be refused: %(actions)s.",
                    name=", ".join(actions[self._field_of_actions].mapped("name")),
                    actions=shown,
                )
            )

    def copy_data(self, default=None):
        """As in Odoo, with a name that none has yet, unless `default` has one."""
        vals_list = super().copy_data(default)
        if "name" in (default or {}):
            return vals_list
        taken = set()
        for named, vals in zip(self, vals_list, strict=True):
            vals["name"] = named._free_name(taken)
            taken.add(vals["name"])
        return vals_list

    def _free_name(self, taken):
        """A name for a copy of this record.

        :param set taken: names that are to be given to others
        """
        everyone = self.sudo().with_context(active_test=False)
        endings = chain([self.env._("(copy)")], (self.env._("(copy %s)", number) for number in count(2)))
        names = (f"{self.name[: MAX_NAME - len(ending) - 1]} {ending}" for ending in endings)
        return next(name for name in names if name not in taken and not everyone.search_count([("name", "=", name)], limit=1))
