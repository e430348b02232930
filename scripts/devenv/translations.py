"""Write the template of translations from the code, and bring the translations up to it: what is new in them is empty."""

import secrets
import tempfile
from pathlib import Path

import polib

from . import databases, odoo_bin
from .base import ADDON, CHECKOUT, say

FOLDER = CHECKOUT / "i18n"
EXPORT = """
from odoo.addons.batch_executor.tests.texts import texts
texts(env).save({path!r})
"""
#: They differ from export to export, and say nothing.
DATES = ("POT-Creation-Date", "PO-Revision-Date")


def main(_options) -> int:
    odoo_bin.prepare()
    template = _export()
    for name in DATES:
        del template.metadata[name]
    template.save(str(FOLDER / f"{ADDON}.pot"))
    for path in sorted(FOLDER.glob("*.po")):
        translation = polib.pofile(str(path))
        translation.merge(template)
        for entry in translation.obsolete_entries():
            translation.remove(entry)
        translation.save(str(path))
        say(f"i18n/{path.name}: {len(translation.untranslated_entries())} of {len(template)} texts are not translated")
    return 0


def _export() -> polib.POFile:
    """The texts of the addon, as Odoo finds them in a database where it is installed."""
    database = f"batch_texts_{secrets.token_hex(4)}"
    try:
        databases.create(database)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "exported.po")
            databases.shell(database, EXPORT.format(path=str(path)), doing="reading the texts of the addon")
            return polib.pofile(str(path))
    finally:
        databases.drop(database)
