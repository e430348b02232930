"""Fetch Debian packages without touching the system.

apt works on a private root (own sources, lists and archive), so that no privilege
is needed and signatures are still verified. The mirror is the one this machine
is configured with.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from .console import CannotDo, run, say

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
SOURCES = Path("/etc/apt")
SUITE_NAMES = {"oldstable", "stable", "testing", "unstable", "sid"}
ALTERNATIVE = "set ODOO_HOME to a source checkout of Odoo 19"


def mirror() -> str:
    """Return the address of the Debian archive in the machine's own apt sources."""
    release = dict(re.findall(r'^(\w+)="?(.*?)"?$', Path("/etc/os-release").read_text(), re.MULTILINE))
    # The archive proper carries a plain suite, unlike "trixie-security" or a vendor's own archive.
    plain = SUITE_NAMES | {release.get("VERSION_CODENAME")}
    found = [address for address, suites in _configured_sources() if plain.intersection(suites)]
    # A vendor may name its suite "stable" too, so an address that says "debian" comes first.
    for address in sorted(found, key=lambda address: "/debian" not in address):
        return address
    raise CannotDo(f"no Debian archive among the apt sources of this machine; {ALTERNATIVE}")


def _configured_sources():
    for path in sorted(SOURCES.rglob("*.sources")):
        for stanza in re.split(r"\n\s*\n", path.read_text()):
            fields = dict(re.findall(r"^([\w-]+):[ \t]*(.*)$", stanza, re.MULTILINE))
            for address in fields.get("URIs", "").split():
                yield address, fields.get("Suites", "").split()
    for path in sorted(SOURCES.rglob("*.list")):
        for line in path.read_text().splitlines():
            if found := re.match(r"deb\s+(?:\[.*?\]\s+)?(\S+)\s+(\S+)", line):
                yield found[1], [found[2]]


class PrivateApt:
    """An apt of our own below one scratch folder."""

    def __init__(self, folder: Path, suites: list[str]):
        for tool in ("apt-get", "dpkg"):
            if not shutil.which(tool):
                raise CannotDo(f"{tool} is not on this machine; {ALTERNATIVE}")
        self.archive = folder / "archive"
        for part in ("archive", "lists/partial", "cache/archives/partial"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        (folder / "status").touch()
        (folder / "debian.sources").write_text(
            f"Types: deb\nURIs: {mirror()}\nSuites: {' '.join(suites)}\nComponents: main\nSigned-By: {KEYRING}\n"
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
            # As root apt would drop to a user that cannot read a home folder.
            "APT::Sandbox::User": "root" if os.geteuid() == 0 else "",
        }
        self._command = ["apt-get", "-q", *(f"-o{key}={value}" for key, value in options.items())]

    def update(self) -> None:
        run([*self._command, "update"], doing="reading the package lists of the Debian archive")

    def fetch(self, packages: list[str]) -> list[Path]:
        run([*self._command, "download", *packages], doing=f"downloading {packages[0]}", cwd=self.archive)
        return sorted(self.archive.glob("*.deb"))


def system_install(*packages: str) -> None:
    """Install packages into the system; only root may."""
    say(f"installing from the Debian archive: {' '.join(packages)}")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    run(["apt-get", "-q", "update"], doing="reading the package lists", env=quiet)
    command = ["apt-get", "-q", "install", "--yes", "--no-install-recommends", *packages]
    run(command, doing=f"installing {packages[0]}", env=quiet)
