from odoo import api, models

from ..run.fast.pictures import kept_of


class IrAttachment(models.Model):
    """While a lane runs records, attachments that hold the sizes of pictures are created together."""

    _inherit = "ir.attachment"

    @api.model_create_multi
    def create(self, vals_list):
        """As in Odoo. What is kept for later is not there yet: Odoo does not look at what it gets for these."""
        kept = kept_of(self.env)
        if kept and kept.keep(self, vals_list):
            return self.browse()
        return super().create(vals_list)

    def _search(self, *args, **kwargs):
        """As in Odoo, once what is kept has been created."""
        if kept := kept_of(self.env):
            kept.flush()
        return super()._search(*args, **kwargs)
