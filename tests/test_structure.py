"""What must stay true of the code's structure."""

import ast
from pathlib import Path

from odoo.tests.common import BaseCase

ROOT = Path(__file__).resolve().parent.parent
#: What opens a cursor or ends a transaction. Only `run/` may; the rest works in its caller's transaction.
ENDS_OR_OPENS = {"commit", "rollback", "cursor", "_commit_progress"}
#: Places outside `run/` that do so for a reason, by function.
ALLOWED = {
    ("models/batch_lane.py", "_run_lane", "_commit_progress"),
    ("models/batch_job_control.py", "_keep_lanes_off", "cursor"),
}
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
