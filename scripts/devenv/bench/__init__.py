"""The benchmark. What is measured stands in `rows/`."""

import sys

from .. import odoo_bin
from ..base import LOGS


def load_odoo() -> None:
    """Make Odoo and its addons importable in this process."""
    sys.path.insert(0, str(odoo_bin.locate()))
    import odoo.init
    from odoo.modules.module import initialize_sys_path
    from odoo.tools import config

    options = ["--no-http", "--log-level=warn", f"--logfile={LOGS / 'bench-inside.log'}"]
    config.parse_config(options, setup_logging=True)
    initialize_sys_path()
