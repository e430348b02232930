"""The Python client in `clients/odoo_batch`, as it stands there: the addon itself never imports it."""

import sys

from .docs import ROOT

PACKAGE = ROOT / "clients" / "odoo_batch"
SOURCES = PACKAGE / "src"


def make_importable():
    """Let this process import `odoo_batch`."""
    if str(SOURCES) not in sys.path:
        sys.path.append(str(SOURCES))
