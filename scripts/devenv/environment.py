"""Everything found and running, for this process and all that it starts."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from . import odoo_tree, paths, postgres


def prepare() -> None:
    """Bring up all that is needed before the first database."""
    for folder in (paths.ADDONS, paths.LOGS):
        folder.mkdir(parents=True, exist_ok=True)
    paths.point(paths.LINK, paths.CHECKOUT)
    tree = odoo_tree.locate()
    postgres.start()
    os.environ.update(
        ODOO_RC=os.devnull,  # not the developer's own
        ODOO_ADDONS_PATH=",".join(map(str, (*tree.addons_paths, paths.ADDONS))),
        ODOO_DATA_DIR=str(paths.STATE / "data"),
        ODOO_HTTP_INTERFACE="127.0.0.1",
        ODOO_LIST_DB="False",
        # The executor keeps a time budget of its own; Odoo's would also count idle waits.
        ODOO_LIMIT_TIME_REAL_CRON="0",
        PATH=f"{Path(sys.prefix, 'bin')}{os.pathsep}{os.environ['PATH']}",
        PYTHONPATH=f"{tree.python_path}{os.pathsep}{paths.SCRIPTS}",
    )
