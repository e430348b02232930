"""The routes that take files: an import, and an append to a draft."""

from werkzeug.exceptions import UnsupportedMediaType

from odoo.http import Controller, request

from ..engine.file_parameters import MEDIA_TYPES, parse_parameters
from ..engine.problems import Problems
from ..run.caller import check_caller, sound_context
from ..run.file_import import append_file, check_draft, check_import, import_file, refuse_parameters
from ..run.settings import get_setting
from ..run.status import status
from ..run.upload import MIB, receive
from .file_route import file_route, job_of


def most_bytes(_controller):
    """Most bytes of the file of the present request: the setting, or the server's limit for any request where that is more."""
    return max(request.httprequest.max_content_length or 0, get_setting(request.env, "max_file_mib") * MIB)


class BatchImportController(Controller):
    """A file is the body of the request, what to do with it stands in the address.

    Other sites can't misuse a session here (CSRF): the forms of a browser can't send these content types.
    """

    @file_route("/batch/v1/import", "POST", max_content_length=most_bytes)
    def import_file(self):
        """Store a file as a job; returns its status."""
        check_caller(request.env)
        parameters, problems = self._parameters(takes_options=True)
        check_import(request.env, parameters, problems)
        job, is_duplicate = import_file(request.env, self._file(), parameters)
        return self._status(job, is_duplicate)

    @file_route("/batch/v1/jobs/<uuid>/append", "POST", max_content_length=most_bytes)
    def append_file(self, uuid):
        """Add the records of a file to a draft; returns its status.

        :param str uuid: of the draft
        :raises MissingError: there is no such job, or the caller may not see it
        """
        check_caller(request.env)
        parameters, problems = self._parameters(takes_options=False)
        job = job_of(uuid)
        check_draft(job)
        refuse_parameters(request.env, problems)
        append_file(request.env, job, self._file(), parameters)
        return self._status(job)

    def _parameters(self, *, takes_options):
        """The parameters of the address, and what is wrong with them; their context becomes that of the request.

        :raises UnsupportedMediaType: the body is neither a CSV nor JSON lines
        """
        sent = request.httprequest
        kind = MEDIA_TYPES.get(sent.mimetype)
        if kind is None:
            raise UnsupportedMediaType(request.env._("The content type must be text/csv or application/x-ndjson."))
        problems = Problems()
        charset = sent.mimetype_params.get("charset")
        parameters = parse_parameters(dict(sent.args.lists()), kind, problems, takes_options=takes_options, charset=charset)
        if parameters.context:
            env = sound_context(request.env(context={**request.env.context, **parameters.context}), problems)
            request.update_env(context=env.context)
        return parameters, problems

    def _file(self):
        """The body as a file; Odoo may repeat the request after a conflict, but the body comes once."""
        dispatcher = request.dispatcher
        if dispatcher.file is None:
            dispatcher.file = receive(request.env, request.httprequest.max_content_length)
        return dispatcher.file

    def _status(self, job, is_duplicate=False):
        job.invalidate_recordset()
        return status(request.env, job.id, is_duplicate)
