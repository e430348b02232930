"""Run the programs in the README of the Python client as they stand, and compare what they print."""

import itertools

from .extras import needs
from .test_docs_recipes import RecipeCase


@needs("httpx", "pandas")
class TestClientReadme(RecipeCase):
    page = "clients/odoo_batch/README.md"

    def test_its_programs_print_what_it_shows(self):
        pairs = [(block, answer) for block, answer in itertools.pairwise(self.blocks) if "run" in block.settings]
        self.assertEqual(len(pairs), 3)
        for block, answer in pairs:
            with self.subTest(block.heading):
                self.assertEqual(answer.language, "text")
                self.assertEqual(self.run_program(block), answer.text)
