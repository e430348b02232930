"""The routes of files: how their requests are read, and their errors answered, always as JSON."""

from http import HTTPStatus

import psycopg2.errors
from werkzeug.exceptions import HTTPException

from odoo.exceptions import AccessDenied, AccessError, ConcurrencyError, MissingError, UserError, ValidationError
from odoo.http import Dispatcher, Response, SessionExpiredException, request, route

from ..engine.reader import is_name
from ..exceptions import BatchValidationError, ParameterError

#: Errors and their HTTP status, the more specific ones first.
STATUSES = (
    (ParameterError, HTTPStatus.BAD_REQUEST),
    (ValidationError, HTTPStatus.UNPROCESSABLE_ENTITY),
    ((SessionExpiredException, AccessDenied), HTTPStatus.UNAUTHORIZED),
    (AccessError, HTTPStatus.FORBIDDEN),
    (MissingError, HTTPStatus.NOT_FOUND),
    (UserError, HTTPStatus.CONFLICT),  # the job is in a state in which this can't be done
    # what Odoo has tried several times already
    ((ConcurrencyError, psycopg2.errors.SerializationFailure, psycopg2.errors.DeadlockDetected), HTTPStatus.SERVICE_UNAVAILABLE),
)


def file_route(paths, method, **routing):
    """Make a method of a controller a route of files, with the credentials of the verbs.

    What it raises is answered as `FileDispatcher.handle_error` says, and what it returns as JSON, unless it is a `Response`.

    :param paths: a path, or a list of them
    :param str method: `GET` or `POST`
    :param routing: other arguments of Odoo's `route`
    """
    kind = FileDispatcher.routing_type
    return route(paths, type=kind, auth="batch_executor", methods=[method], save_session=False, readonly=False, **routing)


def job_of(uuid):
    """The job with this uuid, in the caller's environment.

    :raises MissingError: there is no such job, or the caller may not see it
    """
    job = request.env["batch.job"].search([("uuid", "=", uuid)]) if is_name(uuid) else None
    if not job:
        raise MissingError(request.env._("There is no such batch job."))
    return job


class FileDispatcher(Dispatcher):
    """Calls the endpoint with the parts of the path alone, and leaves the parameters of the address and the body to it.

    Odoo's dispatcher for `http` reads forms into memory, sends who is not logged in to a page, and answers errors with one.
    """

    routing_type = "batch_executor_file"
    mimetypes = ("*/*",)
    #: The body of the request, on the disk, once an endpoint has asked for it.
    file = None

    @classmethod
    def is_compatible_with(cls, request):
        """Whether a request may be dispatched by it: any, as its content type is the endpoint's affair."""
        return True

    def dispatch(self, endpoint, args):
        """Call the endpoint with the parts of the path. It reads the parameters of the address itself: they may have any name, also `self`."""
        self.request.params = args
        result = self.request.registry["ir.http"]._dispatch(endpoint)
        return result if isinstance(result, Response) else self.request.make_json_response(result)

    def handle_error(self, exc):
        """Answer an error as `{"error": {"type", "message", "problems"}}`, without a traceback.

        :param Exception exc: raised anywhere while the request is served, also where its credentials are checked
        :returns: the response
        """
        if isinstance(exc, HTTPException):
            if exc.response:
                return exc.response
            status = exc.code
            headers = [header for header in exc.get_headers() if header[0] != "Content-Type"]
            message = exc.description or HTTPStatus(status).phrase
        else:
            status = next((status for kinds, status in STATUSES if isinstance(exc, kinds)), HTTPStatus.INTERNAL_SERVER_ERROR)
            headers = []
            is_told = isinstance(exc, (UserError, SessionExpiredException))
            message = str(exc) if is_told else HTTPStatus(status).phrase
        error = {"type": type(exc).__name__, "message": message}
        if isinstance(exc, BatchValidationError):
            error["problems"] = exc.validation_errors
        headers.append(("X-Content-Type-Options", "nosniff"))
        return self.request.make_json_response({"error": error}, headers=headers, status=int(status))
