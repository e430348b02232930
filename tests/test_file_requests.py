"""Requests with files to be imported: who may, parameters, bodies that break off or are too large."""

import concurrent.futures
import gzip
import http.client
import json
import socket

import requests

from odoo.service.server import RequestHandler
from odoo.tests.common import HOST

from ..run import file_importer
from .case import PATIENCE_S
from .doors import RouteDoor, SessionDoor, base_url
from .import_case import CSV, NDJSON, ImportCase


class TestRequests(ImportCase):
    def test_who_may_and_how(self):
        body = "name\nA\n"
        self.assertEqual(self.sent(body, door=SessionDoor(self.user), draft="1")["state"], "draft")
        for answer, status, kind in (
            (requests.post(f"{base_url()}/batch/v1/import?model=res.partner", data=body, headers={"Content-Type": CSV}, timeout=PATIENCE_S, allow_redirects=False), 401, "SessionExpiredException"),
            (self.send(body, headers={"Authorization": "Bearer nonsense"}.items()), 401, "Unauthorized"),
            (self.send(body, "application/x-www-form-urlencoded", SessionDoor(self.user)), 415, "UnsupportedMediaType"),
            (self.send(body, "text/plain", SessionDoor(self.user)), 415, "UnsupportedMediaType"),
            (self.send(body, "multipart/form-data; boundary=x", SessionDoor(self.user)), 415, "UnsupportedMediaType"),
            (self.send(body, path="jobs/nonsense/append"), 404, "MissingError"),
            (self.send(body, headers={"Content-Encoding": "br"}.items()), 415, "UnsupportedMediaType"),
        ):  # fmt: skip
            self.assertEqual((answer.status_code, answer.json()["error"]["type"]), (status, kind), answer.text)
        answer = requests.get(f"{base_url()}/batch/v1/import", timeout=PATIENCE_S)
        self.assertEqual((answer.status_code, answer.json()["error"]["type"]), (405, "MethodNotAllowed"), answer.text)
        with self.committed() as env:
            plain = self.new_user(env, "file-plain", "base.group_user")
        self.assertEqual(self.refused(body, status=403, door=RouteDoor(plain))["type"], "AccessError")
        uuid = self.sent(body, draft="1")["uuid"]
        self.assertEqual(self.refused(body, status=404, door=RouteDoor(self.other), path=f"jobs/{uuid}/append")["type"], "MissingError")
        self.assertEqual(self.refused(body, status=403, door=RouteDoor(self.manager), path=f"jobs/{uuid}/append")["type"], "AccessError")

    def test_parameters(self):
        problems = self.refused("name\nA\n", status=400, modle="x", priority="high", quiet="perhaps", key="ref", context="[]")
        self.assertEqual(problems.keys(), {(False, key) for key in ("modle", "priority", "quiet", "key", "context")})
        self.assertRegex(problems[False, "modle"], "did you mean 'model'")
        problems = self.refused("name\nA\n", status=400, path="import?model=res.partner&self=1&uuid=x&endpoint=2")
        self.assertEqual({message[:17] for message in problems.values()}, {"unknown parameter"}, problems)
        self.assertEqual(problems.keys(), {(False, key) for key in ("self", "uuid", "endpoint")})
        self.assertEqual(self.refused("{}", NDJSON, status=400, model=None, type="load", separator=";").keys(), {(False, key) for key in ("model", "type", "separator")})
        uuid = self.sent("name\nA\n", draft="1")["uuid"]
        self.assertEqual(self.refused("name\nA\n", status=400, path=f"jobs/{uuid}/append", model="res.partner", quiet="1").keys(), {(False, "quiet")})
        self.assertEqual(self.refused("name\nA\n", status=400, context='{"allowed_company_ids": [999999]}').keys(), {(False, "context")})
        status = self.sent(
            "name\nA\n", name="File", quiet="1", max_failures="5%", priority="-3", run_at="2090-01-01T00:00:00Z", context='{"lang": "en_US", "x": 1}'
        )
        with self.committed() as env:
            job = env["batch.job"].browse(status["job_id"])
            self.assertEqual((job.name, job.quiet, job.max_failures_share, job.priority, job.run_at.year), ("File", True, 5.0, -3, 2090))
            self.assertEqual(json.loads(job.context)["x"], 1)

    def test_the_same_again_gives_the_first_job(self):
        first = self.sent("name\nA\n", idempotency_key="file-key")
        again = self.sent("name\nA\n", idempotency_key="file-key")
        self.assertEqual((again["job_id"], again["duplicate"], first["duplicate"]), (first["job_id"], True, False))
        for body, params in (("name\nB\n", {}), ("name\nA\n", {"quiet": "1"}), ("name\nA\n", {"separator": ";"})):
            self.assertIn("used before", self.refused(body, idempotency_key="file-key", **params)[False, "idempotency_key"])

    def test_twice_at_once_with_one_key_makes_one_job(self):
        with concurrent.futures.ThreadPoolExecutor() as pool:
            answers = [pool.submit(self.sent, "name\nA\n" * 500, door=RouteDoor(self.user), idempotency_key="file-twice") for _ in range(3)]
            statuses = [answer.result() for answer in answers]
        self.assertEqual(len({status["job_id"] for status in statuses}), 1)
        self.assertEqual(sorted(status["duplicate"] for status in statuses), [False, True, True])

    def test_gzip_and_chunks(self):
        body = b"name\n" + b"A\n" * 1000
        packed = gzip.compress(body[:2005]) + gzip.compress(body[2005:])
        headers = {"Content-Encoding": "gzip"}.items()
        self.assertEqual(self.sent(packed, headers=headers, draft="1")["total"], 1000)
        self.assertIn("no end", self.refused(packed[:-5], status=400, headers=headers)["message"])
        self.assertIn("no gzip", self.refused(body, status=400, headers=headers)["message"])
        pieces = (body[first : first + 700] for first in range(0, len(body), 700))
        answer = self.door.http.post(
            f"{base_url()}/batch/v1/import", params={"model": "res.partner"}, data=pieces, headers={**self.door.headers, "Content-Type": CSV}, timeout=PATIENCE_S
        )  # fmt: skip
        self.assertEqual(answer.json()["total"], 1000, answer.text)

    def test_a_body_that_breaks_off_stores_nothing(self):
        before = self.count_jobs()
        head = (
            f"POST /batch/v1/import?model=res.partner HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {self.user.key}\r\n"
            "Content-Type: text/csv\r\n"
        )
        chunked = f"{head}Transfer-Encoding: chunked\r\n\r\n5\r\nname\n\r\n5\r\nA"
        # the patience of the server, which is some seconds
        self.patch(RequestHandler, "timeout", property(lambda _handler: 0.5, lambda _handler, _value: None))
        for sent in (f"{head}Content-Length: 100\r\n\r\nname\nA\n", chunked):
            for closes, expected in (
                (True, (400, "ClientDisconnected", "The body broke off after")),
                (False, (408, "RequestTimeout", "The body stopped to arrive after")),
            ):
                with socket.create_connection((HOST, int(base_url().rpartition(":")[2])), timeout=PATIENCE_S) as connection:
                    connection.sendall(sent.encode())
                    if closes:
                        connection.shutdown(socket.SHUT_WR)
                    answer = http.client.HTTPResponse(connection)
                    answer.begin()
                    error = json.loads(answer.read())["error"]
                self.assertEqual((answer.status, error["type"], error["message"][: len(expected[2])]), expected)
        self.assertEqual(self.count_jobs(), before)

    def test_a_file_that_is_too_large(self):
        self.addCleanup(self.set_limits, False, False)
        self.set_limits("1", "1000")
        body = b"name\n" + b"A\n" * 600_000
        self.assertIn("max_file_mib", self.refused(body, status=413)["message"])
        self.assertIn("max_file_mib", self.refused(gzip.compress(body), status=413, headers={"Content-Encoding": "gzip"}.items())["message"])
        self.assertEqual(self.refused((body[first : first + 10**5] for first in range(0, len(body), 10**5)), status=413)["type"], "RequestEntityTooLarge")
        self.set_limits("1", str(4 * 2**20))  # the limit of all requests is higher

    def test_values_that_are_too_much_for_the_disk(self):
        self.patch(file_importer, "MIB", 1)
        row = "name,email,phone,street,city\n" + "A,,,,\n" * 20
        self.sent(row, type="create", draft="1")
        problems = self.refused(row + "A,,,,\n" * 50, type="create")
        self.assertRegex(problems[False, False], "more than 4096 MiB, twice the setting max_file_mib")
        self.sent(row + "A,,,,\n" * 50, draft="1")  # which makes no values

    def set_limits(self, files, requests):
        with self.committed() as env:
            env["ir.config_parameter"].set_param("batch_executor.max_file_mib", files)
            env["ir.config_parameter"].set_param("web.max_file_upload_size", requests)
