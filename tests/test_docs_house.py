"""CONTRIBUTING.md and docs/architecture.md name the files there are."""

import re

from odoo.tests.common import BaseCase

from . import docs

PAGE = "CONTRIBUTING.md"
#: Folders that CONTRIBUTING.md goes through file by file, under a heading of their own.
LISTED = ("engine", "store", "run")
PATH = re.compile(r"`((?:\w+/)*\w+\.(?:py|md|xml|rst))`")


class TestHouse(BaseCase):
    def test_every_file_that_is_named_is_there(self):
        for page in (PAGE, "docs/architecture.md"):
            text = docs.read(page)
            for heading, section in re.findall(r"^### (\w+).*\n((?:(?!^#).*\n)*)", text, re.MULTILINE):
                if heading in LISTED:
                    text = text.replace(section, re.sub(r"`(\w+\.py)`", rf"`{heading}/\1`", section))
            for path in set(PATH.findall(text)):
                self.assertTrue((docs.ROOT / path).exists(), f"{page} names {path}")

    def test_every_file_of_the_lower_floors_is_listed_once(self):
        for folder in LISTED:
            section = re.search(rf"^### {folder}\b.*\n((?:(?!^#).*\n)*)", docs.read(PAGE), re.MULTILINE)[1]
            listed = [name for row in section.splitlines() for name in re.findall(r"`(\w+(?:\.py|/))`", row.partition("|")[2].partition("|")[0])]
            files = [path.name for path in (docs.ROOT / folder).glob("*.py") if path.name != "__init__.py"]
            folders = [f"{path.parent.name}/" for path in (docs.ROOT / folder).glob("*/__init__.py")]
            self.assertEqual(sorted(listed), sorted(files + folders), f"the list of {folder}/ in {PAGE}")

    def test_links_lead_somewhere(self):
        for target in re.findall(r"\]\(([^)#]+)\)", docs.read(PAGE)):
            self.assertTrue((docs.ROOT / target).exists(), target)
