"""Packages of the Debian archive, unpacked into a folder.

apt works on a private root for that: no privilege is needed, signatures are still verified, and the mirror is the one that this
machine is configured with.
"""

import shutil
import sys
from pathlib import Path

from .base import CONFIGURATION, CannotDo, call, run

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def unpack(root: Path, suites: tuple, *packages: str, doing: str) -> None:
    """Download packages (as `name/suite`) and unpack them into a folder; what they depend on must be named too."""
    apt = root / "apt"
    sources = apt / "etc" / "apt" / "sources.list.d" / "debian.sources"
    for folder in (sources.parent, apt / "var/lib/apt/lists/partial", apt / "var/cache/apt/archives/partial"):
        folder.mkdir(parents=True)
    sources.write_text(f"Types: deb\nURIs: {_mirror()}\nSuites: {' '.join(suites)}\nComponents: main\nSigned-By: {KEYRING}\n")
    command = ["apt-get", *([] if sys.stderr.isatty() else ["-qq"]), f"--config-file={CONFIGURATION / 'apt.conf'}", f"--option=Dir={apt}"]
    call([*command, "update"], doing="reading the package lists of the Debian archive")
    call([*command, "download", *packages], doing=doing, cwd=apt)
    for package in sorted(apt.glob("*.deb")):
        run(["dpkg", "-x", package, root], doing=f"unpacking {package.name}")
    shutil.rmtree(apt)


def _mirror() -> str:
    """The address of the Debian archive in the machine's own apt sources."""
    targets = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]
    listed = run(targets, doing="reading the apt sources") if shutil.which("apt-get") else ""
    found = [address for address in listed.split() if "security" not in address]
    if not found:
        raise CannotDo("no Debian archive among this machine's apt sources: set ODOO_HOME to a source checkout of Odoo 19")
    # The archive proper, before a vendor's own.
    return next((address for address in found if address.rstrip("/").endswith("/debian")), found[0])
