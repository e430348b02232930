from odoo import api, models

from ..run.fast.messages import create_followers
from ..run.fast.switch import is_on


class MailFollowers(models.Model):
    _inherit = "mail.followers"

    @api.model_create_multi
    def create(self, vals_list):
        """As in Odoo. While a lane runs records, followers of many records that are alike are created at once."""
        if is_on(self.env):
            return create_followers(self, vals_list, super().create, MailFollowers)
        return super().create(vals_list)
