from odoo import models
from odoo.http import request


class IrHttp(models.AbstractModel):
    _inherit = "ir.http"

    @classmethod
    def _auth_method_batch_executor(cls):
        """A session or a stateless API key, on one and the same route.

        Odoo's `user` ignores an Authorization header, its `bearer` takes a session only from a browser's navigation.
        A session can't be used across sites here either: such a request can't have the JSON content type.
        """
        if request.httprequest.headers.get("Authorization"):
            cls._auth_method_bearer()
        else:
            cls._auth_method_user()
