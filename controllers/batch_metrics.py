"""The route of the metrics, with a key of its own: who reads them is no user."""

import logging
from http import HTTPStatus

from odoo.http import Controller, request, route

from ..run.metrics import exposition
from ..run.metrics_key import has_key, is_key

_logger = logging.getLogger(__name__)

SCHEME = "bearer"


class BatchMetricsController(Controller):
    """`GET /batch/v1/metrics`, with `Authorization: Bearer <key of the settings>`."""

    # not on a replica: which lanes are awake is known to the primary server alone
    @route("/batch/v1/metrics", type="http", auth="public", methods=["GET"], save_session=False, readonly=False)
    def metrics(self, **_params):
        """The metrics, in the format that the header `Accept` asks for. There is no such page where no key was made.

        :raises NotFound: as said
        """
        if not has_key(request.env):
            raise request.not_found()
        scheme, _blank, key = request.httprequest.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != SCHEME or not is_key(request.env, key.strip()):
            return _plain(HTTPStatus.UNAUTHORIZED, "Authorization: Bearer <key of the settings> is needed.", ("WWW-Authenticate", "Bearer"))
        try:
            text, content_type = exposition(request.env, request.httprequest.headers.get("Accept", ""))
        except ImportError:
            _logger.warning("The metrics can't be told: the Python package prometheus-client is not installed")
            return _plain(HTTPStatus.NOT_IMPLEMENTED, "The server needs the Python package prometheus-client: pip install prometheus-client")
        return request.make_response(text, [("Content-Type", content_type), *_SAFE])


#: Headers of each answer.
_SAFE = (("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"))


def _plain(status, text, *headers):
    return request.make_response(f"{text}\n", [("Content-Type", "text/plain; charset=utf-8"), *_SAFE, *headers], status=status.value)
