from odoo import api, models
from odoo.tools import SQL, ormcache


class ResUsers(models.Model):
    _inherit = "res.users"

    @api.model
    @ormcache("user_id")
    def _is_batch_user_active(self, user_id):
        """Whether a user is not archived. Cached: it is asked before each chunk; Odoo clears the cache when `active` changes."""
        query = SQL("SELECT 1 FROM res_users WHERE id = %s AND active", user_id, to_flush=self._fields["active"])
        return bool(self.env.execute_query(query))
