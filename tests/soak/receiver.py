"""Receives the ends of jobs, and is as unreliable as a shop's server: it fails, hangs, and comes back."""

import base64
import hmac
import json
import random
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

#: How often it answers with an error, and how often it hangs for longer than anybody waits; the rest goes well.
FAILS, HANGS = 0.2, 0.05
HANG_S = 20


class Receiver:
    """A server on a free port of this machine.

    :ivar promised: ids of jobs whose end is to be told here
    :ivar told: ids of jobs whose end was told, and taken
    :ivar calls: requests so far
    :ivar is_well: it takes all that comes
    """

    def __init__(self, seed):
        self.random = random.Random(seed)
        key = self.random.randbytes(32)
        self.secret = f"whsec_{base64.b64encode(key).decode()}"
        self.key = key
        self.promised, self.told = set(), set()
        self.calls = 0
        self.is_well = False
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(receiver.take(self.headers, body))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_args):
                """Nobody reads them."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/ends"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, headers, body):
        """Take a request, or not; returns the status of the answer."""
        self.calls += 1
        chance = 1 if self.is_well else self.random.random()
        if chance < HANGS:
            time.sleep(HANG_S)
        if chance < HANGS + FAILS:
            return 503
        signed = b".".join([headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body])
        signature = base64.b64encode(hmac.digest(self.key, signed, "sha256")).decode()
        status = json.loads(body)
        if headers["webhook-signature"] == f"v1,{signature}" and status["finished_at"]:
            self.told.add(status["job_id"])
            return 204
        return 400

    def missing(self):
        """Ids of jobs whose end was to be told, and was not yet."""
        return self.promised - self.told

    def close(self):
        self.server.shutdown()
        self.server.server_close()
