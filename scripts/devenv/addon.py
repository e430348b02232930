"""The addon in this checkout, and which of its code a database has."""

from __future__ import annotations

from .paths import CHECKOUT, digest

# What `-u` has to be told about; the rest is read at each start.
UPGRADED_BY = {".py", ".xml", ".csv", ".js"}
NOT_CODE = {"scripts", "tests", "docs"}


def is_there() -> bool:
    return (CHECKOUT / "__manifest__.py").exists()


def fingerprint() -> str:
    """A name for the present state of the code that a database is made from."""
    contents = []
    for path in sorted(CHECKOUT.rglob("*")):
        inside = path.relative_to(CHECKOUT)
        if inside.parts[0] in NOT_CODE or inside.parts[0].startswith(".") or path.suffix not in UPGRADED_BY:
            continue
        contents += [str(inside), path.read_text(errors="replace")]
    return digest(*contents)
