"""Options that are written as text, as in the address of a request."""

from odoo.tests.common import BaseCase

from odoo.addons.batch_executor.engine.options import READERS


class TestKinds(BaseCase):
    def test_a_text_is_read_by_the_type_of_its_option(self):
        for name, text, value in (
            ("quiet", "true", True),
            ("quiet", "1", True),
            ("quiet", "False", False),
            ("name", "1", "1"),
            ("max_chunk_size", "500", 500),
            ("priority", "-5", -5),
            ("timeout", "60", 60.0),
            ("timeout", "0.5", 0.5),
            ("max_failures", "7", 7),
            ("max_failures", "5%", 5.0),
            ("on_complete", "7", 7),
            ("on_complete", "my_module.finished", "my_module.finished"),
        ):
            with self.subTest(name=name, text=text):
                read = READERS[name].read_text(text)
                self.assertEqual((read.__class__, read), (value.__class__, value))

    def test_a_text_of_another_type_is_refused_in_words(self):
        for name, text, words in (
            ("quiet", "yes", "true or false"),
            ("max_chunk_size", "many", "whole number"),
            ("max_chunk_size", "1_0", "whole number"),
            ("max_chunk_size", "9" * 5000, "whole number"),
            ("timeout", "nan", "seconds"),
            ("timeout", "inf", "seconds"),
            ("run_at", "tomorrow", "ISO-8601"),
            ("name", " ", "text"),
        ):
            with self.subTest(name=name, text=text[:20]), self.assertRaisesRegex(ValueError, words):
                READERS[name].read_text(text)
