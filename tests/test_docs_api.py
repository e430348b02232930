"""Run docs/api.md: each request in it, in order, against the server; each answer it shows is what comes back."""

import ast
import contextlib
import inspect
import io
import json
import os
import re
import subprocess
import tempfile

from odoo.tests.common import BaseCase, get_db_name

from odoo.addons import batch_executor as addon
from odoo.addons.batch_executor import batch_executor, exceptions
from odoo.addons.batch_executor.controllers.batch_executor import BatchExecutorController
from odoo.addons.batch_executor.engine import operations, options, spec, states, verdict
from odoo.addons.batch_executor.engine.openapi import params_name
from odoo.addons.batch_executor.engine.settings import SETTINGS

from . import docs
from .api_case import ApiCase
from .case import PATIENCE_S
from .described import differences
from .doors import Refused, base_url
from .extras import needs

PAGE = "docs/api.md"
VERBS = [name for name in vars(BatchExecutorController) if not name.startswith("_")]
#: Verbs before which lanes get to work: who asks how far a job is wants to see it run.
LOOKING = ("status", "result", "failures", "warnings", "changes", "apply", "undo")


def names(cell):
    """What stands in backticks in a cell of a table."""
    return re.findall(r"`([^`]+)`", cell)


@needs(program="curl")
class TestApiPage(ApiCase):
    @classmethod
    def set_up_data(cls, env):
        env["res.lang"]._activate_lang("fr_FR")
        cls.addClassCleanup(cls._deactivate_french)
        env["batch.webhook"].create({"name": "shop-A", "url": "https://shop.example.com/batch"})
        action = env["ir.actions.server"].create(
            {
                "name": "Batch finished",
                "model_id": env["ir.model"]._get_id("batch.job"),
                "state": "code",
                "code": "record.message_post(body='finished')",
            }
        )
        env["batch.limit"].create({"name": "shop-A", "max_in_flight": 2})
        visited = env["ir.actions.server"].create(
            {
                "name": "Mark as visited",
                "model_id": env["ir.model"]._get_id("res.partner"),
                "state": "code",
                "code": "records.write({'comment': 'Visited'})",
            }
        )
        env["ir.model.data"].create(
            [
                {"module": "my_module", "name": name, "model": action._name, "res_id": action_id}
                for name, action_id in (("batch_finished", action.id), ("mark_as_visited", visited.id))
            ]
        )

    @classmethod
    def _deactivate_french(cls):
        with cls.committed() as env:
            env["res.lang"].search([("code", "=", "fr_FR")]).active = False

    def test_each_example_is_answered_as_shown(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory())
        comparison = docs.Comparison()
        outcome = None
        for block in docs.blocks(PAGE):
            place = f"{PAGE}:{block.line}"
            if block.language == "bash":
                self.assertIsNone(outcome, f"{place}: the answer before it is not shown")
                outcome = ("answer", self._run_bash(block.text))
            elif block.language == "python":
                self.assertIsNone(outcome, f"{place}: the answer before it is not shown")
                outcome = ("printed", self._run_python(block))
            elif block.language == "text":
                self.assertEqual(("printed", block.text), outcome, place)
                outcome = None
            elif block.words[0] in VERBS:
                self.assertIsNone(outcome, f"{place}: the answer before it is not shown")
                outcome = self._ask(block.words[0], comparison.put_in(block.json()))
            else:
                kind, given = outcome
                self.assertEqual(block.words[0], kind, f"{place}: {given}")
                whole = "complete" in block.words
                differences = list(comparison.differences(block.json(), given, whole))
                self.assertEqual(differences, [], f"{place}:\n" + "\n".join(differences))
                outcome = None
        self.assertIsNone(outcome, "the last answer is not shown")

    def _ask(self, verb, params):
        if verb in LOOKING:
            self.work()
        try:
            answer = self.door.call(verb, **params)
            self.assertEqual(differences(params_name(verb), params), [], "this request is not described")
            return "answer", answer
        except Refused as error:
            return "error", {"name": error.name, "message": error.message, "arguments": error.arguments}

    def _run_python(self, block):
        printed = io.StringIO()
        with self.committed(self.user.id) as env, contextlib.redirect_stdout(printed):
            exec(compile(block.text, f"{PAGE}:{block.line}", "exec"), {"env": env})
        return printed.getvalue()

    def _run_bash(self, program):
        environment = {
            **os.environ,
            "ODOO_URL": base_url(),
            "ODOO_DB": get_db_name(),
            "ODOO_KEY": self.user.key,
            "FOLDER": self.folder,
        }
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", program],
            env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
        )  # fmt: skip
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)


class TestApiPageIsComplete(BaseCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.requests = [
            (block.words[0], block.json())
            for block in docs.blocks(PAGE)
            if block.language == "json" and block.words[0] in VERBS
        ]
        cls.operations = [operation for _verb, params in cls.requests for operation in params.get("operations", ())]

    def assertColumn(self, heading, expected):
        """The names in the first column of a table are just these."""
        found = [name for row in docs.table(PAGE, heading) for name in names(row[0])]
        self.assertEqual(sorted(found), sorted(expected), f"the table under {heading!r}")

    def test_every_verb_is_listed_and_shown(self):
        found = [name.partition("(")[0] for row in docs.table(PAGE, "Verbs") for name in names(row[0])]
        self.assertEqual(sorted(found), sorted(VERBS))
        self.assertEqual({verb for verb, _params in self.requests}, set(VERBS))

    def test_every_key_and_type_of_an_operation_is_listed_and_shown(self):
        self.assertColumn("Operations", spec.KNOWN)
        shown = {key for operation in self.operations for key in operation}
        self.assertEqual(spec.KNOWN - shown, set())
        self.assertEqual(
            {*operations.SUBMITTED}
            - {operation["operation_type"] for operation in self.operations if "operation_type" in operation},
            set(),
        )
        text = docs.read(PAGE)
        for name in (*operations.ALIASES, *spec.IGNORED):
            self.assertIn(f"`{name}`", text)

    def test_every_option_is_listed_with_its_default_and_shown(self):
        self.assertColumn("Options", [*options.READERS, "context"])
        shown = {key for verb, params in self.requests if verb in ("submit", "execute") for key in params}
        self.assertEqual({*options.READERS} - shown, set())
        defaults = options.Options()
        for row in docs.table(PAGE, "Options"):
            [name] = names(row[0])
            default = getattr(defaults, name, None)
            if default is not None and default.__class__ is not bool:
                self.assertEqual(row[1].strip("`"), str(default), name)
        rollback = next(row for row in docs.table(PAGE, "Options") if names(row[0]) == ["rollback"])
        self.assertLessEqual({*options.ROLLBACKS}, {*names(rollback[2])})
        for name in options.QUEUED_ONLY:
            self.assertIn(f"`{name}`", re.search(r"`execute` takes all.*", docs.read(PAGE))[0])

    def test_every_state_is_listed(self):
        jobs, operations = docs.table(PAGE, "States")
        self.assertEqual(sorted(names(" ".join(jobs))), sorted(states.JOB_STATES))
        self.assertEqual(sorted(names(" ".join(operations))), sorted(states.OPERATION_STATES))

    def test_every_error_type_is_listed(self):
        listed = {name for row in docs.table(PAGE, "Records that fail") for name in names(row[0])}
        self.assertEqual(own_error_types() - listed, set())
        text = docs.read(PAGE)
        for name in ("BatchValidationError", "BatchExecutionError"):
            self.assertTrue(hasattr(exceptions, name))
            self.assertIn(name, text)

    def test_every_class_is_listed_with_its_arguments(self):
        common = set(inspect.signature(batch_executor.BatchOperation).parameters) - {"model", "data"}
        for row in docs.table(PAGE, "In Python"):
            [name] = names(row[0])
            expected = [key for key in inspect.signature(getattr(batch_executor, name)).parameters if key not in common]
            self.assertEqual(sorted(names(row[1])), sorted(expected), name)
        listed = {name for row in docs.table(PAGE, "In Python") for name in names(row[0])}
        exported = {name for name in dir(addon) if name.endswith(("Executor", "Operation"))}
        self.assertEqual(listed, exported)

    def test_every_setting_is_listed_with_its_default(self):
        page = docs.read("README.rst")
        listed = dict(re.findall(r"^(\w+) +(\d+) +\S", page[page.index("\nSettings\n") :], re.MULTILINE))
        self.assertEqual(listed, {name: str(value) for name, value in SETTINGS.items()})
        limits = {name: row[1] for row in docs.table(PAGE, "Limits") for name in names(row[0])}
        for name in ("max_records", "max_operations", "max_jobs", "execute_limit"):
            self.assertEqual(limits[name].replace(" ", ""), str(SETTINGS[name]), name)


def own_error_types():
    """The error types our own code gives to records, wherever it does so."""
    found = {*verdict.ERROR_TYPES.values(), "MissingReference", exceptions.TransactionControlError.__name__}
    for folder in ("run", "models"):
        for path in (docs.ROOT / folder).glob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("failure", "Failure"):
                    found |= {arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant)}
                elif isinstance(node, ast.ClassDef) and node.name.endswith("Error"):
                    found.add(node.name)
    return found - {"Skipped"}
