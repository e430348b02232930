"""Every text for people can be translated, and is: into German, French and Spanish."""

import re
from collections import Counter

import polib

from odoo.tests.common import TransactionCase, tagged

from . import docs
from .texts import texts

FOLDER = docs.ROOT / "i18n"
LANGUAGES = ("de", "fr", "es")
REFRESH = "scripts/translations writes it anew"
#: `%s`, `%(name)s`, `%.1f`; and tags.
PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[-+#0-9.]*[sdfgr](?![a-z])|</?\w+")


@tagged("post_install", "-at_install")
class TestI18n(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.template = polib.pofile(str(FOLDER / "batch_executor.pot"))
        cls.translations = {lang: polib.pofile(str(FOLDER / f"{lang}.po")) for lang in LANGUAGES}

    def test_the_template_has_the_texts_of_the_code(self):
        found = {entry.msgid for entry in texts(self.env)}
        listed = {entry.msgid for entry in self.template}
        self.assertEqual(found - listed, set(), f"texts that i18n/batch_executor.pot does not have; {REFRESH}")
        self.assertEqual(listed - found, set(), f"texts that are gone; {REFRESH}")

    def test_every_text_is_translated(self):
        listed = {entry.msgid for entry in self.template}
        for lang, file in self.translations.items():
            translated = {entry.msgid for entry in file if entry.msgstr and "fuzzy" not in entry.flags}
            self.assertEqual(listed - translated, set(), f"not translated in i18n/{lang}.po; {REFRESH}")
            self.assertEqual(translated - listed, set(), f"gone, but still in i18n/{lang}.po; {REFRESH}")

    def test_translations_keep_placeholders_and_tags(self):
        for lang, file in self.translations.items():
            for entry in file:
                was, now = (Counter(PLACEHOLDER.findall(text)) for text in (entry.msgid, entry.msgstr))
                self.assertEqual(now, was, f"{lang}: {entry.msgid!r} -> {entry.msgstr!r}")

    def test_translations_begin_and_end_as_the_text_does(self):
        for lang, file in self.translations.items():
            for entry in file:
                for at in (0, -1):
                    self.assertEqual(entry.msgstr[at].isspace(), entry.msgid[at].isspace(), f"{lang}: {entry.msgid!r}")
                self.assertEqual(entry.msgstr.endswith("."), entry.msgid.endswith("."), f"{lang}: {entry.msgid!r}")
