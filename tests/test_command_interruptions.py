"""`odoo-batch` while something breaks: the terminal, the pipe, the connection, the server."""

import os
import pty
import re
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from unittest.mock import patch

from .case import PATIENCE_S
from .client_package import make_importable
from .command_case import DONE, ERROR, FAILED, INTERRUPTED, REFUSED, CommandCase
from .doors import base_url
from .extras import is_installed, needs


@needs("httpx")
class TestInterruptions(CommandCase):
    """What goes wrong meanwhile: nothing is lost, nothing is stored twice."""

    LOAD = ("load", "some.csv", "-m", "res.partner", "--wait")

    def setUp(self):
        super().setUp()
        self.file("some.csv", "name", "Command O")

    @contextmanager
    def waiting(self, *options):
        """A load that waits for its job, as nobody runs it."""
        process = self.start(*self.LOAD, *options)
        lines = []
        reader = threading.Thread(target=lambda: lines.extend(iter(process.stderr.readline, "")), daemon=True)
        reader.start()
        self.wait_until(lambda: any("pending" in line for line in list(lines)))
        yield process, lines
        reader.join(PATIENCE_S)

    def test_the_first_ctrl_c_says_how_to_go_on_the_second_one_leaves(self):
        with self.waiting() as (process, lines):
            process.send_signal(signal.SIGINT)
            self.wait_until(lambda: any("Ctrl+C again leaves" in line for line in list(lines)))
            self.assertIsNone(process.poll())
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(PATIENCE_S), INTERRUPTED)
        [job_id] = self.jobs()
        said = "".join(lines)
        self.assertIn(f"odoo-batch cancel {job_id}", said)
        self.assertNotIn("Traceback", said)
        with self.lanes_at_work():
            _out, err = self.run_command(*self.LOAD)
        self.assertIn(f"Going on with job {job_id}", err)
        self.assertEqual([self.jobs(), self.partners("Command O"), self.states()], [[job_id], [1], []])

    def test_two_at_once(self):
        with self.waiting() as (process, _lines):
            _out, err = self.run_command(*self.LOAD, expect=ERROR)
            self.assertIn(f"running already (process {process.pid})", err)
            self.run_command("load", "some.csv", "-m", "res.partner", "--name", "Another")
            process.kill()
        self.assertEqual(len(self.jobs()), 2, "another command is another load")
        with self.lanes_at_work():
            self.run_command(*self.LOAD)
        self.assertEqual(len(self.jobs()), 2)

    def test_the_file_has_changed(self):
        with self.waiting() as (process, _lines):
            process.kill()
        self.file("some.csv", "name", "Command P")
        with self.lanes_at_work():
            _out, err = self.run_command(*self.LOAD)
        first, second = self.jobs()
        self.assertIn(f"Job {first} has it as it was", err)
        self.assertNotEqual(first, second)
        self.assertEqual(self.partners("Command O", "Command P"), [1, 1])

    def test_the_file_changes_while_it_is_sent(self):
        make_importable()
        large = self.file("large.csv", "name", *["x" * 6500] * 400)

        def append(*_told):
            with large.open("a") as file:
                file.write("One more\n")

        load = "load", large, "-m", "res.partner.category", "--request-size", "1"
        with patch("odoo_batch.progress.Lines.sent", append):
            _out, err = self.inside(*load, expect=ERROR)
        self.assertIn("large.csv has changed while it was read", err)
        self.assertEqual(self.states(), [])
        # in one request: nothing of it is stored
        with patch("odoo_batch.progress.Lines.sent", append):
            self.inside(*load[:-2], expect=ERROR)
        [job_id] = self.jobs()
        self.assertEqual(self.door.call("status", job_id)["state"], "cancelled", "what was sent is given up")

    def test_somebody_has_cancelled_the_job(self):
        self.file("some.csv", "name,ref", *[f"Command Q,{'x' * 6500}"] * 200)  # in several requests
        options = "--request-size", "1"
        with self.waiting(*options) as (process, _lines):
            process.kill()
        [job_id] = self.jobs()
        self.inside("cancel", job_id)
        out, err = self.run_command(*self.LOAD, *options, expect=FAILED)
        self.assertIn(f"Job {job_id} of an earlier run of this command was cancelled", err)
        self.assertIn(f"Job {job_id} cancelled", out)
        self.assertEqual([self.jobs(), self.states()], [[job_id], []])

    def test_the_job_is_gone(self):
        with self.waiting() as (process, _lines):
            process.kill()
        self.sql("DELETE FROM batch_job WHERE id = %s", self.jobs()[0])
        _out, err = self.run_command(*self.LOAD, expect=REFUSED)
        self.assertIn("--restart", err)
        with self.lanes_at_work():
            self.run_command(*self.LOAD, "--restart")
        self.assertEqual([self.partners("Command O"), self.states()], [[1], []])

    def test_a_server_that_comes_up_late(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        _out, err = self.run_command(*self.LOAD, "--attempts", "2", expect=ERROR, ODOO_URL=url)
        self.assertEqual(err.count("can't be reached"), 2, err)
        self.assertIn("The same command goes on", err)
        [state] = self.states()
        # its answer is lost, too: the first connection is just closed
        host, port = base_url().rpartition("/")[2].split(":")
        with Relay((host, int(port)), int(url.rpartition(":")[2])) as relay, self.lanes_at_work():
            self.run_command(*self.LOAD, ODOO_URL=url)
        self.assertEqual(relay.lost, 1)
        [job_id] = self.jobs()
        with self.committed() as env:
            self.assertEqual(env["batch.job"].browse(job_id).idempotency_key, state["idempotency_key"])
        self.assertEqual(self.partners("Command O"), [1])

    def test_a_bar_in_a_terminal(self):
        if not is_installed("rich"):
            self.skipTest("rich")
        master, slave = pty.openpty()
        with self.lanes_at_work():
            process = subprocess.Popen(
                [sys.executable, "-m", "odoo_batch.cli", *self.LOAD], cwd=self.folder, env={**self.environment, "TERM": "xterm"},
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=slave,
            )  # fmt: skip
            self._processes.append(process)
            os.close(slave)
            shown = b""
            try:
                while piece := os.read(master, 4096):
                    shown += piece
            except OSError:  # the terminal is closed with its process
                pass
            os.close(master)
            self.assertEqual(process.wait(PATIENCE_S), DONE)
        self.assertIn("━".encode(), shown)
        self.assertIn(b"1 of 1 record", re.sub(rb"\x1b\[[0-9;]*m", b"", shown))


class Relay:
    """Passes connections on to a server; the answer on the first one is lost.

    :ivar lost: how many answers were
    """

    def __init__(self, server, port):
        self.server = server
        self.listener = socket.create_server(("127.0.0.1", port))
        self.lost = 0

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_error):
        self.listener.close()

    def _accept(self):
        while True:
            try:
                client, _address = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(self.server)
            threading.Thread(target=self._pass, args=(client, server), daemon=True).start()
            threading.Thread(target=self._answer, args=(server, client), daemon=True).start()

    def _pass(self, source, target):
        try:
            while piece := source.recv(65536):
                target.sendall(piece)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def _answer(self, server, client):
        if not self.lost:
            if server.recv(1):  # the server has done it
                self.lost += 1
            client.shutdown(socket.SHUT_RDWR)
            server.close()
            return
        self._pass(server, client)
