"""The routes of files, with the same credentials as those of the verbs."""

import tempfile

from werkzeug.wsgi import wrap_file

from odoo.exceptions import MissingError
from odoo.http import Controller, Response, content_disposition, request

from ..engine.reader import is_name
from ..run.access import check_visible
from ..run.caller import check_caller
from ..run.failure_file import MEDIA_TYPES, write_failures
from .file_route import file_route


class BatchFilesController(Controller):
    """`GET /batch/v1/jobs/<uuid>/<file>`, with a session or an `Authorization: Bearer <API key>`."""

    @file_route([f"/batch/v1/jobs/<uuid>/failures.{kind}" for kind in MEDIA_TYPES], "GET")
    def failures(self, uuid):
        """The failures of a job that stand, as a file to be mended and uploaded again.

        :param str uuid: of the job
        :raises MissingError: there is no such job, or the caller may not see it
        """
        check_caller(request.env)
        job = request.env["batch.job"].search([("uuid", "=", uuid)]) if is_name(uuid) else None
        if not job:
            raise MissingError(request.env._("There is no such batch job."))
        check_visible(job)
        kind = request.httprequest.path.rpartition(".")[2]
        return _sent(f"failures-{job.id}.{kind}", MEDIA_TYPES[kind], lambda file: write_failures(request.env, job.id, kind, file))


def _sent(name, media_type, write):
    """A response with a file, which is put on the disk first: it may be larger than the memory.

    :param write: function that writes it to a binary file
    """
    file = tempfile.TemporaryFile()  # noqa: SIM115 pylint: disable=consider-using-with  # the server closes it when it is sent
    try:
        write(file)
        size = file.seek(0, 2)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    headers = {
        "Content-Type": media_type,
        "Content-Length": size,
        "Content-Disposition": content_disposition(name),
        "X-Content-Type-Options": "nosniff",
    }
    return Response(wrap_file(request.httprequest.environ, file), headers=headers, direct_passthrough=True)
