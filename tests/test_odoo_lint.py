"""Odoo's own tests of code, those of its module `test_lint`, held against this addon.

They look through all addons, which takes minutes, and at the models of all modules; here they see this addon. `scripts/lint` runs Odoo's rules
for pylint and eslint.
"""

import inspect
import logging
import shutil
import tempfile
from functools import cache
from importlib import import_module
from pathlib import Path
from unittest import TestCase
from unittest.mock import patch

from odoo import tools
from odoo.modules import Manifest
from odoo.tests.common import TransactionCase, tagged

import odoo.addons

from .extras import is_installed, needs

ADDON = "batch_executor"
ROOT = Path(__file__).resolve().parent.parent
#: Modules of `test_lint` that are not for this addon, each for a reason; all others are run, also those that a later Odoo brings.
NOT_HERE = {
    "test_checkers",  # tests the rules for pylint themselves
    "test_eslint",  # `scripts/lint --only eslint`
    "test_l10n",  # only of modules named l10n_...
    "test_pylint",  # `scripts/lint --only odoo-pylint`
}
#: Keys of a manifest that OCA wants, and Odoo does not know.
OCA_KEYS = {"maintainers", "development_status"}
#: Odoo's test wants an index on them alone, and has a list of such fields too: an index that begins with the field serves as well.
COVERED = {
    "batch.chunk.job_id": "batch_chunk_job_idx",
    "batch.delivery.webhook_id": "batch_delivery_webhook_idx",
    "batch.failure.job_id": "batch_failure_job_idx",
    "batch.failure.operation_id": "batch_failure_operation_idx",
    "batch.operation.job_id": "batch_operation_job_position_uniq",
}


@cache
def _copy():
    """A folder with a copy of this addon, without what Git, the scripts and Python leave in a checkout."""
    folder = tempfile.TemporaryDirectory(prefix="batch_lint_")  # pylint: disable=consider-using-with  # until the tests end
    shutil.copytree(ROOT, Path(folder.name, ADDON), ignore=shutil.ignore_patterns(".*", "__pycache__"))
    return folder


def _is_ours(class_):
    return class_.__module__.startswith(f"odoo.addons.{ADDON}.")


def _own_members(every):
    """As `inspect.getmembers`, of models and controllers only what this addon defines or overrides."""

    def getmembers(thing, *args):
        if inspect.ismodule(thing):
            return every(thing, *args)
        classes = inspect.getmro(thing if isinstance(thing, type) else type(thing))
        names = {name for class_ in filter(_is_ours, classes) for name in vars(class_)}
        return [(name, member) for name, member in every(thing, *args) if name in names]

    return getmembers


def _fields_of_others(registry):
    """Names of all fields but those of this addon, and those that its one2many fields are the other side of."""
    fields = [field for model in registry.values() for field in model._fields.values()]
    own = [field for field in fields if ADDON in field._modules]
    inverse = {f"{field.comodel_name}.{field.inverse_name}" for field in own if field.type == "one2many"}
    return set(map(str, fields)) - set(map(str, own)) - inverse


class OnlyThisAddon:
    """What a test of Odoo's looks through is this addon; what it logs as a warning is a failure."""

    def setUp(self):
        super().setUp()
        self.enterContext(self.assertNoLogs("odoo.addons.test_lint", logging.WARNING))
        folder, module = _copy().name, import_module(type(self).__mro__[2].__module__)
        for target, name, value in (
            (odoo.addons, "__path__", [folder]),
            (odoo, "__path__", [folder]),
            (type(tools.config), "root_path", str(Path(folder, ADDON))),
            (inspect, "getmembers", _own_members(inspect.getmembers)),
        ):
            self.enterContext(patch.object(target, name, value))
        if hasattr(module, "MANIFEST_KEYS"):
            self.enterContext(patch.object(module, "MANIFEST_KEYS", module.MANIFEST_KEYS | OCA_KEYS))
        if hasattr(module, "MODULES_TO_LINT"):  # whose docstrings have to be reStructuredText
            self.enterContext(patch.object(module, "MODULES_TO_LINT", (*module.MODULES_TO_LINT, ADDON)))
        if hasattr(module, "BTREE_INDEX_IGNORE_FIELDS"):
            known = module.BTREE_INDEX_IGNORE_FIELDS | set(COVERED) | _fields_of_others(self.registry)
            self.enterContext(patch.object(module, "BTREE_INDEX_IGNORE_FIELDS", known))


def _cases():
    """The classes of `test_lint`, as `(name of its module, class)`."""
    modules = vars(import_module("odoo.addons.test_lint.tests"))
    for name in sorted(name for name in modules if name.startswith("test_") and name not in NOT_HERE):
        for case in vars(modules[name]).values():
            if isinstance(case, type) and issubclass(case, TestCase) and case.__module__ == modules[name].__name__:
                yield name, case


if is_installed("pylint") and is_installed("odoo.addons.test_lint"):
    for module, case in _cases():
        # two of these classes have the same name
        name = f"{module}_{case.__name__}"
        globals()[name] = tagged("post_install", "-at_install")(type(name, (OnlyThisAddon, case), {"__module__": __name__}))
    del module, case, name


@needs("pylint", "odoo.addons.test_lint")
@tagged("post_install", "-at_install")
class TestWhatOdooLints(OnlyThisAddon, TransactionCase):
    def test_sees_files_and_methods_of_this_addon(self):
        [manifest] = Manifest.all_addon_manifests()
        self.assertEqual((manifest.name, manifest["version"]), (ADDON, Manifest.for_addon(ADDON)["version"]))
        self.assertTrue(Path(manifest.path, "models", "batch_job.py").is_file())
        methods = [name for name, _ in inspect.getmembers(self.registry["batch.job"], inspect.isroutine)]
        self.assertIn("submit", methods)
        self.assertNotIn("search_count", methods)

    def test_fields_without_an_index_of_their_own_are_the_first_of_another(self):
        """All rows are in that index, not just some."""
        for field, index in COVERED.items():
            model, _, name = field.rpartition(".")
            self.env.cr.execute(
                """
                SELECT attname
                  FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]
                 WHERE indexrelid = %s::regclass AND indrelid = %s::regclass AND indpred IS NULL AND indisvalid
                """,
                [index, self.env[model]._table],
            )
            self.assertEqual(self.env.cr.fetchall(), [(name,)], field)
