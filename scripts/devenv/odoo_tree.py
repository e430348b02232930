"""Find Odoo 19: the developer's own source, or Debian's package unpacked in the cache.

apt works on a private root (own sources, lists and archive): no privilege is needed, signatures are still verified, and
the mirror is the one that this machine is configured with.
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from .console import CannotDo, run, say
from .paths import CACHE, build

SERIES = "19.0"
# Odoo's package links to the others instead of carrying copies; one dangling link and
# the web client cannot build its assets. The icons must be of version 4, which bookworm has.
PACKAGES = """
    odoo-19/sid
    libjs-jquery/sid libjs-jquery-form/sid libjs-underscore/sid
    fonts-roboto-unhinted/sid fonts-montserrat/sid fonts-ocr-b/sid
    fonts-font-awesome/bookworm fonts-inconsolata/bookworm
"""
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
ALTERNATIVE = "set ODOO_HOME to a source checkout of Odoo 19"


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
    tree = _from_source(Path(home).expanduser().resolve()) if home else _from_debian()
    if not tree.version.startswith(SERIES):
        raise CannotDo(f"{tree.python_path} is Odoo {tree.version}, this addon needs {SERIES}")
    return tree


def _from_source(home: Path) -> OdooTree:
    if not (home / "odoo-bin").is_file():
        raise CannotDo(f"ODOO_HOME={home} holds no odoo-bin; point it at a source checkout of Odoo {SERIES}")
    return OdooTree(home / "odoo-bin", home, (home / "odoo" / "addons", home / "addons"))


def _from_debian() -> OdooTree:
    root = build(CACHE / "odoo-19", _unpack)
    packages = root / "usr" / "lib" / "python3" / "dist-packages"
    return OdooTree(root / "usr" / "bin" / "odoo", packages, (packages / "odoo" / "addons",))


def _unpack(root: Path) -> None:
    for tool in ("apt-get", "dpkg"):
        if not shutil.which(tool):
            raise CannotDo(f"{tool} is not on this machine; {ALTERNATIVE}")
    say("downloading Odoo 19 from the Debian archive (150 MB, once)")
    apt = root / "apt"
    command = _private_apt(apt)
    run([*command, "update"], doing="reading the package lists of the Debian archive")
    run([*command, "download", *PACKAGES.split()], doing="downloading Odoo 19", cwd=apt)
    for package in sorted(apt.glob("*.deb")):
        run(["dpkg", "-x", package, root], doing=f"unpacking {package.name}")
    shutil.rmtree(apt)


def _private_apt(folder: Path) -> list[str]:
    """An apt of our own in a folder."""
    for part in ("lists/partial", "cache/archives/partial"):
        (folder / part).mkdir(parents=True)
    (folder / "status").touch()
    (folder / "debian.sources").write_text(
        f"Types: deb\nURIs: {_mirror()}\nSuites: sid bookworm\nComponents: main\nSigned-By: {KEYRING}\n"
    )
    options = {
        "Dir::Etc::sourcelist": folder / "debian.sources",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::State": folder,
        "Dir::State::lists": folder / "lists",
        "Dir::State::status": folder / "status",
        "Dir::Cache": folder / "cache",
        "Acquire::Languages": "none",
        "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled": "false",
        # For the bar. Not where packages are configured: their scripts would find this descriptor closed.
        "APT::Status-Fd": 1,
        # As root apt would drop to a user that cannot read a home folder.
        "APT::Sandbox::User": "root" if os.geteuid() == 0 else "",
    }
    return ["apt-get", "-q", *(f"-o{key}={value}" for key, value in options.items())]


def _mirror() -> str:
    """The address of the Debian archive in the machine's own apt sources."""
    targets = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE)", "Created-By: Packages"]
    release = dict(re.findall(r'^(\w+)="?(.*?)"?$', Path("/etc/os-release").read_text(), re.MULTILINE))
    # The archive proper carries a plain suite, unlike "trixie-security" or a vendor's own archive.
    plain = {"oldstable", "stable", "testing", "unstable", "sid", release.get("VERSION_CODENAME")}
    lines = map(str.split, run(targets, doing="reading the apt sources of this machine").splitlines())
    # A vendor may name its suite "stable" too: an address that says "debian" comes first.
    found = sorted((line[0] for line in lines if line[-1] in plain), key=lambda address: "/debian" not in address)
    if not found:
        raise CannotDo(f"no Debian archive among the apt sources of this machine; {ALTERNATIVE}")
    return found[0]
