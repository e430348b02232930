from odoo import api, models
from odoo.tools import SQL, ormcache


class ResUsers(models.Model):
    """A cached check for the engine."""

    _inherit = "res.users"

    @api.model
    @ormcache("user_id")
    def _is_batch_user_active(self, user_id):
        """Whether a user is not archived. Cached, as it is called for each chunk; Odoo clears the cache when `active` changes.

        :param int user_id: id of the user
        """
        query = SQL("SELECT 1 FROM res_users WHERE id = %s AND active", user_id, to_flush=self._fields["active"])
        return bool(self.env.execute_query(query))
