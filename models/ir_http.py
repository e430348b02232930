from werkzeug.exceptions import RequestEntityTooLarge

from odoo import models
from odoo.http import request

MIB = 1 << 20


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

    @classmethod
    def _pre_dispatch(cls, rule, args):
        """Tell a caller whose batch is too large for one request what to do; Odoo's own words name no limit."""
        super()._pre_dispatch(rule, args)
        if rule.endpoint.routing.get("auth") == "batch_executor" or args.get("__model__") == "batch.job":
            size, limit = request.httprequest.content_length, request.httprequest.max_content_length
            if size and limit is not None and size > limit:
                raise RequestEntityTooLarge(
                    request.env._(
                        "The request has %(size).1f MiB, the server takes %(limit).1f (system parameter "
                        "web.max_file_upload_size). Send it in several: submit with draft, append as often as it takes, "
                        "then start.",
                        size=size / MIB,
                        limit=limit / MIB,
                    )
                )
