"""Make a release: the version, the changelog, the description that machines read, the wheel, the commit and its tag. Nothing is pushed."""

import ast
import datetime
import re
import subprocess
import sys
from pathlib import Path

from . import openapi, venv
from .base import ADDON, CHECKOUT, STATE, CannotDo, say

MANIFEST, CHANGELOG = CHECKOUT / "__manifest__.py", CHECKOUT / "CHANGELOG.md"
VERSION = re.compile(r"19\.0\.\d+\.\d+\.\d+")
UNRELEASED = "## Unreleased\n"
#: Where the wheel is put.
WHEELS = STATE / "dist"


def main(options) -> int:
    version = options.version
    _check(version)
    _write(MANIFEST, re.sub(r'("version": )"[^"]+"', rf'\1"{version}"', MANIFEST.read_text()))
    today = datetime.datetime.now(datetime.timezone.utc).date()
    _write(CHANGELOG, CHANGELOG.read_text().replace(UNRELEASED, f"{UNRELEASED}\n## {version} - {today}\n", 1))
    openapi.main(options)
    wheel = build_wheel(WHEELS)
    if not options.no_commit:
        _git("commit", "--quiet", "--all", f"--message=[REL] {ADDON}: {version}")
        _git("tag", f"--message={ADDON} {version}", version)
        say(f"committed and tagged; look at it, then: git push origin HEAD {version}")
    say(f"the wheel is {wheel}")
    return 0


def build_wheel(folder: Path) -> Path:
    """Build the wheel of the addon into a folder, as pyproject.toml says it."""
    options = "--no-build-isolation", f"--python={sys.executable}", f"--out-dir={folder}"
    venv.uv("build", "--wheel", *options, CHECKOUT, doing="building the wheel")
    return max(folder.glob("*.whl"), key=lambda path: path.stat().st_mtime)


def _check(version: str) -> None:
    """Refuse a version that can't be released, or a checkout that is not fit for it, before anything is changed."""
    if not VERSION.fullmatch(version):
        raise CannotDo(f"{version!r} is no version of the form 19.0.x.y.z")
    present = ast.literal_eval(MANIFEST.read_text())["version"]
    if _numbers(version) < _numbers(present):
        raise CannotDo(f"{version} is older than {present}, which the manifest says")
    if _git("tag", "--list", version):
        raise CannotDo(f"{version} was released: there is a tag")
    if _git("status", "--porcelain"):
        raise CannotDo("there are changes that are not committed")
    section = CHANGELOG.read_text().partition(UNRELEASED)[2].partition("\n## ")[0]
    if not section.strip():
        raise CannotDo("CHANGELOG.md has nothing under Unreleased")


def _numbers(version: str) -> list[int]:
    return [int(number) for number in version.split(".")]


def _write(path: Path, text: str) -> None:
    say(f"writing {path.name}")
    path.write_text(text)


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotDo(f"git {arguments[0]}: {done.stderr.strip()}")
    return done.stdout
