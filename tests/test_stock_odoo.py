"""An Odoo with nothing but its own requirements can import all tests: those that need more are skipped."""

import os
import subprocess
import sys
import unittest

from odoo.tests.common import BaseCase

import odoo.addons

from . import extras

#: Imports the tests in a process in which nothing can be imported that Odoo and the addon have not imported before.
PROGRAM = """
import sys
import odoo.addons
odoo.addons.__path__ = sys.argv[1:]
import odoo.tests
import odoo.addons.batch_executor

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if "." not in name and name not in sys.stdlib_module_names and name not in sys.modules:
            raise ModuleNotFoundError(f"no module named {name}: Odoo does not need it", name=name)

sys.meta_path.insert(0, Refuse())
import odoo.addons.batch_executor.tests as tests
print(*sorted(name for name in vars(tests) if name.startswith("test_")))
"""


class TestStockOdoo(BaseCase):
    def test_all_test_modules_can_be_imported_with_odoos_own_requirements(self):
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        command = [sys.executable, "-W", "ignore", "-c", PROGRAM, *odoo.addons.__path__]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        here = sys.modules[__package__]
        self.assertEqual(done.stdout.split(), sorted(name for name in vars(here) if name.startswith("test_")))

    def test_what_needs_a_missing_package_is_skipped_and_says_so(self):
        @extras.needs("no_such_package", program="no_such_program")
        class Test(unittest.TestCase):
            pass

        self.assertTrue(Test.__unittest_skip__)
        self.assertIn("needs no_such_package, no_such_program,", Test.__unittest_skip_why__)
        self.assertIs(extras.needs("odoo", program="python3")(unittest.TestCase), unittest.TestCase)
