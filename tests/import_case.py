"""`ImportCase`: sends files to be imported."""

from unittest.mock import patch

from .api_case import ApiCase
from .case import PATIENCE_S
from .doors import base_url

CSV, NDJSON = "text/csv", "application/x-ndjson"


class ImportCase(ApiCase):
    def setUp(self):
        super().setUp()
        self.mark = self.new_mark()

    def new_mark(self):
        """What is part of references and external ids of this test alone."""
        ImportCase.marks += 1
        return f"m{ImportCase.marks}"

    marks = 0

    def result_of(self, job_id):
        return self.door.call("result", job_id)

    def patch(self, where, name, value):
        self.startPatcher(patch.object(where, name, value))

    def send(self, body, content_type=CSV, door=None, path="import", headers=(), **params):
        """The answer to a file."""
        door = door or self.door
        body = body.encode() if isinstance(body, str) else body
        params = {"model": "res.partner", **params} if path == "import" else params
        return door.http.post(
            f"{base_url()}/batch/v1/{path}",
            data=body,
            params={name: value for name, value in params.items() if value is not None},
            headers={**(door.headers or {}), "Content-Type": content_type, **dict(headers)},
            timeout=PATIENCE_S,
            allow_redirects=False,
        )

    def sent(self, *args, **params):
        """The status of a file that was taken."""
        answer = self.send(*args, **params)
        self.assertEqual(answer.status_code, 200, answer.text[:2000])
        status = answer.json()
        self.assertStatus(status)
        return status

    def refused(self, *args, status=422, **params):
        """The problems of a file that was refused, as `{(row, key): message}`; nothing is stored."""
        before = self.count_jobs()
        answer = self.send(*args, **params)
        self.assertEqual(answer.status_code, status, answer.text[:2000])
        self.assertEqual(answer.headers["Content-Type"], "application/json; charset=utf-8")
        self.assertEqual(self.count_jobs(), before)
        error = answer.json()["error"]
        return {(problem.get("row", False), problem["key"]): problem["message"] for problem in error.get("problems", ())} or error

    def imported(self, *args, **params):
        """The result of a file, after its job has run."""
        status = self.sent(*args, **params)
        self.work()
        return self.result_of(status["job_id"])

    def made(self, result, *names):
        ids = [id_ for entry in result["results"] for id_ in entry["result"] if id_]
        with self.committed() as env:
            return [tuple(row[name] for name in names) for row in env["res.partner"].browse(ids).read(names, load=None)]
