"""Each package is pinned for every version of Python that the scripts offer to run on."""

import subprocess
import sys
import sysconfig
import tempfile
from importlib.metadata import distributions, packages_distributions
from pathlib import Path

from odoo.tests.common import BaseCase

from .extras import is_installed, needs_scripts

if is_installed("packaging"):
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

SCRIPTS = Path(__file__).resolve().parent.parent / "scripts"
#: Needed before Python 3.11 alone: later ones have the same in the standard library, or pandas does without.
BACKPORTS = {"exceptiongroup", "tomli", "tzdata"}
#: Schemathesis, which needs Python 3.11, and what it needs alone; the types of Grafana need it as well.
NEWER = {
    "click",
    "grafana-foundation-sdk",
    "graphql-core",
    "harfile",
    "hypothesis-graphql",
    "pyrate-limiter",
    "pyyaml",
    "schemathesis",
}
#: What a new virtual environment may come with.
INSTALLERS = {"pip", "setuptools", "wheel"}
#: `magic` needs a library of the system that Odoo does without; `sasstests` are the tests of libsass.
NEED_MORE = {"magic", "sasstests"}
IMPORT_EACH = """
import importlib, sys, traceback
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except Exception:
        print(name, traceback.format_exc())
"""


def supported():
    """The versions that the scripts know, as in "3.13"."""
    program = "from devenv.venv import NEWEST, OLDEST; print(OLDEST[1], NEWEST[1])"
    answer = subprocess.check_output([sys.executable, "-c", program], cwd=SCRIPTS, text=True)
    oldest, newest = map(int, answer.split())
    return [f"3.{minor}" for minor in range(oldest, newest + 1)]


def pins(path):
    lines = (line.partition("#")[0].strip() for line in path.read_text().splitlines())
    return [Requirement(line) for line in lines if line]


def names(spelled):
    return set(map(canonicalize_name, spelled))


@needs_scripts
class TestPins(BaseCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.pinned = names(pin.name for pin in pins(SCRIPTS / "requirements.txt"))

    def test_each_package_has_one_version_on_every_python(self):
        for path in sorted(SCRIPTS.glob("*requirements.txt")):
            everything = names(pin.name for pin in pins(path)) - BACKPORTS - NEWER
            for version in supported():
                with self.subTest(file=path.name, python=version):
                    applying = [
                        canonicalize_name(pin.name)
                        for pin in pins(path)
                        if not pin.marker or pin.marker.evaluate({"python_version": version})
                    ]
                    self.assertEqual(sorted(set(applying) - BACKPORTS - NEWER), sorted(everything))
                    self.assertEqual(len(applying), len(set(applying)), "pinned twice")

    def test_everything_installed_is_pinned(self):
        """A version left to chance differs from one checkout to the next. This tells only of the Python that runs it."""
        found = distributions(path=[sysconfig.get_path("purelib"), sysconfig.get_path("platlib")])
        installed = names(distribution.name for distribution in found)
        self.assertEqual(sorted(installed - self.pinned - INSTALLERS), [])

    def test_everything_pinned_can_be_imported(self):
        """A version can be installed, and yet be too old for this Python: what it used of the library is gone."""
        modules = [
            name
            for name, owners in packages_distributions().items()
            if name.isidentifier() and not name.startswith("_") and names(owners) & self.pinned
        ]
        self.assertIn("zeep", modules)
        command = [sys.executable, "-W", "ignore", "-c", IMPORT_EACH, *sorted(set(modules) - NEED_MORE)]
        self.assertEqual(subprocess.check_output(command, cwd=tempfile.gettempdir(), text=True), "")
