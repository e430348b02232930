"""The addon as a package: its wheel, installed into an environment that has Odoo and nothing of this checkout."""

import os
import re
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from email.parser import Parser
from pathlib import Path

from odoo.modules import Manifest
from odoo.tests.common import BaseCase, get_db_name

from .docs import ROOT
from .extras import needs, needs_scripts

#: All that the wheel has of the addon, at its top.
CONTENTS = {
    "CHANGELOG.md", "LICENSE", "README.md", "UPGRADING.md", "__init__.py", "__manifest__.py", "batch_executor.py", "cli",
    "controllers", "data", "engine", "exceptions.py", "hooks.py", "i18n", "migrations", "models", "run", "security", "static", "store", "views",
}  # fmt: skip
#: A line of the log, without the name of the database.
WARNING = re.compile(r" WARNING \S+ (.*)")
JOB = """
job = env["batch.job"].submit([{"operation_type": "create", "model": "res.partner", "data": [{"name": "Packed", "ref": "packed"}]}])
env.cr.commit()
env["ir.cron"].search([("is_batch_lane", "=", True)], limit=1).method_direct_trigger()
import odoo.addons.batch_executor
env.cr.rollback()  # what the lane has committed is seen from now on
print(env["batch.job"].browse(job["job_id"]).status()["state"], env["res.partner"].search_count([("ref", "=", "packed")]), odoo.addons.batch_executor.__file__)
"""


@needs("whool")
@needs_scripts
class TestWheel(BaseCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        from devenv import release

        cls.folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.wheel = release.build_wheel(cls.folder)
        with zipfile.ZipFile(cls.wheel) as archive:
            cls.files = [Path(name) for name in archive.namelist()]
            [metadata] = [name for name in archive.namelist() if name.endswith("/METADATA")]
            cls.metadata = Parser().parsestr(archive.read(metadata).decode())

    def test_it_holds_the_addon_and_nothing_else(self):
        outside = {path.parts[0] for path in self.files if path.parts[:3] != ("odoo", "addons", "batch_executor")}
        self.assertEqual(len(outside), 1, outside)
        self.assertTrue(outside.pop().endswith(".dist-info"))
        self.assertEqual({path.parts[3] for path in self.files if path.parts[0] == "odoo"}, CONTENTS)
        for name in ("models/batch_job.py", "run/worker/supervisor.py", "store/claim.py", "i18n/de.po", "static/description/icon.png"):
            self.assertIn(Path("odoo/addons/batch_executor", name), self.files)

    def test_it_says_what_it_is(self):
        manifest = Manifest.for_addon("batch_executor")
        self.assertEqual(self.metadata["Name"], "odoo-addon-batch_executor")
        self.assertEqual(self.metadata["Version"], manifest["version"])
        self.assertEqual(self.metadata["Summary"], manifest["summary"])
        self.assertIn("Development Status :: 4 - Beta", self.metadata.get_all("Classifier"))
        self.assertTrue(any(line.startswith("odoo") and "19.0" in line for line in self.metadata.get_all("Requires-Dist")))
        for fragment in (ROOT / "readme").glob("*.md"):
            self.assertIn(fragment.read_text().strip(), self.metadata.get_payload(), fragment.name)

    def test_a_job_runs_where_it_is_installed(self):
        from devenv import databases, odoo_bin, venv

        place = self.folder / "environment"
        venv.uv("venv", "--python", sys.executable, place, doing="making an empty environment")
        # Odoo, and what it needs, as they stand in the environment of the tests
        packages = Path(sysconfig.get_path("purelib", vars={"base": str(place), "platbase": str(place)}))
        (packages / "odoo.pth").write_text(f"{odoo_bin.locate()}\n{sysconfig.get_path('purelib')}\n")
        venv.uv("pip", "install", "--no-deps", "--offline", f"--python={place}", self.wheel, doing="installing the wheel")
        database = f"{get_db_name()}_wheel"
        databases.copy(databases.template(), database)
        self.addCleanup(databases.drop, database)
        self.odoo(place, "--init=batch_executor", "--stop-after-init", f"--database={database}")
        state, count, file = self.odoo(place, "shell", f"--database={database}", program=JOB).split()[-3:]
        self.assertEqual((state, count), ("completed", "1"))
        self.assertTrue(Path(file).resolve().is_relative_to(place.resolve()), file)

    def odoo(self, place, *arguments, program=""):
        """Run Odoo of an environment, to its end; returns what it prints."""
        from devenv import odoo_bin

        given = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "ODOO_ADDONS_PATH", "ODOO_DATA_DIR")}
        command = [place / "bin" / "python", odoo_bin.locate() / "odoo-bin", *arguments, "--no-http", "--log-level=warn", f"--data-dir={place / 'data'}"]
        done = subprocess.run(command, input=program, env=given, cwd=self.folder, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn(" ERROR ", done.stderr)
        warnings = WARNING.findall(done.stderr)
        self.assertEqual([warning for warning in warnings if "batch" in warning], [], "of other addons is another matter")
        return done.stdout
