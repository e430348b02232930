"""The route of the description that machines read. It holds no data, so anybody may read it, from any page."""

from odoo.http import Controller, request, route
from odoo.modules.module import Manifest

from ..engine.openapi import description


class BatchOpenapiController(Controller):
    """`GET /batch/v1/openapi.json`."""

    @route("/batch/v1/openapi.json", type="http", auth="public", methods=["GET"], save_session=False, readonly=True, cors="*")
    def openapi(self, **_params):
        """The API as OpenAPI 3.1."""
        return request.make_json_response(description(Manifest.for_addon("batch_executor").version))
