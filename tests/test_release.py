"""`scripts/release` in a copy of this checkout; `.pre-commit-config.yaml`."""

import ast
import datetime
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from odoo.tests.common import BaseCase

from .docs import ROOT
from .extras import needs, needs_scripts

WHO = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.com")


@needs("whool")
@needs_scripts
class TestRelease(BaseCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.checkout = Path(cls.enterClassContext(tempfile.TemporaryDirectory()), "checkout")
        leave = shutil.ignore_patterns(".git", ".odoo", "__pycache__", "node_modules")
        shutil.copytree(ROOT, cls.checkout, ignore=leave, symlinks=True)
        cls.git("init", "--quiet")
        cls.git("add", "--all")
        cls.git("commit", "--quiet", "--message=all")

    @classmethod
    def git(cls, *arguments):
        return subprocess.run(["git", *WHO, *arguments], cwd=cls.checkout, check=True, capture_output=True, text=True).stdout

    def release(self, version):
        who = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in (("NAME", "S"), ("EMAIL", "s@example.com"))}
        environment = {**os.environ, **who, "PYTHONPATH": str(self.checkout / "scripts")}
        command = [sys.executable, self.checkout / "scripts" / "devenv", "release", version]
        return subprocess.run(command, cwd=self.checkout, env=environment, capture_output=True, text=True, check=False)

    def test_a_release(self):
        head = self.git("rev-parse", "HEAD")
        for version, reason in (("19.0.2", "no version of the form"), ("19.0.0.0.1", "older than")):
            done = self.release(version)
            self.assertEqual(done.returncode, 1)
            self.assertIn(reason, done.stderr)
        (self.checkout / "LICENSE").write_text("changed")
        self.assertIn("not committed", self.release("19.0.99.0.0").stderr)
        self.git("checkout", "LICENSE")
        self.assertEqual(self.git("rev-parse", "HEAD"), head)

        done = self.release("19.0.99.0.0")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(ast.literal_eval((self.checkout / "__manifest__.py").read_text())["version"], "19.0.99.0.0")
        today = datetime.datetime.now(datetime.timezone.utc).date()
        self.assertRegex((self.checkout / "CHANGELOG.md").read_text(), rf"## Unreleased\n\n## 19\.0\.99\.0\.0 - {today}\n\n### ")
        self.assertIn('"19.0.99.0.0"', (self.checkout / "docs" / "openapi.json").read_text())
        self.assertTrue(list(self.checkout.glob(".odoo/dist/odoo_addon_batch_executor-19.0.99.0.0-*.whl")))
        self.assertEqual(self.git("tag", "--points-at", "HEAD").split(), ["19.0.99.0.0"])
        self.assertEqual(self.git("log", "-1", "--format=%s").strip(), "[REL] batch_executor: 19.0.99.0.0")
        self.assertEqual(self.git("status", "--porcelain"), "")
        self.assertIn("there is a tag", self.release("19.0.99.0.0").stderr)

    def test_pre_commit_has_a_hook_for_each_check(self):
        checks = re.findall(r'^        "([\w-]+)": (?:lambda|_)', (ROOT / "scripts/devenv/lint.py").read_text(), re.MULTILINE)
        hooks = re.findall(r"- id: (\S+)\n +name: .*\n +entry: scripts/lint --only (\S+)\n", (ROOT / ".pre-commit-config.yaml").read_text())
        self.assertEqual(hooks, [(name, name) for name in checks])
