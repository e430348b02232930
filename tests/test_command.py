"""The command `odoo-batch`: real processes, real files, the real server."""

import json
import re
import shlex

from odoo.tests.common import BaseCase, get_db_name, tagged

from . import docs
from .client_package import make_importable
from .command_case import ERROR, FAILED, PARTIAL, REFUSED, CommandCase
from .doors import base_url
from .extras import needs

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
            (["status", "0"], REFUSED, "There is no such batch job."),
            (["status", "9" * 20], REFUSED, "There is no such batch job."),
            (["jobs", "--limit", "9" * 20], ERROR, "a number from 1 to 2147483647 is expected"),
            (["jobs", "--limit", "0"], ERROR, "a number from 1 to 2147483647 is expected"),
            (["jobs", "--state", "nope"], ERROR, "'nope' (choose from"),
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

    def test_a_job_of_another_server_is_left_alone(self):
        self.file("some.csv", "name", "Command O")
        job_id = self.inside_answer("load", self.folder / "some.csv", "-m", "res.partner")["job_id"]
        _out, err = self.inside("cancel", f"https://staging.elsewhere.example.com/odoo/batch-jobs/{job_id}", expect=ERROR)
        self.assertIn("The job is of https://staging.elsewhere.example.com, the command of " + base_url(), err)
        self.assertEqual(self.inside_answer("status", f"{base_url().upper()}/odoo/batch-jobs/{job_id}/?debug=1#here")["state"], "pending")

    def test_somebody_without_the_right(self):
        with self.committed() as env:
            outsider = self.new_user(env, "batch-outsider", "base.group_user")
        file = self.file("some.csv", "name", "Command N")
        _out, err = self.inside("load", file, "-m", "res.partner", "--api-key", outsider.key, expect=REFUSED)
        self.assertIn("odoo-batch: You may not use batch jobs", err)
        self.inside("load", file, "-m", "res.currency", expect=REFUSED)
        self.assertEqual(self.jobs(), [])


@tagged("post_install", "-at_install")
@needs("httpx")
class TestNames(BaseCase):
    """How a job is named, and what of it is of the server that the command asks."""

    def setUp(self):
        super().setUp()
        make_importable()
        from odoo_batch.cli import errors, names

        self.UsageError, self.named = errors.UsageError, names.job_name

    def test_numbers_uuids_and_addresses(self):
        uuid = "9b2f7f0e-3c0d-4f3e-8a53-0f4b3c6f0a11"
        for text, server, name in (
            ("4", "http://a.example", 4),
            (" 4/ ", "http://a.example", 4),
            (uuid, "http://a.example", uuid),
            ("https://a.example/odoo/batch-jobs/4", "https://a.example", 4),
            ("https://a.example/odoo/batch-jobs/4/?debug=/9#/8", "https://a.example", 4),
            ("HTTPS://A.Example:443/odoo/batch-jobs/4", "https://a.example", 4),
            ("https://a.example/odoo/batch-jobs/4", "https://A.example:443/under", 4),
            ("http://a.example:80/odoo/batch-jobs/4", "http://a.example.", 4),
            ("http://[::1]:8069/odoo/batch-jobs/4", "http://[0:0:0:0:0:0:0:1]:8069", 4),
            ("https://xn--gro-7ka.example/odoo/batch-jobs/4", "https://groß.example", 4),
            ("a.example/odoo/batch-jobs/4", "https://a.example", 4),
            ("a.example:8069/odoo/batch-jobs/4", "http://a.example:8069", 4),
            ("/odoo/batch-jobs/4", "https://a.example", 4),
            ("https://a.example/odoo/batch-jobs/4/batch-failures/7", "https://a.example", 4),
            ("https://a.example/odoo/batch-jobs/4/batch-jobs/7", "https://a.example", 7),
            ("https://a.example/odoo/action-512/4", "https://a.example", 4),
        ):
            with self.subTest(text=text, server=server):
                self.assertEqual(self.named(text, server), name)

    def test_other_servers(self):
        for text, server, said in (
            ("https://b.example/odoo/batch-jobs/4", "https://a.example", "of https://b.example, the command of https://a.example"),
            ("https://a.example:8443/odoo/batch-jobs/4", "https://a.example", "of https://a.example:8443, the"),
            ("https://user:secret@b.example/odoo/batch-jobs/4", "https://a.example", "of https://b.example, the"),
            ("http://[::2]/odoo/batch-jobs/4", "http://[::1]", "of http://[::2], the"),
            ("http://a.example/odoo/batch-jobs/4", "https://a.example", "only http and https differ"),
            ("https://a.example:8069/odoo/batch-jobs/4", "http://a.example:8069", "only http and https differ"),
            ("b.example/odoo/batch-jobs/4", "https://a.example", "of https://b.example, the"),
            ("a.example:8069/odoo/batch-jobs/4", "https://a.example", "of https://a.example:8069, the"),
            ("//b.example/odoo/batch-jobs/4", "https://a.example", "of https://b.example, the"),
            ("ftp://a.example/odoo/batch-jobs/4", "https://a.example", "number, uuid or address"),
            ("http://[::1/odoo/batch-jobs/4", "https://a.example", "number, uuid or address"),
            ("http://a.example:x/odoo/batch-jobs/4", "https://a.example", "number, uuid or address"),
            ("https://a.example", "https://a.example", "number, uuid or address"),
            ("/", "https://a.example", "number, uuid or address"),
            ("", "https://a.example", "number, uuid or address"),
        ):
            with self.subTest(text=text, server=server):
                with self.assertRaisesRegex(self.UsageError, re.escape(said)) as caught:
                    self.named(text, server)
                self.assertNotIn("secret", str(caught.exception))


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
