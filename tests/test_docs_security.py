"""The page on security names every place of the code that has more rights than its caller."""

import ast
import re
from pathlib import Path

from odoo.tests.common import BaseCase

from odoo.addons.batch_executor.engine.settings import SETTINGS

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/security.md"
CODE = ("engine", "store", "run", "models", "controllers")


def elevated(tree):
    """Names of the functions in a module that change what rights there are."""
    for function in ast.walk(tree):
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)) and any(
            map(_elevates, ast.walk(function))
        ):
            yield getattr(function, "name", "lambda")


def _elevates(node):
    if isinstance(node, ast.Attribute):
        return node.attr in ("sudo", "with_user", "SUPERUSER_ID")
    if isinstance(node, ast.Name):
        return node.id == "SUPERUSER_ID"
    return isinstance(node, ast.keyword) and node.arg in ("su", "user")


class TestSecurityPage(BaseCase):
    def rows(self, head):
        """The rows of the table with this head: what stands in backticks, by cell."""
        text = PAGE.read_text()
        table = text[text.index(head) :].split("\n\n")[0].splitlines()[2:]
        return [[re.sub("`", "", cell).strip() for cell in line.strip("|").split("|")] for line in table]

    def test_it_lists_every_place_with_more_rights(self):
        found = {
            (path.relative_to(ROOT).as_posix(), name)
            for folder in CODE
            for path in (ROOT / folder).rglob("*.py")
            for name in elevated(ast.parse(path.read_text()))
        }
        rows = self.rows("| file | function |")
        listed = {(file, function) for file, function, _why in rows}
        self.assertEqual(len(rows), len(listed), "named twice")
        self.assertEqual(found - listed, set(), "not in docs/security.md: say there why nothing gets out, or in")
        self.assertEqual(listed - found, set(), "no longer so in the code")
        self.assertTrue(all(why for _file, _function, why in rows))

    def test_nothing_at_the_top_of_a_module_has_more_rights(self):
        for folder in CODE:
            for path in (ROOT / folder).rglob("*.py"):
                for statement in ast.parse(path.read_text()).body:
                    if not isinstance(statement, (ast.ClassDef, ast.FunctionDef)):
                        self.assertFalse(any(map(_elevates, ast.walk(statement))), path)

    def test_settings_of_how_long_things_are_kept_are_as_shown(self):
        shown = {name: int(default) for name, default, _says in self.rows("| setting | default | says |")}
        kept = {name: default for name, default in SETTINGS.items() if name.startswith("keep_")}
        self.assertEqual(shown, kept)

    def test_the_readme_leads_to_it(self):
        self.assertIn("docs/security.md", (ROOT / "README.rst").read_text())
