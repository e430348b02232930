"""What must stay true of the code's structure."""

import ast
import re
from pathlib import Path

from odoo.tests.common import BaseCase

from ..engine.operations import TYPES
from ..run.handlers import HANDLERS
from ..run.handlers.base import Handler

ROOT = Path(__file__).resolve().parent.parent
#: What opens a cursor or ends a transaction. Only `run/` may; the rest works in its caller's transaction.
ENDS_OR_OPENS = {"commit", "rollback", "cursor", "_commit_progress"}
#: Places outside `run/` that do so for a reason, by function.
ALLOWED = set()
#: The tables of the engine, as a statement names them.
TABLE = re.compile(r"\bbatch_(job|operation|chunk|failure|warning|change|sizing|draft_key|metric|remains)\b")
#: Functions outside `store/` whose statements name these tables, each for a reason.
STATEMENTS_ABOVE = {
    ("models/batch_finding.py", "init"),  # names its table to the store: of two models that share what they set up
    ("run/fast/family.py", "_table"),  # messages, followers: tables of Odoo's
    ("run/errors.py", "integrity_message"),  # no statement: the model of the table that PostgreSQL names
    ("run/changes/image.py", "_fields"),  # on the tables of the models that are changed
    ("run/changes/referring.py", "_references"),  # on those that refer to them
    ("run/newest.py", "newest_id"),  # on the table of the model whose records are made
    ("run/unchanged/find.py", "_read"),  # on the tables of the models that are compared
    ("run/unchanged/lines.py", "_lines"),
    ("run/upsert_lock.py", "_created_since"),  # on the table of the model that is upserted
}
#: Where `clock_timestamp()` stands: in `NOW`, and in statements for `execute_values`, which takes plain text.
CLOCK = {("store/sql.py", ""), ("store/progress.py", "add_to_operations"), ("store/progress.py", "_move_operations")}
#: Methods that `batch.job` stays under, in all its files together.
MOST_METHODS = 40
MOST_LINES_OF_LANE = 200
LAYERS = ("engine", "store", "run", "models", "controllers")


def modules(folder):
    for path in sorted((ROOT / folder).rglob("*.py")):
        yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text())


def imports(tree, name):
    """Absolute dotted names of everything a module imports; our own start with a dot."""
    package = name.split("/")[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if not node.level:
                yield node.module
            else:
                base = package[: len(package) - node.level + 1]
                for module in [node.module] if node.module else [alias.name for alias in node.names]:
                    yield "." + ".".join([*base, module])


def by_function(tree, function=""):
    """Yields the nodes of a module, each with the name of the function that it stands in."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue  # a docstring
        yield function, node
        yield from by_function(node, node.name if isinstance(node, ast.FunctionDef) else function)


def names_a_table(node):
    """Whether a node is a text with the name of one of our tables, or asks for one in another way."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str) and bool(TABLE.search(node.value))
    if isinstance(node, ast.Name):
        return node.id == "update_job"  # it takes a part of a statement
    return isinstance(node, ast.Attribute) and node.attr == "_table"


def batch_models(tree, wanted=None):
    """The classes of a module that define or extend a model of ours."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            names = [
                getattr(assignment.value, "value", "")
                for assignment in node.body
                if isinstance(assignment, ast.Assign) and assignment.targets[0].id in ("_name", "_inherit")
            ]
            if wanted in names or (wanted is None and any(str(name).startswith("batch.") for name in names)):
                yield node


def is_batch_model(node):
    """Whether an expression starts with `env["batch.…"]`."""
    while isinstance(node, (ast.Attribute, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
    key = getattr(node, "slice", None)
    return isinstance(key, ast.Constant) and str(key.value).startswith("batch.")


class TestStructure(BaseCase):
    def test_the_engine_imports_neither_odoo_nor_the_layers_above_it(self):
        for name, tree in modules("engine"):
            for imported in imports(tree, name):
                self.assertNotEqual(imported.split(".")[0], "odoo", f"{name} imports {imported}")
                self.assertNotIn("psycopg2", imported, name)
                if imported.startswith("."):
                    self.assertEqual(imported.split(".")[1], "engine", f"{name} imports {imported}")

    def test_imports_point_one_way(self):
        for place, layer in enumerate(LAYERS):
            above = LAYERS[place + 1 :]
            for name, tree in modules(layer):
                for imported in imports(tree, name):
                    if imported.startswith("."):
                        self.assertNotIn(imported.split(".")[1], above, f"{name} imports {imported}")

    def test_the_store_knows_nothing_of_odoo_but_its_tools(self):
        for name, tree in modules("store"):
            for imported in imports(tree, name):
                if imported.split(".")[0] == "odoo":
                    self.assertEqual(imported, "odoo.tools", name)

    def test_statements_on_our_tables_stand_in_the_store(self):
        found = {
            (name, function)
            for folder in ("run", "models", "controllers", "engine")
            for name, tree in modules(folder)
            for function, node in by_function(tree)
            if names_a_table(node)
        }
        self.assertEqual(found - STATEMENTS_ABOVE, set(), "statements on batch_* tables belong into store/")
        self.assertEqual(STATEMENTS_ABOVE - found, set(), "no longer so: shorten the list")

    def test_the_time_of_statements_is_spelt_in_one_place(self):
        found = {
            (name, function)
            for folder in LAYERS
            for name, tree in modules(folder)
            for function, node in by_function(tree)
            if isinstance(node, ast.Constant) and "clock_timestamp()" in str(node.value)
        }
        self.assertEqual(found - CLOCK, set(), "use `store.sql.NOW`")
        self.assertEqual(CLOCK - found, set(), "no longer so: shorten the list")

    def test_nothing_below_the_models_calls_their_private_methods(self):
        private = {
            function.name
            for _name, tree in modules("models")
            for model in batch_models(tree)
            for function in model.body
            if isinstance(function, ast.FunctionDef) and function.name.startswith("_")
        }
        found = {
            name
            for folder in ("run", "controllers", "store", "engine")
            for name, tree in modules(folder)
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute)
            and (
                (node.attr in private and getattr(node.value, "id", "") != "self")
                or (node.attr.startswith("_") and is_batch_model(node.value))
            )
        }
        self.assertEqual(found, set(), "run/ imports what it needs; it does not look it up in the models")

    def test_a_job_has_few_methods(self):
        methods = [
            function.name
            for _name, tree in modules("models")
            for model in batch_models(tree, "batch.job")
            for function in model.body
            if isinstance(function, ast.FunctionDef)
        ]
        self.assertLess(len(methods), MOST_METHODS, sorted(methods))

    def test_the_loop_of_a_lane_is_read_at_a_glance(self):
        self.assertLess(len((ROOT / "run/lane.py").read_text().splitlines()), MOST_LINES_OF_LANE)

    def test_every_test_module_is_loaded(self):
        loaded = {
            alias.name
            for node in ast.walk(ast.parse((ROOT / "tests/__init__.py").read_text()))
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        files = {path.stem for path in (ROOT / "tests").glob("test_*.py")}
        self.assertEqual(files - loaded, set(), "Odoo runs only what tests/__init__.py imports")

    def test_only_run_opens_cursors_and_ends_transactions(self):
        found = set()
        for folder in ("models", "controllers", "store", "engine"):
            for name, tree in modules(folder):
                for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
                    for call in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
                        if isinstance(call.func, ast.Attribute) and call.func.attr in ENDS_OR_OPENS:
                            found.add((name, function.name, call.func.attr))
        self.assertEqual(found - ALLOWED, set())

    def test_no_query_is_put_together_from_text(self):
        for folder in ("store", "run", "models", "controllers"):
            for name, tree in modules(folder):
                for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
                    function = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
                    if (
                        function in ("execute", "execute_values", "execute_query", "execute_query_dict", "SQL")
                        and call.args
                    ):
                        query = call.args[0]
                        self.assertFalse(isinstance(query, ast.JoinedStr), f"{name}:{call.lineno}: f-string in a query")
                        self.assertFalse(isinstance(query, ast.BinOp), f"{name}:{call.lineno}: a query put together")

    def test_every_type_of_operation_has_a_handler(self):
        self.assertEqual(HANDLERS.keys(), TYPES.keys())
        for kind, handler in HANDLERS.items():
            self.assertTrue(handler.rights or not TYPES[kind].is_submitted, kind)
            self.assertIsNot(handler.check, Handler.check, kind)
            self.assertIsNot(handler.apply, Handler.apply, kind)
