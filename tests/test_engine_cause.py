"""Equal causes have equal texts, whatever varies from record to record."""

from odoo.tests.common import BaseCase

from ..engine.cause import CAUSE_LIMIT, cause_of


class TestCauses(BaseCase):
    def test_what_varies_becomes_a_gap(self):
        for message, item, cause in (
            ("No matching record found for external id 'shop.parent' in field 'Parent'", [["x", "shop.parent"]],
             "No matching record found for external id '…' in field 'Parent'"),
            ("No matching record found for name 'Atlantis' in field 'Country'", {}, "No matching record found for name '…' in field 'Country'"),
            ("Kein Wert 'x' im Feld 'Land'", {}, "Kein Wert '…' im Feld 'Land'"),
            ("Wrong value for res.partner.type: 'nonsense'", {"type": "nonsense"}, "Wrong value for res.partner.type: '…'"),
            ("model 'res.partner' has no field 'foo'", {}, "model 'res.partner' has no field 'foo'"),
            ("Record res.partner,2000000000 does not exist.", 7, "Record res.partner,… does not exist."),
            ("records 1, 2, 3 can't be deleted", None, "records … can't be deleted"),
            ("“Müller GmbH” and «Dupont» and „Meyer“", None, "“…” and «…» and „…“"),
            ("The name Azure Interior is taken", {"name": "Azure Interior"}, "The name … is taken"),
            ("Write to a.b@example.com by 2026-01-01 12:00", None, "Write to … by … …".replace("… …", "…")),
            ("no such id 0b6f1c9e-7a55-4a0b-9b1e-0123456789ab", None, "no such id …"),
            ("a\n  b", None, "a b"),
            (None, None, ""),
        ):  # fmt: skip
            with self.subTest(message=message):
                self.assertEqual(cause_of(message, item), cause)

    def test_words_of_the_message_stay_though_a_value_is_such_a_word(self):
        self.assertEqual(cause_of("Contacts require a name", {"name": "a", "ref": "req"}), "Contacts require a name")
        self.assertEqual(cause_of("It doesn't work, the user's isn't", None), "It doesn't work, the user's isn't")

    def test_a_cause_is_short_whatever_the_message(self):
        for message in ("x" * 5_000, "'" * 5_000, "1 " * 5_000, "“" * 5_000, "field " * 800 + "'x'"):
            self.assertLessEqual(len(cause_of(message, {"a": "y" * 10_000})), CAUSE_LIMIT)
