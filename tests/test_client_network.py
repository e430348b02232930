"""The Python client behind a proxy that cuts connections: each record exactly once, whatever is cut."""

import socket
import tempfile
import threading
import time
from pathlib import Path
from unittest.mock import patch

from odoo.tests.common import BaseCase

from .case import update
from .client_case import HAS_CLIENT, ClientCase, proxy
from .extras import needs

if HAS_CLIENT:
    import httpx
    from odoo_batch import AnswerLost, Client, ConnectionFailed, Refused, wire
    from odoo_batch._async import client as async_client
    from odoo_batch._sync import client as sync_client
    from odoo_batch._sync import job as sync_job

#: How often a request is tried: more connections are cut than not.
ATTEMPTS = 60


class TestCuts(ClientCase):
    def setUp(self):
        super().setUp()
        self.before = self.count_jobs()[0]

    def records(self, count, prefix):
        return [{"ref": f"{prefix}{index:03}", "name": f"{prefix} {index}"} for index in range(count)]

    def test_submissions_and_drafts_are_stored_once(self):
        with proxy(seed=20) as between, self.new_client(between.url, attempts=ATTEMPTS) as client, self.lanes_at_work():
            for turn in range(4):
                prefix = f"net{turn}-"
                operation = {"operation_type": "create", "model": "res.partner", "data": self.records(40, prefix)}
                with patch.object(sync_client, "REQUEST_BYTES", 10_000 if turn % 2 else 900):
                    job = client.submit([operation])
                [entry] = job.wait().result()
                self.assertEqual((entry["success"], len(set(entry["result"]))), (True, 40))
                self.assertEqual(self.new_refs(prefix), [values["ref"] for values in operation["data"]])
        self.assertGreater(between.cuts, 2)
        self.assertEqual(self.count_jobs()[0] - self.before, 4)

    def test_the_asynchronous_client_stores_once_too(self):
        async def program(client):
            for turn in range(2):
                operation = {"operation_type": "create", "model": "res.partner", "data": self.records(40, f"anet{turn}-")}
                with patch.object(async_client, "REQUEST_BYTES", 10_000 if turn % 2 else 900):
                    job = await client.submit([operation])
                await job.wait(check=True)

        with proxy(seed=21) as between:
            self.asynchronously(program, between.url, attempts=ATTEMPTS)
        self.assertGreater(between.cuts, 2)
        self.assertEqual((len(self.new_refs("anet")), self.count_jobs()[0] - self.before), (80, 2))

    def test_verbs_are_done_once(self):
        with self.committed() as env:
            partner, other = env["res.partner"].create([{"name": "Old"}, {"name": "Other"}])
        with proxy(seed=22) as between, self.new_client(between.url, attempts=ATTEMPTS) as client, self.lanes_at_work():
            for _turn in range(2):
                plan = client.submit([update({"name": "New"}, partner.id)], dry_run=True, track_changes=True, draft=True)
                plan.start().wait()
                job = plan.apply().wait(check=True)
                self.assertEqual(self.names_of([partner.id]), ["New"])
                job.undo().wait(check=True)
                self.assertEqual(self.names_of([partner.id]), ["Old"])
                later = client.submit([update({"city": "Later"}, other.id)], run_at="2030-01-01")
                self.assertEqual(later.pause().state, "paused")
                later.resume()
                self.assertEqual(later.cancel().state, "cancelled")
                self.assertEqual(later.retry().wait().state, "completed")
        self.assertEqual(self.count_jobs()[0] - self.before, 2 * 4)
        self.assertGreater(between.cuts, 2)

    def test_execute_is_sent_once(self):
        lost = 0
        with proxy(seed=23) as between:
            for turn in range(8):
                operation = {"operation_type": "create", "model": "res.partner", "data": self.records(1, f"exec{turn}-")}
                with self.new_client(between.url, attempts=5) as client:
                    try:
                        client.execute([operation])
                        self.assertEqual(len(self.new_refs(f"exec{turn}-")), 1)
                    except AnswerLost:
                        lost += 1
                    except ConnectionFailed:
                        self.fail("the proxy takes any connection")
                self.assertLessEqual(len(self.new_refs(f"exec{turn}-")), 1)
        self.assertGreater(lost, 2)


@needs("httpx")
class TestSilence(BaseCase):
    def test_a_server_that_says_nothing_is_asked_again(self):
        with socket.create_server(("127.0.0.1", 0)) as silent, patch.object(wire, "FIRST_PAUSE_S", 0.001):
            url = f"http://127.0.0.1:{silent.getsockname()[1]}"
            with Client(url, "key", timeout=0.2, attempts=3) as client:
                with self.assertRaisesRegex(ConnectionFailed, "was not answered, in 3 attempts"):
                    client.submit([update({"name": "A"}, 1)])
                with patch.object(sync_client, "EXECUTE_S", 0.1), self.assertRaisesRegex(AnswerLost, "not known whether it was done"):
                    client.execute([update({"name": "A"}, 1)])

    def test_a_request_that_has_not_arrived_whole_is_no_refusal(self):
        def answer(status, error):
            return httpx.Response(status, json=error, request=httpx.Request("POST", "http://a"))

        for response in (
            answer(408, {"error": {"type": "RequestTimeout", "message": "The body stopped to arrive"}}),
            answer(400, {"error": {"type": "ClientDisconnected", "message": "The body broke off"}}),
            answer(400, {"name": "werkzeug.exceptions.ClientDisconnected", "message": "400 Bad Request"}),
            answer(200, {"error": {"data": {"name": "werkzeug.exceptions.ClientDisconnected", "message": "400 Bad Request"}}}),
        ):
            with self.assertRaises(wire.Passing):
                wire.result_of(response)
        with self.assertRaises(Refused):
            wire.result_of(answer(400, {"error": {"type": "BadRequest", "message": "The body is no gzip"}}))

    def test_an_api_that_was_there_comes_back(self):
        """While PostgreSQL is restarting, Odoo knows of no database, and so of no route."""

        def serve(listener):
            for answer in (b"404 NOT FOUND", b"200 OK", *[b"404 NOT FOUND"] * 5, b"200 OK"):
                connection, _address = listener.accept()
                with connection:
                    connection.recv(4096)
                    body = b'{"result": {"job_id": 7}}' if answer == b"200 OK" else b"<h1>Not Found</h1>"
                    head = b"HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
                    connection.sendall(head % (answer, len(body)) + body)

        with socket.create_server(("127.0.0.1", 0)) as listener, patch.object(wire, "FIRST_PAUSE_S", 0.001):
            threading.Thread(target=serve, args=[listener], daemon=True).start()
            with Client(f"http://127.0.0.1:{listener.getsockname()[1]}", "key") as client:
                for _turn in range(2):
                    self.assertEqual(client.call("start", repeat=False, job_id=7), {"job_id": 7})

    def test_a_download_has_time(self):
        def serve(listener):
            connection, _address = listener.accept()
            with connection:
                connection.recv(4096)
                time.sleep(0.5)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\na\n")

        with socket.create_server(("127.0.0.1", 0)) as listener, tempfile.TemporaryDirectory() as folder:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            with Client(url, "key", timeout=0.2, attempts=1) as client:
                threading.Thread(target=serve, args=[listener], daemon=True).start()
                path = sync_job.Job(client, {"uuid": "u"}).download("results.csv", Path(folder) / "results.csv")
            self.assertEqual(path.read_text(), "a\n")

    def test_options_are_typed_as_in_an_address(self):
        given = {
            "name": 2024, "max_concurrency": "2", "quiet": "true", "strict": "0", "max_failures": "5%", "timeout": "1.5", "on_complete": "a.b",
            "notify": None, "priority": -1, "context": {"lang": "de_DE"}, "draft": True,
        }  # fmt: skip
        expected = {**given, "name": "2024", "max_concurrency": 2, "quiet": True, "strict": False, "timeout": 1.5}
        del expected["notify"]
        self.assertEqual(wire.typed(given), expected)

