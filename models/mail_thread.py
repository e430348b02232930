from odoo import models

from ..run.fast.messages import creation_message
from ..run.fast.tracking import has_no_template, logs_of, logs_together


class MailThread(models.AbstractModel):
    """While a lane runs records, messages about changed fields of many records are written together."""

    _inherit = "mail.thread"

    def _creation_message(self):
        """As in Odoo."""
        return creation_message(self, super()._creation_message, MailThread)

    def _message_track(self, fields_iter, initial_values_dict):
        """As in Odoo."""
        with logs_together(self):
            return super()._message_track(fields_iter, initial_values_dict)

    def _message_track_post_template(self, changes):
        """As in Odoo, which does nothing if the model has no templates."""
        return has_no_template(self) or super()._message_track_post_template(changes)

    def _message_log(self, **kwargs):
        """As in Odoo. What its tracking logs may be kept for later, and then there is no message to return yet."""
        logs = logs_of(self.env)
        if logs and logs.keep(self, kwargs):
            return self.env["mail.message"]
        return super()._message_log(**kwargs)
