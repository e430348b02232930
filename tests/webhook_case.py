"""The case whose jobs name a webhook, and a receiver of webhooks that answers as it is told."""

import ssl
import threading
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from odoo.addons.batch_executor.run import post

from .case import PATIENCE_S, create
from .lane_case import LaneCase

NAME = "shop"


class Receiver:
    """An HTTP server that answers as it is told: a status, `hang` or `drip`. It remembers what it was sent."""

    def __init__(self, certificate=None):
        self.answers, self.requests, self.released = [], [], threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = receiver.answers.pop(0) if receiver.answers else 200
                receiver.requests.append((self.path, dict(self.headers), body))
                if answer == "hang":
                    receiver.released.wait(PATIENCE_S)
                elif answer == "drip":
                    self.wfile.write(b"HTTP/1.1 200 OK\r\n")
                    with suppress(OSError):  # the sender goes
                        while not receiver.released.wait(0.05):
                            self.wfile.write(b"X: y\r\n")
                else:
                    self.send_response(answer)
                    self.send_header("Location", "/elsewhere")
                    self.send_header("Content-Length", "0")
                    self.end_headers()

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self.server.server_port}/end?of=job"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()


class WebhookCase(LaneCase):
    def setUp(self):
        super().setUp()
        self.use_new_user()
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)
        with self.committed() as env:
            self.webhook = env["batch.webhook"].create({"name": NAME, "url": self.receiver.url}).id
        self.enterContext(self.settings(webhook_private_addresses="true"))

    def ended(self, **options):
        """The id of a job that has ended, and whose end is still to be sent."""
        job = self.submit(create("Told"), webhook=NAME, **options)
        self.work()
        return job

    def send(self):
        """Send what is due as Odoo's scheduler does it, which gives a scheduled action ten seconds."""
        with self.committed() as env:
            env.ref("batch_executor.ir_cron_webhooks").method_direct_trigger()

    def due_now(self):
        self.sql("UPDATE batch_delivery SET next_at = now() AT TIME ZONE 'UTC' - interval '1 second' WHERE next_at IS NOT NULL")

    def delivery(self, job):
        return self.sql("SELECT state, tries FROM batch_delivery WHERE job_id = %s ORDER BY id DESC LIMIT 1", job)[0]

    def results(self, job):
        with self.committed(self.user_id) as env:
            return env["batch.job"].browse(job).delivery_ids.try_ids.mapped("result")

    @contextmanager
    def limits(self, **values):
        """Other time limits of requests."""
        before = {name: getattr(post, name) for name in values}
        for name, value in values.items():
            setattr(post, name, value)
        try:
            yield
        finally:
            for name, value in before.items():
                setattr(post, name, value)
