"""The texts of the addon that can be translated, as Odoo finds them. `scripts/translations` uses it too."""

import io
import os
from unittest.mock import patch

import polib

from odoo.tools.translate import trans_export

ADDON = "batch_executor"
#: Nothing in these is for people, and what the scripts have built has a link back to the addon.
NOT_SHOWN = (".odoo", "tests", "scripts")


def texts(env):
    """Export the texts of the addon.

    :returns: a `polib.POFile` without translations
    """
    walk = os.walk

    def walk_ours(top, **options):
        for folder, folders, files in walk(top, **options):
            folders[:] = [ADDON] if folder == top else [name for name in folders if name not in NOT_SHOWN]
            yield folder, folders, files

    exported = io.BytesIO()
    with patch("os.walk", walk_ours):
        trans_export(None, [ADDON], exported, "po", env)
    return polib.pofile(exported.getvalue().decode())
