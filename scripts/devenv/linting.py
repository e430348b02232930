"""Check the sources: ruff, pylint with Odoo's rules, well-formed XML."""

from __future__ import annotations

import subprocess
import sys

from .console import say
from .paths import CHECKOUT

PARSE = "import sys; from lxml import etree; [etree.parse(path) for path in sys.argv[1:]]"


def main(options) -> int:
    """Run every check, so that one run shows all there is to mend."""
    fix = ["--fix"] if options.fix else []
    documents = [str(path) for path in CHECKOUT.glob("[!.]*/**/*.xml")]
    checks = {
        "ruff": ["-m", "ruff", "check", "--no-cache", "--output-format=concise", *fix, "."],
        "pylint": ["-m", "pylint", f"--rcfile={CHECKOUT / '.pylintrc'}", str(CHECKOUT)],
        "XML": ["-c", PARSE, *documents],
    }
    failed = [name for name, arguments in checks.items() if not _passes(name, arguments)]
    say(f"lint: {'failed: ' + ', '.join(failed) if failed else 'all checks passed'}")
    return 1 if failed else 0


def _passes(name: str, arguments: list[str]) -> bool:
    say(f"lint: {name}")
    return subprocess.call([sys.executable, *arguments], cwd=CHECKOUT, stdin=subprocess.DEVNULL) == 0
