"""Find Odoo 19: the developer's own source, or Debian's package unpacked in the cache."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from .console import CannotDo, run, say
from .debian import PrivateApt
from .paths import CACHE, built, lock

SERIES = "19.0"
# Odoo's package links to the others instead of carrying copies; one dangling link and
# the web client cannot build its assets. The icons must be of version 4, which bookworm has.
PACKAGES = """
    odoo-19/sid
    libjs-jquery/sid libjs-jquery-form/sid libjs-underscore/sid
    fonts-roboto-unhinted/sid fonts-montserrat/sid fonts-ocr-b/sid
    fonts-font-awesome/bookworm fonts-inconsolata/bookworm
"""


@dataclass(frozen=True)
class OdooTree:
    """One usable Odoo: its start script, its import root, and where its addons are."""

    script: Path
    python_path: Path
    addons_paths: tuple[Path, ...]

    @property
    def version(self) -> str:
        release = (self.python_path / "odoo" / "release.py").read_text()
        found = re.search(r"version_info = \((\d+), (\d+), (\d+)", release)
        return ".".join(found.groups()) if found else "unknown"


def locate() -> OdooTree:
    """Return the Odoo to work with, downloading it at first use."""
    home = os.environ.get("ODOO_HOME")
    tree = _from_source(Path(home).expanduser().resolve()) if home else _from_debian(CACHE / "odoo-19")
    if not tree.version.startswith(SERIES):
        raise CannotDo(f"{tree.python_path} is Odoo {tree.version}, this addon needs {SERIES}")
    return tree


def _from_source(home: Path) -> OdooTree:
    if not (home / "odoo-bin").is_file():
        raise CannotDo(f"ODOO_HOME={home} holds no odoo-bin; point it at a source checkout of Odoo {SERIES}")
    return OdooTree(home / "odoo-bin", home, (home / "odoo" / "addons", home / "addons"))


def _from_debian(root: Path) -> OdooTree:
    packages = root / "usr" / "lib" / "python3" / "dist-packages"
    if not root.is_dir():
        with lock(CACHE, "odoo-19"):
            if not root.is_dir():
                _unpack(root)
    return OdooTree(root / "usr" / "bin" / "odoo", packages, (packages / "odoo" / "addons",))


def _unpack(root: Path) -> None:
    say("downloading Odoo 19 from the Debian archive (150 MB, once)")
    with built(root) as scratch:
        apt = PrivateApt(scratch / "apt", ["sid", "bookworm"])
        apt.update()
        for package in apt.fetch(PACKAGES.split()):
            run(["dpkg", "-x", package, scratch], doing=f"unpacking {package.name}")
        shutil.rmtree(scratch / "apt")
    say(f"Odoo is unpacked in {root}")
