"""Make `_sync` of `_async`: `make_sync.py` writes it, `make_sync.py --check` says whether it is as it would be written."""

import re
import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent / "src" / "odoo_batch"
HEAD = "# Made from _async/{name} by scripts/make_sync.py: change that one.\n"
#: Applied one after the other.
REPLACEMENTS = (
    (r"\basync (def|with|for)\b", r"\1"),
    (r"\bawait ", ""),
    (r"\bAsync(Client|Job|Transport)\b", r"\1"),
    (r"\bAwaitable\[([^\[\]]*)\]", r"\1"),
    (r"\bAwaitable, ", ""),
    (r"\b__a(enter|exit)__\b", r"__\1__"),
    (r"\bself\._http\.aclose\b", "self._http.close"),
    (r"\b(def )?aclose\b", r"\1close"),
    (r"\ba(read|iter_bytes)\b", r"\1"),
    (r"\basyncio\.sleep\b", "time.sleep"),
    (r"^import asyncio\nimport os\nimport time\n", "import os\nimport time\n"),
    (r"^import asyncio\nimport logging\n", "import logging\nimport time\n"),
)


def made(text: str, name: str) -> str:
    """A module of `_sync`."""
    for pattern, replacement in REPLACEMENTS:
        text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
    return HEAD.format(name=name) + text


def main(arguments: list[str]) -> int:
    """Write the modules, or with `--check` just compare; returns how many differ."""
    different = 0
    for source in sorted((PACKAGE / "_async").glob("*.py")):
        target = PACKAGE / "_sync" / source.name
        text = made(source.read_text(), source.name)
        if not target.exists() or target.read_text() != text:
            different += 1
            if "--check" not in arguments:
                target.write_text(text)
    return different if "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
