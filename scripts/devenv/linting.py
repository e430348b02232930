"""Check the sources: ruff, pylint with Odoo's rules, well-formed XML."""

from __future__ import annotations

import subprocess

from . import addon, paths, venv
from .console import say

PARSE_XML = """
import sys
from lxml import etree
failed = False
for path in sys.argv[1:]:
    try:
        etree.parse(path)
    except etree.XMLSyntaxError as problem:
        failed = True
        print(f"{path}: {problem}")
sys.exit(failed)
"""


def main(arguments: list[str]) -> int:
    """Run every check, so that one run shows all there is to mend."""
    fix = ["--fix"] if "--fix" in arguments else []
    paths.prepare()
    programs = venv.locate() / "bin"
    checks = {"ruff": [programs / "ruff", "check", "--no-cache", "--output-format=concise", *fix, "."]}
    if addon.is_there():
        checks["pylint"] = [programs / "pylint", f"--rcfile={paths.CHECKOUT / '.pylintrc'}", paths.CHECKOUT]
    documents = [path for path in sorted(paths.CHECKOUT.rglob("*.xml")) if not _is_hidden(path)]
    checks["XML"] = [programs / "python", "-c", PARSE_XML, *documents]
    failed = [name for name, command in checks.items() if not _passes(name, command)]
    say(f"lint: {'failed: ' + ', '.join(failed) if failed else 'all checks passed'}")
    return 1 if failed else 0


def _passes(name: str, command: list) -> bool:
    say(f"lint: {name}")
    return subprocess.call([str(part) for part in command], cwd=paths.CHECKOUT, stdin=subprocess.DEVNULL) == 0


def _is_hidden(path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(paths.CHECKOUT).parts)
