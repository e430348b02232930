from traceback import walk_tb

from werkzeug.exceptions import MethodNotAllowed, RequestEntityTooLarge, ServiceUnavailable

from odoo import models
from odoo.exceptions import AccessDenied
from odoo.http import SessionExpiredException, _dispatchers, request

from ..engine.problems import Problems
from ..exceptions import BatchValidationError
from ..run.caller import GROUP_USER
from ..run.interruption import is_conflict
from ..run.settings import get_setting
from ..run.trace import note_request
from ..run.upload import MIB, too_large
from ..store.told import running_jobs

ADDON = __name__.partition(".models.")[0]
#: The type of the routes whose errors are answered as JSON: see `controllers/file_route.py`.
FILE_ROUTES = "batch_executor_file"


def _is_from_a_verb(exception):
    """Whether an exception was raised by code of this addon, or by code called from it."""
    modules = (frame.f_globals.get("__name__", "") for frame, _line in walk_tb(exception.__traceback__))
    return any(name.startswith(ADDON) and name != __name__ for name in modules)


class IrHttp(models.AbstractModel):
    """Authentication of the routes, answers to requests that Odoo can't read, and what the backend is told of its user."""

    _inherit = "ir.http"

    @classmethod
    def _auth_method_batch_executor(cls):
        """Authentication by session or by API key, on the same route.

        Odoo's `user` ignores the Authorization header, and its `bearer` accepts a session only from a browser's navigation. Other
        sites can't misuse a session here (CSRF), because they can't send requests with the content types of JSON, CSV or JSON lines.
        """
        if request.httprequest.headers.get("Authorization"):
            cls._auth_method_bearer()
            return
        try:
            cls._auth_method_user()
        except SessionExpiredException:
            raise SessionExpiredException(
                request.env._("No API key was sent (header Authorization: Bearer <key>), and there is no session that is logged in.")
            ) from None

    @classmethod
    def _authenticate_explicit(cls, auth):
        """As in Odoo; a database that is gone while the credentials are looked up is no refusal of them, as which Odoo takes any error.

        :raises ServiceUnavailable: the caller should try again
        """
        try:
            return super()._authenticate_explicit(auth)
        except AccessDenied as denied:
            if auth in ("batch_executor", "bearer") and denied.__context__ and is_conflict(denied.__context__):
                raise ServiceUnavailable("The database can't be reached at the moment. Try again.") from denied  # no language without it
            raise

    def session_info(self):
        """As in Odoo; tells the backend whether lists offer *Run in batch…* to this user, and whether one of the user's jobs runs."""
        info = super().session_info()
        is_batch_user = bool(self.env.uid) and self.env.user.has_group(GROUP_USER)
        info["batch_run_in_lists"] = is_batch_user and bool(get_setting(self.env, "run_in_lists"))
        # if none runs, the systray asks for nothing
        info["batch_runs"] = is_batch_user and bool(running_jobs(self.env.cr, self.env.uid, limit=1))
        return info

    @classmethod
    def _match(cls, path_info):
        """As in Odoo; a method that a route of ours does not take is answered as JSON, as all its errors are."""
        try:
            return super()._match(path_info)
        except MethodNotAllowed:
            if path_info.startswith("/batch/v1/"):
                request.dispatcher = _dispatchers[FILE_ROUTES](request)
            raise

    @classmethod
    def _handle_error(cls, exception):
        """Answer a request that Odoo can't parse with a `BatchValidationError` instead of an internal error."""
        is_ours = request.httprequest.path.startswith(("/batch/v1/", "/json/2/batch.job/"))
        if is_ours and isinstance(exception, (TypeError, ValueError, RecursionError)) and not _is_from_a_verb(exception):
            problems = Problems()
            problems.add(
                request.env._("the request can't be read: its params must be an object, its context too, none nested too deeply")
            )
            exception = BatchValidationError.from_problems(request.env, problems)
        return super()._handle_error(exception)

    @classmethod
    def _pre_dispatch(cls, rule, args):
        """Note the trace of a request; refuse one that is too large with a message that says the limit and what to do, which Odoo's does not.

        :raises RequestEntityTooLarge: the request is too large
        """
        done = super()._pre_dispatch(rule, args)
        note_request(request.httprequest.headers)
        if rule.endpoint.routing.get("auth") == "batch_executor" or args.get("__model__") == "batch.job":
            size, limit = request.httprequest.content_length, request.httprequest.max_content_length
            if size and limit is not None and size > limit:
                if "max_content_length" in rule.endpoint.routing:
                    raise RequestEntityTooLarge(too_large(request.env, size, limit))
                raise RequestEntityTooLarge(
                    request.env._(
                        "The request has %(size).1f MiB, the server takes %(limit).1f (system parameter "
                        "web.max_file_upload_size). Send it in several: submit with draft, append as often as it takes, "
                        "then start.",
                        size=size / MIB,
                        limit=limit / MIB,
                    )
                )
        return done
