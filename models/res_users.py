from odoo import api, fields, models
from odoo.tools import SQL, ormcache

from ..engine import options
from .batch_job import NOTIFY_LABELS


class ResUsers(models.Model):
    """Which ends of own batch jobs a user is told of, and cached answers for the engine."""

    _inherit = "res.users"

    batch_notify = fields.Selection(
        NOTIFY_LABELS,
        "Batch Jobs That End",
        required=True,
        default=options.ALWAYS,
        help="Of which ends of your batch jobs you are told, by a notification and a message. Jobs shorter than ten seconds say nothing.",
    )

    @property
    def SELF_READABLE_FIELDS(self):
        """As in Odoo: fields of a user that the user may read."""
        return [*super().SELF_READABLE_FIELDS, "batch_notify"]

    @property
    def SELF_WRITEABLE_FIELDS(self):
        """As in Odoo: fields of a user that the user may write."""
        return [*super().SELF_WRITEABLE_FIELDS, "batch_notify"]

    @api.model
    @ormcache("user_id")
    def _is_batch_user_active(self, user_id):
        """Whether a user is not archived. Cached, as it is called for each chunk; Odoo clears the cache when `active` changes.

        :param int user_id: id of the user
        """
        query = SQL("SELECT 1 FROM res_users WHERE id = %s AND active", user_id, to_flush=self._fields["active"])
        return bool(self.env.execute_query(query))

    @api.model
    @ormcache("user_id")
    def _batch_company_id(self, user_id):
        """Id of the company that a user works in where nothing else is said. Cached as `_is_batch_user_active`.

        :param int user_id: id of the user
        """
        query = SQL("SELECT company_id FROM res_users WHERE id = %s", user_id, to_flush=self._fields["company_id"])
        return self.env.execute_query(query)[0][0]
