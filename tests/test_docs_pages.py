"""docs/operations.md, docs/faq.md, docs/odoo20.md, docs/soak.md: what they name is there, links lead somewhere, statements run."""

import re

from odoo.tests.common import BaseCase, TransactionCase
from odoo.tools import config

from odoo.addons.batch_executor.engine.settings import SETTINGS

from . import docs

FOLDER = docs.ROOT / "docs"
PAGES = [page for page in ("operations.md", "faq.md", "odoo20.md", "soak.md") if (FOLDER / page).exists()]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FILE = re.compile(r"`((?:tests|scripts|docs|run|models|static|views|security|store|engine)/[\w./-]*)`")


class TestPages(BaseCase):
    def test_the_readme_leads_to_them(self):
        readme = docs.read("README.rst")
        for page in PAGES:
            self.assertIn(f"<docs/{page}>`_", readme)

    def test_links_lead_somewhere(self):
        for page in PAGES:
            for link in LINK.findall(docs.read(f"docs/{page}")):
                path, _hash, anchor = link.partition("#")
                target = (FOLDER / path).resolve() if path else FOLDER / page
                self.assertTrue(target.exists(), f"{page}: {link}")
                if anchor:
                    anchors = list(map(docs.anchor, docs.HEADING.findall(target.read_text())))
                    self.assertEqual(anchors.count(anchor), 1, f"{page}: {link}")

    def test_files_that_are_named_are_there(self):
        for page in PAGES:
            for path in FILE.findall(docs.read(f"docs/{page}")):
                self.assertTrue((docs.ROOT / path).exists(), f"{page} names {path}")

    def test_every_answer_has_a_test_or_says_that_it_has_none(self):
        for question in re.split(r"^### ", docs.read("docs/faq.md"), flags=re.MULTILINE)[1:]:
            heading, _line, answer = question.partition("\n")
            self.assertTrue("`tests/" in answer or "Not tested" in answer or "odoo20.md" in answer, heading)


class TestOperationsPage(TransactionCase):
    PAGE = "docs/operations.md"

    def test_options_of_odoo_are_named_as_they_are_with_their_defaults(self):
        for option, default, _advice, _why in docs.table(self.PAGE, "Settings of Odoo"):
            self.assertEqual(str(config._default_options[option.strip("`")]), default, option)

    def test_settings_of_ours_are_named_as_they_are(self):
        known = {*SETTINGS, "max_cron_threads", "max_connections", "max_file_upload_size"}
        for name in re.findall(r"`((?:keep|max)_\w+)`", docs.read(self.PAGE)):
            self.assertIn(name, known)

    def test_statements_run(self):
        statements = [block for block in docs.blocks(self.PAGE) if block.language == "sql"]
        self.assertGreaterEqual(len(statements), 5)
        for block in statements:
            self.env.cr.execute(block.text)
            self.env.cr.fetchall()


class TestOdoo20Page(BaseCase):
    def test_what_it_says_of_this_code_is_so(self):
        rows = docs.table("docs/odoo20.md", "What changes, and where it meets this addon")
        for _change, where, holds, _todo in rows:
            for path in re.findall(r"`([^`]+)`", where):
                place = docs.ROOT / path
                files = [place] if place.is_file() else [file for file in place.rglob("*") if file.suffix in (".js", ".xml")]
                self.assertTrue(any(holds.strip("`") in file.read_text() for file in files), f"{holds} is no longer in {path}")
