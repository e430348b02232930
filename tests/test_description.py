"""What the Apps page shows of the addon."""

import re
import struct

from lxml import html

from odoo.tests.common import TransactionCase, tagged

from . import docs

FOLDER = docs.ROOT / "static" / "description"
PNG = b"\x89PNG\r\n\x1a\n"
#: The least side of the icon: Odoo shows it at this size.
ICON_SIZE = 100


def size(path):
    """Width and height of a PNG."""
    head = path.read_bytes()[:24]
    assert head[:8] == PNG, f"{path} is no PNG"
    return struct.unpack(">II", head[16:])


@tagged("post_install", "-at_install")
class TestDescription(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.module = cls.env["ir.module.module"].search([("name", "=", "batch_executor")])
        cls.page = html.fromstring(f"<div>{cls.module.description_html}</div>")

    def test_the_page_is_that_of_index_html(self):
        self.assertIn("How to start", [heading.text for heading in self.page.iter("h2")])

    def test_its_pictures_are_there_and_told_to_those_who_cannot_see_them(self):
        pictures = list(self.page.iter("img"))
        self.assertTrue(pictures)
        for picture in pictures:
            name = picture.get("src").rpartition("/")[2]
            self.assertEqual(picture.get("src"), f"/batch_executor/static/description/{name}")
            self.assertGreater(min(size(FOLDER / name)), 300, name)
            self.assertTrue(picture.get("alt"), name)

    def test_it_has_no_dead_links_and_no_scripts(self):
        source = (FOLDER / "index.html").read_text()
        self.assertNotRegex(source, r"(?i)<script|javascript:|\son\w+=|https?://")
        targets = {element.get("id") for element in self.page.iter() if element.get("id")}
        for link in self.page.iter("a"):
            self.assertIn(link.get("href", "").removeprefix("#"), targets)

    def test_the_files_it_names_are_there(self):
        source = (FOLDER / "index.html").read_text()
        for name in re.findall(r"<code>([\w/]+\.md)</code>", source):
            self.assertTrue((docs.ROOT / name).exists(), name)

    def test_it_has_an_icon(self):
        self.assertEqual(self.module.icon, "/batch_executor/static/description/icon.png")
        width, height = size(FOLDER / "icon.png")
        self.assertEqual(width, height)
        self.assertGreaterEqual(width, ICON_SIZE)
