"""docs/guide.md: its links lead somewhere, its pictures are there and told in words."""

import re
from collections import Counter

from odoo.tests.common import BaseCase

from . import docs

PAGE = "docs/guide.md"
FOLDER = docs.ROOT / "docs"
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
PICTURE = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)\)")
SMALL_PICTURE = re.compile(r'<img src="([^"]+)" alt="([^"]+)"')


class TestGuide(BaseCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.text = docs.read(PAGE)
        cls.pictures = dict(reversed(found) for found in PICTURE.findall(cls.text)) | dict(SMALL_PICTURE.findall(cls.text))
        cls.anchors = Counter(docs.anchor(heading) for heading in docs.HEADING.findall(cls.text))

    def test_links_lead_somewhere(self):
        for link in LINK.findall(self.text):
            path, _hash, anchor = link.partition("#")
            if path:
                self.assertTrue((FOLDER / path).exists(), link)
            if anchor and not path:
                self.assertEqual(self.anchors[anchor], 1, link)

    def test_pictures_are_there_and_told_in_words(self):
        for path, words in self.pictures.items():
            self.assertTrue((FOLDER / path).exists(), path)
            self.assertTrue(words, path)

    def test_every_picture_is_used(self):
        used = {path.rpartition("/")[2] for path in self.pictures}
        made = {path.name for path in (FOLDER / "images").glob("*.png")}
        self.assertEqual(made - used, set(), "remove them, or show them")

    def test_no_section_is_empty(self):
        parts = re.split(r"^(#+) (.*)$", self.text, flags=re.MULTILINE)[1:]
        sections = list(zip(parts[::3], parts[1::3], parts[2::3], strict=True))
        for (depth, heading, text), below in zip(sections, [*sections[1:], ("", "", "")], strict=True):
            self.assertTrue(text.strip() or len(below[0]) > len(depth), heading)
