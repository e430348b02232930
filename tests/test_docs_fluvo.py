"""Run the commands of docs/coming_from_fluvo.md, in order, in one folder, as somebody who follows the page."""

import re
from urllib.parse import urlsplit

from odoo.tests.common import get_db_name

from . import docs
from .doors import base_url
from .extras import needs
from .test_docs_recipes import RecipeCase

CONNECTION = "connection.conf"
OPTION = re.compile(r"--[a-z][a-z-]+")


@needs("httpx")
class TestFluvoPage(RecipeCase):
    page = "docs/coming_from_fluvo.md"

    def setUp(self):
        super().setUp()
        [settings] = (block.text for block in self.blocks if block.settings.get("file") == CONNECTION)
        address = urlsplit(base_url())
        for shown, here in {
            "localhost": address.hostname, "8069": str(address.port), "= odoo\n": f"= {get_db_name()}\n", "<API key>": self.user.key,
        }.items():  # fmt: skip
            self.assertIn(shown, settings)
            settings = settings.replace(shown, here)
        (self.folder / CONNECTION).write_text(settings)

    def test_the_commands_run_as_they_stand(self):
        printed = {}
        with self.lanes_at_work():
            for block in self.blocks:
                if block.language == "bash" and "run" in block.settings:
                    done = self.process(block)
                    said = f"{block.heading}, line {block.line}\n{done.stdout}{done.stderr}"
                    self.assertEqual(done.returncode, int(block.settings.get("exit", 0)), said)
                    printed.setdefault(block.heading, []).append(done.stdout)
        self.assertEqual(
            self.new_partners("name", "city", "country_id.code", "parent_id.name", "partner_latitude"),
            [
                ("Azure Interior", "Fremont", "US", False, 0), ("Deco Addict", "Namur", "BE", False, 0),
                ("Gemini Furniture", "Turlock", "US", False, 0), ("Namur", False, False, False, 50.4674),
                ("Lumber Inc", False, False, False, 0), ("Nicole Ford", False, False, "Lumber Inc", 0),
            ],
        )  # fmt: skip
        [shown] = (block.text for block in self.blocks if block.language == "text")
        self.assertEqual(printed["Records that fail"][0].lstrip("\ufeff"), shown)

    def test_every_command_of_the_page_is_run(self):
        for block in self.blocks:
            self.assertTrue({"run", "file"} & block.settings.keys() or block.language == "text", block)
        self.assertGreater(len(self.blocks), 8)

    def test_its_options_are_those_of_the_command(self):
        commands = ("load", "status", "pause", "export")
        known = {option for command in commands for option in OPTION.findall(self.run_command(f"odoo-batch {command} --help"))}
        for theirs, _others, ours in docs.table(self.page, "Side by side"):
            for option in OPTION.findall(ours):
                self.assertIn(option, known, theirs)

    def run_command(self, command):
        done = self.process(docs.Block("bash", (), command, 0, self.page))
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout
