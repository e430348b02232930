"""Write the template of translations from the code, and bring the translations up to it: what is new in them is empty."""

import tempfile
from pathlib import Path

import polib

from . import databases, odoo_bin
from .base import ADDON, CHECKOUT, say

FOLDER = CHECKOUT / "i18n"
EXPORT = """
from odoo.tools.translate import trans_export
with open({path!r}, "wb") as file:
    trans_export(None, ["batch_executor"], file, "po", env)
"""
#: They differ from export to export, and say nothing.
DATES = ("POT-Creation-Date", "PO-Revision-Date")
#: What stands in these is not for people: tests, and what the scripts have built.
NOT_SHOWN = (f"code:addons/{ADDON}/tests/", f"code:addons/{ADDON}/.odoo/", f"code:addons/{ADDON}/scripts/")


def main(_options) -> int:
    odoo_bin.prepare()
    database = databases.demo()
    databases.upgrade(database)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "exported.po")
        databases.shell(database, EXPORT.format(path=str(path)), doing="reading the texts of the addon")
        exported = polib.pofile(str(path))
    template = polib.POFile()
    template.header = exported.header
    template.metadata = {name: value for name, value in exported.metadata.items() if name not in DATES}
    for entry in exported:
        entry.occurrences = [place for place in entry.occurrences if not place[0].startswith(NOT_SHOWN)]
        if entry.occurrences:
            template.append(entry)
    template.save(str(FOLDER / f"{ADDON}.pot"))
    for path in sorted(FOLDER.glob("*.po")):
        translation = polib.pofile(str(path))
        translation.merge(template)
        for entry in translation.obsolete_entries():
            translation.remove(entry)
        translation.save(str(path))
        say(f"i18n/{path.name}: {len(translation.untranslated_entries())} of {len(template)} texts are not translated")
    return 0
