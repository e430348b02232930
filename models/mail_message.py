from odoo import api, models

from ..run.fast.messages import create_messages
from ..run.fast.switch import is_on


class MailMessage(models.Model):
    _inherit = "mail.message"

    @api.model_create_multi
    def create(self, vals_list):
        """As in Odoo. While a lane runs records, messages of many records that are alike are created at once."""
        if is_on(self.env):
            return create_messages(self, vals_list, super().create, MailMessage)
        return super().create(vals_list)
