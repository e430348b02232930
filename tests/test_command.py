"""The command `odoo-batch`: real processes, real files, the real server."""

import json
import os
import pty
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from unittest.mock import patch

from odoo.tests.common import BaseCase, get_db_name, tagged

from . import docs
from .case import PATIENCE_S
from .client_package import make_importable
from .command_case import DONE, ERROR, FAILED, INTERRUPTED, PARTIAL, REFUSED, CommandCase
from .doors import base_url
from .extras import is_installed, needs

PAGE = "docs/command.md"


@needs("httpx")
class TestLoad(CommandCase):
    def test_a_file_is_loaded_and_told(self):
        self.file("großé partners.csv", "id,name,ref", "command.a,Command A,ca", "command.b,Command B,cb")
        with self.lanes_at_work():
            out, err = self.run_command("load", "großé partners.csv", "--model", "res.partner", "--wait")
        [job_id] = self.jobs()
        self.assertIn(f"Job {job_id} completed: 2 records succeeded (2 created).", out)
        self.assertIn(f"{base_url()}/odoo/batch-jobs/{job_id}", out)
        self.assertIn("großé partners.csv: ", err)
        self.assertIn(f"großé partners.csv is job {job_id}: ", err)
        self.assertIn("großé partners.csv: completed, 2 of 2 records (100 %)", err)
        self.assertEqual(self.partners("Command A", "Command B"), [1, 1])
        self.assertEqual(self.door.call("status", job_id)["name"], "großé partners.csv")
        self.assertEqual(self.states(), [], "it is over: the same command is a new load")
        self.assertFalse((self.folder / "großé partners.failed.csv").exists())

    def test_records_that_failed_are_written_beside_the_file_and_loaded_again(self):
        (self.folder / "data").mkdir()
        self.file("data/some.csv", "name;type;comment", "Command C;contact;", "Command D;nonsense;=1+1")
        failed = self.folder / "data" / "some.failed.csv"
        with self.lanes_at_work():
            out, _err = self.run_command("load", "data/some.csv", "-m", "res.partner", "--wait", "--quiet", expect=PARTIAL)
            self.assertIn("1 record succeeded (1 created), 1 failed.", out)
            self.assertIn("data/some.failed.csv", out)
            head, line = failed.read_text(encoding="utf-8-sig").splitlines()
            self.assertTrue(head.startswith("name,type,comment,"), head)
            self.assertIn("Command D", line)
            failed.write_text(failed.read_text().replace("Command D,nonsense", "Command D,contact"))
            self.run_command("load", "data/some.failed.csv", "-m", "res.partner", "--wait")
            self.assertEqual(self.partners("Command C", "Command D"), [1, 1])
            # the same again, while somebody is still at work on that file
            mended, some = failed.read_text(), self.folder / "data" / "some.csv"
            again = "load", some, "-m", "res.partner", "--wait"
            _out, err = self.inside(*again, expect=PARTIAL)
            self.assertEqual([failed.with_name("some.failed.old.csv").read_text(), "nonsense" in failed.read_text()], [mended, True])
            self.assertIn("some.failed.csv was there already: that one is ", err)
            some.write_text(some.read_text().replace("nonsense", "contact"))
            _out, err = self.inside(*again)
            self.assertIn("some.failed.csv is of an earlier load", err)
        with self.committed() as env:
            self.assertIn(">=1+1<", env["res.partner"].search([("name", "=", "Command D")], order="id", limit=1).comment)

    def test_nothing_succeeds_and_the_failures_go_where_they_are_wanted(self):
        self.file("bad.csv", "name,type", "Command E,nonsense")
        with self.lanes_at_work():
            options = "-m", "res.partner", "--wait", "--failed", "to mend.ndjson"
            status = self.answer("load", "bad.csv", *options, expect=FAILED)
        self.assertEqual([status["state"], status["failed_file"]], ["failed", "to mend.ndjson"])
        [line] = (self.folder / "to mend.ndjson").read_text().splitlines()
        self.assertEqual(json.loads(line)["name"], "Command E")

    def test_a_file_that_is_refused(self):
        self.file("wrong.csv", "name,nme", "Command F,1")
        out, err = self.run_command("load", "wrong.csv", "-m", "res.partner", expect=REFUSED)
        self.assertEqual(out, "")
        self.assertRegex(err, r"(?m)^  .*nme")
        self.file("wrong.csv", "name,active", "Command F,1", "Command F,1,3")
        _out, err = self.inside("load", self.folder / "wrong.csv", "-m", "res.partner", expect=REFUSED)
        self.assertRegex(err, r"(?m)^  row 3")
        self.assertEqual([self.jobs(), self.states()], [[], []], "nothing is stored")
        answer = self.inside_answer("load", self.folder / "wrong.csv", "-m", "res.partner", expect=REFUSED)
        self.assertEqual(answer["error"]["type"], "Refused")
        self.assertIn(3, [problem.get("row") for problem in answer["error"]["problems"]])

    def test_a_large_file_that_is_refused_in_its_last_piece(self):
        file = self.file("large.csv", "name", *["x" * 6500] * 200, "Command F,1")
        _out, err = self.inside("load", file, "-m", "res.partner.category", "--request-size", "1", expect=REFUSED)
        self.assertRegex(err, r"(?m)^  row 202")
        [job_id] = self.jobs()
        self.assertEqual(self.door.call("status", job_id)["state"], "cancelled", "what was sent is given up")
        self.assertEqual(self.states(), [])

    def test_a_plan_with_options_is_run_for_real_and_taken_back(self):
        self.file("plan.csv", "name;partner_latitude", "Command G;1,5")
        with self.lanes_at_work():
            plan = self.answer(
                "load", "plan.csv", "-m", "res.partner", "--wait", "--dry-run", "--track-changes", "-s", ";", "--name", "A plan",
                "--option", "max_chunk_size=7", "--option", "float_decimal_separator=,", "--option", "float_thousand_separator=.",
                "--context", '{"lang": "en_US"}', "--max-failures", "5%",
            )  # fmt: skip
            self.assertEqual([plan["name"], self.partners("Command G")], ["A plan", [0]])
            with self.committed() as env:
                job = env["batch.job"].browse(plan["job_id"])
                self.assertEqual([job.dry_run, job.track_changes, job.max_chunk_size], [True, True, 7])
            done = self.answer("apply", plan["job_id"], "--wait")
            self.assertEqual(done["origin_job_id"], plan["job_id"])
            with self.committed() as env:
                self.assertEqual(env["res.partner"].search([("name", "=", "Command G")]).partner_latitude, 1.5)
            out, _err = self.run_command("undo", done["uuid"], "--wait")
            self.assertIn("1 record succeeded", out)
            self.assertEqual(self.partners("Command G"), [0])
            _out, err = self.inside("undo", done["uuid"], expect=REFUSED)
            self.assertTrue(err.startswith("odoo-batch: "), err)

    def test_standard_input_of_json_lines(self):
        lines = '{"ref": "command-1", "name": "Command H"}\n{"ref": "command-2", "name": "Command I"}\n'
        with self.lanes_at_work():
            for expected in ("created_records", "unchanged_records"):
                status = self.answer("load", "-", "-m", "res.partner", "--key", "ref", "--skip-unchanged", "--wait", text=lines)
                self.assertEqual(status["stats"][expected], 2)
        self.assertEqual([len(self.jobs()), self.partners("Command H", "Command I")], [2, [1, 1]])

    def test_a_connection_file_of_fluvo(self):
        host, port = base_url().rpartition("/")[2].split(":")
        self.file(
            "connection.conf", "[Connection]", f"hostname = {host}", f"port = {port}", "protocol = jsonrpc", "login = import",
            f"database = {get_db_name()}", f"password = {self.user.key}",
        )  # fmt: skip
        nowhere = {"ODOO_URL": "http://127.0.0.1:1", "ODOO_KEY": "wrong", "ODOO_DB": "nowhere"}
        conf = self.folder / "connection.conf"
        self.assertEqual(self.run_command("jobs", "-c", "connection.conf", **nowhere)[0], "No jobs.\n")
        out, _err = self.inside("jobs", "--json", "-c", conf, "--api-key", "wrong", expect=REFUSED, **nowhere)
        self.assertEqual(json.loads(out)["error"]["type"], "AccessDenied")
        conf.write_text(conf.read_text().replace(self.user.key, "secret"))
        _out, err = self.inside("jobs", "-c", conf, expect=REFUSED, **nowhere)
        self.assertIn("Add API Key", err)
        self.assertIn("connection.conf it is the password", err)


@needs("httpx")
class TestJobs(CommandCase):
    def test_a_job_that_is_handed_over_and_followed(self):
        self.file("some.csv", "name,type", "Command J,contact", "Command K,nonsense")
        out, _err = self.run_command("load", "some.csv", "-m", "res.partner")
        [job_id] = self.jobs()
        self.assertIn(f"Job {job_id} pending: 0 of 2 records (0 %).", out)
        self.assertIn(f"odoo-batch status {job_id} --wait", out)
        self.assertEqual(self.states(), [], "it is handed over")
        self.assertIn("pending", self.inside("status", job_id)[0])
        for verb, state in (("pause", "paused"), ("resume", "pending"), ("cancel", "cancelled")):
            self.assertEqual(self.inside_answer(verb, job_id)["state"], state)
        self.inside("status", job_id, expect=FAILED)
        with self.lanes_at_work():
            out, err = self.run_command("retry", job_id, "--wait", expect=PARTIAL)
            self.assertIn("some.csv: partial, 2 of 2 records (100 %), 1 failed", err)
        with self.committed() as env:
            env["batch.job"].browse(job_id).name = "[red]A name[/red]"
        out, _err = self.inside("jobs")
        self.assertRegex(out, rf"^{job_id}  partial  2/2  1 failed  20\d\d-.* \[red\]A name\[/red\]\n$")
        self.assertEqual([job["job_id"] for job in self.inside_answer("jobs", "--state", "partial", "--limit", "1")], [job_id])
        self.assertEqual(self.inside("jobs", "--state", "paused")[0], "No jobs.\n")

    def test_files_of_a_job(self):
        self.file("some.csv", "name,type", "Command L,contact", "Command M,nonsense")
        with self.lanes_at_work():
            job_id = self.answer("load", "some.csv", "-m", "res.partner", "--wait", "--track-changes", expect=PARTIAL)["job_id"]
        out, _err = self.inside("failures", job_id)
        self.assertRegex(out, r"^row 3: \w+: .*nonsense")
        [failure] = self.inside_answer("failures", job_id)
        self.assertIn("nonsense", failure["error"])
        self.inside("failures", f"{base_url()}/odoo/batch-jobs/{job_id}", "-o", self.folder / "mend me.xlsx")
        self.assertTrue((self.folder / "mend me.xlsx").read_bytes().startswith(b"PK"))
        out, _err = self.inside("export", job_id)
        self.assertEqual([line.split(",")[2] for line in out.splitlines()], ["_outcome", "created", "failed"])
        changes = self.folder / "changes.ndjson"
        self.assertEqual(self.inside_answer("export", job_id, "changes", "-o", changes)["file"], str(changes))
        changed = map(json.loads, changes.read_text().splitlines())
        self.assertIn(["name", "Command L"], [[change["field"], change["after"]] for change in changed])
        _out, err = self.inside("export", job_id, "-o", "no/such/folder.csv", expect=ERROR)
        self.assertIn("no/such/folder.csv can't be written", err)
        _out, err = self.inside("export", job_id, "-o", "results.txt", expect=ERROR)
        self.assertIn("--format", err)

    def test_what_can_not_be_done_is_said(self):
        for arguments, code, said in (
            (["load", "nowhere.csv", "-m", "res.partner"], ERROR, "nowhere.csv can't be read"),
            (["load", "some.xlsx", "-m", "res.partner"], ERROR, "save it as CSV"),
            (["load", "some.csv"], ERROR, "-m/--model"),
            (["load", "some.csv", "-m", "res.partner", "--option", "draft=true"], ERROR, "draft"),
            (["frobnicate"], ERROR, "invalid choice"),
            (["status", str(2**31 - 9)], REFUSED, "batch job"),
            (["cancel", "00000000-0000-0000-0000-000000000000"], REFUSED, "batch job"),
            (["jobs", "--api-key", "wrong"], REFUSED, "odoo-batch: "),
            (["jobs", "--url", "odoo.example.com"], ERROR, "is no address of a server"),
            (["jobs", "--api-key", " "], ERROR, "key"),
        ):
            with self.subTest(arguments=arguments):
                out, err = self.inside(*arguments, expect=code)
                self.assertEqual(out, "")
                self.assertIn(said, err)
        _out, err = self.inside("jobs", ODOO_URL="", expect=ERROR)
        self.assertIn("ODOO_URL", err)

    def test_somebody_without_the_right(self):
        with self.committed() as env:
            outsider = self.new_user(env, "batch-outsider", "base.group_user")
        file = self.file("some.csv", "name", "Command N")
        _out, err = self.inside("load", file, "-m", "res.partner", "--api-key", outsider.key, expect=REFUSED)
        self.assertIn("odoo-batch: You may not use batch jobs", err)
        self.inside("load", file, "-m", "res.currency", expect=REFUSED)
        self.assertEqual(self.jobs(), [])


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


@tagged("post_install", "-at_install")
@needs("httpx")
class TestPage(BaseCase):
    """The page and `--help` speak of the same commands."""

    def setUp(self):
        super().setUp()
        make_importable()
        from odoo_batch.cli import parser

        self.parser = parser.build("1")
        self.commands = self.parser._subparsers._group_actions[0].choices
        self.texts = [docs.read(PAGE), parser.DESCRIPTION, parser.LOAD_EXAMPLES, parser.EXPORT_EXAMPLES]

    def test_every_example_is_understood(self):
        examples = [example for text in self.texts for example in re.findall(r"(?:^|\| )\s*(odoo-batch (?!COMMAND).*)$", text, re.MULTILINE)]
        self.assertGreater(len(examples), 10)
        for example in examples:
            words = shlex.split(example.replace("JOB", "42"), comments=True)
            cut = next((place for place, word in enumerate(words) if word in (">", "|", "||", "&&")), len(words))
            with self.subTest(example=example):
                self.parser.parse_args(words[1:cut])

    def test_every_command_and_option_is_told(self):
        page = self.texts[0]
        for name, command in self.commands.items():
            self.assertIn(f"`{name} ", page.replace("`jobs`", "`jobs "))
            options = [next((option for option in action.option_strings if option.startswith("--")), "") for action in command._actions]
            for option in set(options) - {"--help"}:
                self.assertIn(option, page, name)
