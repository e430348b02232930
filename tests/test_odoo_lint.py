"""Odoo's own tests of code, those of its module `test_lint`, held against this addon.

They read all addons there are, which takes minutes; here they see this one.
"""

from contextlib import suppress
from importlib import import_module
from unittest.mock import patch

from odoo import tools
from odoo.modules import Manifest
from odoo.tests.common import BaseCase, tagged

ADDON = "batch_executor"
#: Not here: those that test the checkers of Odoo itself, one for its localizations, and eslint, which `scripts/lint` runs with the same settings.
MODULES = (
    "dunderinit", "docstring", "i18n", "index", "jstranslate", "manifests", "markers", "naming", "onchange_domains", "orm_import",
    "override_signatures", "pofile", "pylint", "routes", "test_holes",
)  # fmt: skip
#: Keys of a manifest that OCA has beside Odoo's: Odoo's test wants those that it does not know to be named.
OCA_KEYS = {"maintainers", "development_status"}


class OnlyThisAddon:
    """What these tests look through is this addon."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        manifest = Manifest.for_addon(ADDON)
        cls.enterClassContext(patch.object(Manifest, "all_addon_manifests", lambda: [manifest]))
        module = import_module(cls.__mro__[2].__module__)
        if hasattr(module, "get_modules"):
            cls.enterClassContext(patch.object(module, "get_modules", lambda: [ADDON]))
        if hasattr(module, "MANIFEST_KEYS"):
            cls.enterClassContext(patch.object(module, "MANIFEST_KEYS", module.MANIFEST_KEYS | OCA_KEYS))
        # else pylint reads all of Odoo's source
        cls.enterClassContext(patch.object(type(tools.config), "root_path", manifest.path))


for name in MODULES:
    with suppress(ImportError):  # an Odoo without its tests
        module = import_module(f"odoo.addons.test_lint.tests.test_{name}")
        for case in list(vars(module).values()):
            if isinstance(case, type) and issubclass(case, BaseCase) and case.__module__ == module.__name__:
                globals()[case.__name__] = tagged("post_install", "-at_install")(
                    type(case.__name__, (OnlyThisAddon, case), {"__module__": __name__})
                )
del case, module, name
