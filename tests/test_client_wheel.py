"""The Python client as it is installed: its wheel in an empty environment."""

import contextlib
import os
import subprocess
import sys
import tempfile
import zipfile
from importlib.metadata import version
from pathlib import Path

from odoo.tests.common import BaseCase

from .case import PATIENCE_S
from .client_package import PACKAGE
from .extras import needs, needs_scripts

#: What it needs: all that is installed there.
NEEDED = ("httpx", "httpcore", "h11", "anyio", "certifi", "idna", "typing_extensions", "exceptiongroup")


@needs("hatchling", "httpx")
@needs_scripts
class TestWheel(BaseCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", cls.folder]
        subprocess.run(command, cwd=PACKAGE, check=True, capture_output=True, timeout=PATIENCE_S)
        [cls.wheel] = cls.folder.glob("odoo_batch-*.whl")

    def test_it_holds_the_package_and_nothing_else(self):
        with zipfile.ZipFile(self.wheel) as archive:
            files = [name for name in archive.namelist() if ".dist-info/" not in name]
            [metadata] = [name for name in archive.namelist() if name.endswith("METADATA")]
            required = [line for line in archive.read(metadata).decode().splitlines() if line.startswith("Requires-Dist:")]
        sources = [path for path in (PACKAGE / "src").rglob("*") if path.suffix in (".py", ".typed")]
        self.assertEqual(sorted(files), sorted(str(path.relative_to(PACKAGE / "src")) for path in sources))
        self.assertEqual([line for line in required if "extra" not in line], ["Requires-Dist: httpx<1,>=0.25"])

    def test_it_works_where_nothing_else_is_installed(self):
        from devenv import venv

        place = self.folder / "environment"
        venv.uv("venv", "--python", sys.executable, place, doing="making an empty environment")
        pins = []
        for name in NEEDED:
            with contextlib.suppress(ModuleNotFoundError):
                pins.append(f"{name}=={version(name)}")
        # what the environment of the tests was made of is in the cache of uv: no registry is asked
        install = "pip", "install", "--no-deps", f"--python={place}", self.wheel, *pins
        try:
            venv.uv(*install, "--offline", doing="installing the client")
        except Exception:  # noqa: BLE001 - whatever uv says: the cache was emptied
            venv.uv(*install, doing="installing the client, from the registry")
        environment = {"PATH": os.environ["PATH"]}
        program = "import odoo_batch, sys; print(odoo_batch.__version__, [name for name in ('pandas', 'rich') if name in sys.modules])"
        for command, printed in (
            ([place / "bin" / "python", "-I", "-c", program], f"{self.version()} []\n"),
            ([place / "bin" / "odoo-batch", "--version"], f"odoo-batch {self.version()}\n"),
        ):
            done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
            self.assertEqual((done.returncode, done.stdout), (0, printed), done.stderr)

    def version(self):
        return self.wheel.name.split("-")[1]
