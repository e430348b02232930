"""Write the description of the API that machines read, as the addon serves it."""

import ast
import sys

from .base import CHECKOUT, say


def main(_options) -> int:
    sys.path.append(str(CHECKOUT))  # the engine needs no Odoo
    from engine.openapi import as_text, description

    version = ast.literal_eval((CHECKOUT / "__manifest__.py").read_text())["version"]
    (CHECKOUT / "docs" / "openapi.json").write_text(as_text(description(version)))
    say("docs/openapi.json is up to date")
    return 0
