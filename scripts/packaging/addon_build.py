"""The build backend that pyproject.toml names: whool, given a folder with the addon and nothing else.

whool packs all that is under git, and calls the addon after its folder. A checkout has much beside the addon, and any name.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from whool import buildapi

ADDON = "batch_executor"
CHECKOUT = Path(__file__).resolve().parents[2]
#: What a server does not load; files whose names begin with a dot are left out too. README.rst is for readers of the
#: repository: its links lead there.
LEFT_OUT = {"clients", "docs", "readme", "scripts", "tests", "CONTRIBUTING.md", "README.rst", "pyproject.toml", "ruff.toml"}
#: The parts of the description, in their order, with their headings.
FRAGMENTS = {"DESCRIPTION": "", "INSTALL": "Installation", "CONFIGURE": "Configuration", "USAGE": "Usage", "CONTRIBUTORS": "Contributors"}
#: What a source distribution is built by: it has the addon alone.
PYPROJECT = """\
[build-system]
requires = ["whool==1.3.1"]
build-backend = "whool.buildapi"

[tool.whool]
post_version_strategy_override = "none"
"""


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    """Build the wheel; returns its name."""
    folder = str(Path(wheel_directory).resolve())
    with _alone():
        return buildapi.build_wheel(folder, config_settings)


def build_sdist(sdist_directory, config_settings=None):
    """Build the source distribution; returns its name."""
    folder = Path(sdist_directory).resolve()
    with _alone():
        return buildapi.build_sdist(folder, config_settings)


@contextlib.contextmanager
def _alone():
    """Make the working directory, for a while, a folder with the addon alone."""
    with tempfile.TemporaryDirectory() as place:
        addon = Path(place, ADDON)
        for name in _files():
            (addon / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(CHECKOUT / name, addon / name)
        (addon / "pyproject.toml").write_text(PYPROJECT)
        (addon / "README.md").write_text(readme(), encoding="utf-8")
        before = Path.cwd()
        os.chdir(addon)
        try:
            yield
        finally:
            os.chdir(before)


def _files():
    """The files of the addon, as paths in the checkout: what is under git, or all of an unpacked archive."""
    if (CHECKOUT / ".git").exists():
        listed = subprocess.check_output(["git", "ls-files", "-z"], cwd=CHECKOUT, text=True)
        paths = [Path(name) for name in listed.split("\0") if name and (CHECKOUT / name).is_file()]
    else:
        paths = [path.relative_to(CHECKOUT) for path in CHECKOUT.rglob("*") if path.is_file()]
    for path in paths:
        first = path.parts[0]
        if first not in LEFT_OUT and not first.startswith(".") and "__pycache__" not in path.parts:
            yield path


def readme():
    """The description of the package, put together from `readme/`."""
    parts = ["# Batch Executor"]
    for name, heading in FRAGMENTS.items():
        text = (CHECKOUT / "readme" / f"{name}.md").read_text(encoding="utf-8").strip()
        parts += [f"## {heading}", text] if heading else [text]
    return "\n\n".join(parts) + "\n"
