"""The routes of files, with the same credentials as those of the verbs."""

import tempfile

from werkzeug.wsgi import wrap_file

from odoo.http import Controller, Response, content_disposition, request

from ..engine.openapi_files import KINDS
from ..run.access import check_visible
from ..run.caller import check_caller
from ..run.change_file import write_changes
from ..run.failure_file import write_failures
from ..run.result_file import write_results
from .file_route import file_route, job_of

#: The files of a job, each with what writes it; described in `engine/openapi_files.py`.
FILES = {"failures": write_failures, "results": write_results, "changes": write_changes}


class BatchFilesController(Controller):
    """`GET /batch/v1/jobs/<uuid>/<file>`, with a session or an `Authorization: Bearer <API key>`."""

    @file_route(f"/batch/v1/jobs/<uuid>/<any({','.join(FILES)}):name>.<any({','.join(KINDS)}):kind>", "GET")
    def download(self, uuid, name, kind):
        """A file of a job: its failures that stand (to be mended and uploaded again), what became of each record, or what was changed.

        :param str uuid: of the job
        :param str name: a key of `FILES`
        :param str kind: a key of `KINDS`
        :raises MissingError: there is no such job, or the caller may not see it
        :raises UserError: it is too much for this kind of file
        """
        check_caller(request.env)
        job = job_of(uuid)
        check_visible(job)
        return _sent(f"{name}-{job.id}.{kind}", KINDS[kind], lambda file: FILES[name](job, kind, file))


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
