"""Imports that look things up for all rows at once: the same ids, messages and rows as those of Odoo's own `load`."""

import os
import random
from contextlib import nullcontext
from types import FunctionType
from unittest.mock import patch

from odoo.tests import new_test_user

from ..run.fast.loading import loading
from ..run.fast.switch import FLAG
from ..run.settings import set_settings
from .case import BatchCase
from .whole_tables import WholeTables

ANY = (None, False, "", " ", "0", "no", "1", "x,y", "Nobody", "zw\u00f6lf", "a\x00b", "\ud800", "%s", "%(field)s", "__import__", ".")
INDUSTRIES = ["Ann", "Bob", "Cy", "é \U0001f600", "100%", "a_b", "Two, Three", "ann", "Ann ", "Nobody", ""]


class FastLoadCase(WholeTables, BatchCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["res.lang"]._activate_lang("fr_FR")
        cls.other = cls.env["res.company"].create({"name": "Other Company"})
        cls.boss = new_test_user(cls.env, "load-boss", groups="base.group_system,base.group_partner_manager,product.group_product_manager")
        cls.boss.company_ids |= cls.other
        cls.partners = cls.env["res.partner"].create([
            {"name": "Solo", "is_company": True}, {"name": "Twin"}, {"name": "Twin"}, {"name": "Gone", "active": False},
            {"name": "Elsewhere", "company_id": cls.other.id}, {"name": "Mail", "email": "solo@example.com", "ref": "R1"},
            {"name": "Zoë, Inc.", "is_company": True}, {"name": "Old", "street": "Old Street", "city": "Old City"},
        ])  # fmt: skip
        cls.tags = cls.env["res.partner.category"].create(
            [{"name": "Gold"}, {"name": "Silver"}, {"name": "Double"}, {"name": "Double"}, {"name": "Past", "active": False}]
        )
        cls.tags[0].with_context(lang="fr_FR").name = "Or"
        industries = ("Ann", "Bob", "Cy", "Cy", "é \U0001f600", "100%", "a_b", "Two, Three")
        cls.env["res.partner.industry"].create([{"name": name} for name in industries])
        xmlids = [
            ("__import__", "solo", cls.partners[0], False), ("__import__", "old", cls.partners[7], False), ("__import__", "fixed", cls.partners[5], True),
            ("mod", "a.b", cls.partners[1], False), ("mod", "gold", cls.tags[0], False), ("__import__", "gold", cls.tags[0], False),
            ("__import__", "else", cls.partners[4], False), ("__import__", "gone", cls.partners[3], False),
        ]  # fmt: skip
        cls.env["ir.model.data"].create([
            {"module": module, "name": name, "model": record._name, "res_id": record.id, "noupdate": noupdate}
            for module, name, record, noupdate in xmlids
        ] + [{"module": "__import__", "name": "lost", "model": "res.partner", "res_id": 2**30}])  # fmt: skip
        cls.env.flush_all()

    def load(self, fields, rows, *, model="res.partner", user=None, fast=True, **context):
        """Import, and read what became of it; returns ids and messages."""
        records = self.env[model].with_user(user or self.boss).with_context(**context)
        records.env.transaction.default_env = records.env  # as in a request
        with loading(records.env) if fast else nullcontext(), patch.object(records.env.cr, FLAG, fast, create=True):
            answer = records.load(list(fields), [list(row) for row in rows])
        answer["cached"] = answer["ids"] and records.sudo().browse(answer["ids"]).read(["display_name", "create_date"])
        return answer

    def assertAsPlain(self, fields, rows, **options):
        """An import has the same outcome either way; returns its ids and messages."""
        plain = self.outcome(lambda: self.load(fields, rows, fast=False, **options))
        fast = self.outcome(lambda: self.load(fields, rows, **options))
        self.assertSame(fast, plain, (fields, rows, options))
        return plain[0]

    def searches(self, fields, rows, model, method="name_search", **options):
        """How often a method of a model is called by an import, plain and fast."""
        class_ = self.registry[model]
        original, counts = getattr(class_, method), []
        for fast in (False, True):
            calls = []

            def counted(records, *args, _calls=calls, **kwargs):
                _calls.append(args)
                return original(records, *args, **kwargs)

            with patch.object(class_, method, counted):
                self.outcome(lambda is_fast=fast: self.load(fields, rows, fast=is_fast, **options))
            counts.append(len(calls))
        return counts


class TestFastLoad(FastLoadCase):
    def test_each_name_is_searched_once(self):
        rows = [[f"P{number}", "Belgium", "Gold,Silver"] for number in range(6)]
        fields = ["name", "country_id", "category_id"]
        answer = self.assertAsPlain(fields, rows)
        self.assertEqual(len(answer["ids"]), 6)
        self.assertEqual(self.searches(fields, rows, "res.country"), [6, 1])
        self.assertEqual(self.searches(fields, rows, "res.partner.category"), [12, 2])

    def test_many_names_are_searched_at_once(self):
        """Also such that name nobody or several, and in lines."""
        rows = [[f"P{place}", name] for place, name in enumerate(INDUSTRIES)]
        found = rows[:7]
        for fields in (["name", "industry_id"], ["child_ids/name", "child_ids/industry_id"], ["industry_id", "child_ids/industry_id"]):
            self.assertAsPlain(fields, rows)
            self.assertAsPlain(fields, rows, lang="fr_FR", active_test=False)
            self.assertAsPlain(fields, found, user=self.user)
        self.assertEqual(len(self.assertAsPlain(["name", "industry_id"], found)["ids"]), len(found))
        self.assertEqual(self.searches(["name", "industry_id"], found, "res.partner.industry", "_search"), [7, 3])  # one is the name of two

    def test_names_that_may_not_be_read(self):
        self.env["ir.model.access"].search([("model_id.model", "=", "res.partner.industry")]).perm_read = False
        rows = [[f"P{place}", name] for place, name in enumerate("abcde")]
        self.assertIn("AccessError", self.assertAsPlain(["name", "industry_id"], rows, user=self.user))

    def test_references_are_looked_up_at_once(self):
        solo, old = self.partners[0], self.partners[7]
        rows = [["A", "solo", solo.id], ["B", "old", str(old.id)], ["C", "mod.a.b", "0"], ["D", "solo", False]]
        answer = self.assertAsPlain(["name", "parent_id/id", "commercial_partner_id/.id"], rows)
        self.assertEqual(len(answer["ids"]), 4)
        self.assertEqual(self.searches(["name", "parent_id/.id"], [["A", solo.id], ["B", old.id]], "res.partner", "exists")[1], 1)

    def test_database_ids_of_rows(self):
        rows = [[str(partner.id), f"new {partner.id}"] for partner in self.partners] + [["999999999", "x"], ["abc", "y"], ["", "z"]]
        self.assertAsPlain([".id", "city"], rows[:3])
        self.assertAsPlain([".id", "city"], rows)
        self.assertAsPlain([".id", "city"], rows, user=self.user)
        self.assertAsPlain([".id", "city"], rows, active_test=False)

    def test_updates_read_records_together(self):
        rows = [["solo", "One"], ["old", "Two"], ["mod.a.b", "Three"], ["new", "Four"]]
        fields = ["id", "city"]
        self.assertAsPlain([*fields, "name"], [[*row, "N"] for row in rows])
        plain, fast = self.searches(fields, rows[:3], "res.partner", "fetch")
        self.assertLess(fast, plain)

    def test_messages_of_imported_records_are_created_together(self):
        rows = [[f"id{number}", f"P{number}", "Solo"] for number in range(30)]
        self.assertAsPlain(["id", "name", "parent_id/id"], [[*row[:2], "solo"] for row in rows])
        plain, fast = self.searches(["id", "name"], [row[:2] for row in rows], "mail.message", "default_get")
        self.assertLess(fast, plain / 4)

    def test_a_setting_turns_it_off(self):
        set_settings(self.env, {"fast_load": 0})
        rows = [["A", "Belgium"], ["B", "Belgium"]]
        self.assertEqual(self.searches(["name", "country_id"], rows, "res.country"), [2, 2])

    def test_overridden_searches_are_left_alone(self):
        def name_search(records, name="", domain=None, operator="ilike", limit=100):
            calls.append(name)
            return original(records, name, domain, operator, limit)

        calls, country = [], self.registry["res.country"]
        original = country.name_search
        code, defaults, closure = name_search.__code__, name_search.__defaults__, name_search.__closure__
        foreign = FunctionType(code, {"__name__": "odoo.addons.somebody.models"}, "name_search", defaults, closure)
        with patch.object(country, "name_search", foreign):
            self.load(["name", "country_id"], [["A", "Belgium"], ["B", "Belgium"]])
        self.assertEqual(len(calls), 2)

    def test_names_of_rows_of_the_same_file(self):
        rows = [["r1", "Boss", ""], ["r2", "Ann", "Boss"], ["r3", "Boss", "Boss"], ["r4", "Boss", ""], ["r5", "Cy", "Boss"], ["r6", "Di", "Boss, Ann"]]
        answer = self.assertAsPlain(["id", "name", "parent_id"], rows)
        self.assertEqual([message["type"] for message in answer["messages"]], ["warning"])

    def test_external_ids_of_rows_of_the_same_file(self):
        rows = [["r1", "Boss", ""], ["r2", "Ann", "r1"], ["solo", "Solo again", "r2"], ["lost", "Found", "solo"], ["r5", "Cy", "lost"]]
        self.assertTrue(self.assertAsPlain(["id", "name", "parent_id/id"], rows)["ids"])

    def test_lines(self):
        fields = ["id", "name", "child_ids/id", "child_ids/name", "child_ids/category_id", "child_ids/country_id/id"]
        rows = [
            ["r1", "Boss", "k1", "Kid 1", "Gold", "base.be"], ["", "", "k2", "Kid 2", "Gold,Silver", "base.be"],
            ["r2", "Two", "solo", "Solo", "Silver", "base.fr"], ["", "", "", "Kid 3", "Double", "base.zz"], ["r3", "Three", "", "", "", ""],
        ]  # fmt: skip
        self.assertAsPlain(fields, rows)
        self.assertAsPlain(fields, [row for row in rows if row[3] != "Kid 3"])

    def test_records_made_from_their_names(self):
        fields = ["name", "category_id", "country_id"]
        rows = [["A", "New", "Belgium"], ["B", "New,Gold", "Belgium"], ["C", "new", "Narnia"], ["D", "New", "Belgium"]]
        options = {"import_file": True, "name_create_enabled_fields": {"category_id": True, "country_id": True}}
        self.assertAsPlain(fields, rows, **options)
        self.assertTrue(self.assertAsPlain(fields, [rows[0], rows[1], rows[3]], **options)["ids"])

    def test_a_record_that_changes_what_is_found(self):
        rule = self.env["base.automation"].create({
            "name": "Rename", "model_id": self.env.ref("base.model_res_partner").id, "trigger": "on_create",
            "action_server_ids": [(0, 0, {"name": "Rename", "model_id": self.env.ref("base.model_res_partner").id, "state": "code",
                                          "code": "env['res.partner.category'].search([('name', '=', 'Silver')]).write({'name': 'Gold'})"})],
        })  # fmt: skip
        self.assertTrue(rule.active)
        answer = self.assertAsPlain(["name", "parent_id", "category_id"], [[f"P{number}", "Solo", "Gold"] for number in range(4)])
        self.assertTrue(answer["messages"])

    def test_failing_rows_in_the_middle(self):
        rows = [["A", "Belgium", "person"], ["", "Belgium", "person"], ["C", "Narnia", "person"], ["D", "Belgium", "company"]]
        self.assertAsPlain(["name", "country_id", "company_type"], rows)
        self.assertAsPlain(["name", "country_id", "company_type"], rows[:2])
        self.assertAsPlain(["id", "name"], [["a b", "A"], ["ok", "B"], ["base.main_company", "C"]])

    def test_failing_rows_of_an_operation(self):
        """The engine takes failing rows out by halving; what is left is imported as if they were not there."""
        fields = ["id", "name", "country_id", "parent_id/id", "category_id"]
        rows = [[f"r{number}", f"P{number}", "Belgium", "solo", "Gold,Silver"] for number in range(12)]
        rows[3][2], rows[7][4], rows[8][3], rows[10][1] = "Narnia", "Gold,Nothing", "missing", ""
        operation = {"operation_type": "load", "model": "res.partner", "fields": fields, "data": rows}

        def run():
            entry = self.jobs.execute([operation])["results"][0]
            return {key: entry[key] for key in ("result", "failures", "warnings", "processed_records")}

        fast = self.outcome(run)
        set_settings(self.env, {"fast_load": 0})
        plain = self.outcome(run)
        self.assertSame(fast, plain)
        self.assertEqual(len(fast[0]["failures"]), 4)
        good = [row for number, row in enumerate(rows) if number not in (3, 7, 8, 10)]
        self.assertEqual(self.assertAsPlain(fields, good)["messages"], [])

    def test_other_models(self):
        goods, services = self.env["product.category"].create([{"name": "Goods A"}, {"name": "Services B"}])
        self.env["product.template"].create([{"name": "Same", "default_code": "S1"}, {"name": "Same"}, {"name": "Other", "categ_id": goods.id}])
        self.env.ref("uom.product_uom_unit").with_context(lang="fr_FR").name = "Pièces"
        products = [[f"p{number}", f"New {number}", "Goods A" if number % 2 else "Services B", "Units", "7.5", "Goods"] for number in range(6)]
        columns = ["id", "name", "categ_id", "uom_id", "list_price", "type"]
        self.assertEqual(self.assertAsPlain(columns, products, model="product.template")["messages"], [])
        french = [[*row[:3], "Pièces", *row[4:]] for row in products]
        self.assertEqual(self.assertAsPlain(columns, french, model="product.template", lang="fr_FR")["messages"], [])
        self.assertFalse(self.assertAsPlain(columns, french, model="product.template")["ids"])
        lines = [["A", "S1", 2], ["", "Other", 3], ["B", "S1", "x"], ["", "Same", 4], ["C", "Nothing", 5]]
        fields = ["name", "item_ids/product_tmpl_id", "item_ids/fixed_price"]
        for rows in (lines, lines[:2], [["A", "Other", 2], ["", "Other", 3], ["B", "Other", 4]]):
            self.assertAsPlain(fields, rows, model="product.pricelist")
        groups = [["u1", "Ann", "load-ann", "base.group_user", "Other Company"], ["u2", "Bob", "load-boss", "base.group_user", "Other Company"]]
        for rows in (groups, groups[:1], [*groups[:1], ["u3", "Cy", "load-cy", "base.group_user,base.group_system", services.name]]):
            self.assertAsPlain(["id", "name", "login", "group_ids/id", "company_ids"], rows, model="res.users")

    def test_nasty_cells(self):
        """Any file of cells that are hard to look up."""
        seeds = range(int(os.environ.get("BATCH_LOADS", 25)))
        for seed in seeds:
            with self.subTest(seed=seed):
                fields, rows, options = self._file(random.Random(seed))
                self.assertAsPlain(fields, rows, **options)

    def _file(self, chance):
        cells = self._cells()
        fields = chance.sample(list(cells), chance.randint(1, 5))
        if "name" not in fields and chance.random() < 0.8:
            fields.insert(0, "name")
        nasty = chance.choice([0.0, 0.0, 0.1])
        rows = [
            [chance.choice(ANY) if chance.random() < nasty else chance.choice(cells[field]) for field in fields]
            for _ in range(chance.randint(2, 9))
        ]
        return fields, rows, chance.choice(self._options())

    def _options(self):
        named = {"import_file": True, "name_create_enabled_fields": {"category_id": True, "parent_id": True}}
        return [
            {}, {}, {}, {"user": self.user}, {"lang": "fr_FR"}, {"active_test": False}, {"mode": "update"}, {"noupdate": True}, named,
            {"allowed_company_ids": [self.other.id]}, {"import_file": True, "import_skip_records": ["country_id", "parent_id"]},
            {"import_file": True, "import_set_empty_fields": ["category_id", "parent_id", "child_ids/category_id"]}, {"module": "mod"},
            {"update_many2many": True}, {"_import_limit": 3}, {"tracking_disable": True},
        ]  # fmt: skip

    def _cells(self):
        names = ["Solo", "Twin", "Gone", "Elsewhere", "R1", "solo@example.com", "Zoë, Inc.", "Old", "solo", "Solo ", "N1", "N2", ""]
        xmlids = ["solo", "old", "fixed", "mod.a.b", "else", "gone", "lost", "missing", "mod.gold", "base.be", "x1", "x2", "__import__.solo", ""]
        ids = [*map(str, self.partners.ids), self.partners[0].id, "007", " 12 ", "-1", "99999999", "99999999999", "12.5", True, ""]
        tags = ["Gold", "Silver", "Or", "gold", "Double", "Past", "Gold,Silver", "Gold,,Silver", "New", "Gold, Silver", ""]
        countries = ["Belgium", "be", "BE", "Belgique", "belgium", "Narnia", "France", ""]
        return {
            "id": [*xmlids, "x3", "x4", "x5"], ".id": ids, "name": ["N1", "N2", "N3", "Solo", "Ñ \U0001f600", ""], "parent_id": names, "parent_id/id": xmlids,
            "parent_id/.id": ids, "category_id": tags, "category_id/id": ["gold", "mod.gold", "gold,mod.gold", "solo", "gold,missing", ""],
            "category_id/.id": [str(self.tags[0].id), f"{self.tags[0].id},{self.tags[1].id}", "0", "77777", ""], "country_id": countries,
            "country_id/id": ["base.be", "base.fr", "base.zz", ""], "state_id": ["CA", "California", "California (US)", "Anvers", ""],
            "user_id": ["load-boss", "batch-inline", "nobody", ""], "type": ["contact", "Invoice", "invoice", "Facture", "bogus", ""],
            "is_company": ["1", "0", "yes", "oui", "bogus", ""], "company_id": ["Other Company", "", ""], "barcode": ["b1", "b2", ""],
            "industry_id": INDUSTRIES, "child_ids/industry_id": INDUSTRIES, "city": ["X", "Y", ""], "child_ids/name": ["Kid", "Solo", ""], "child_ids/id": ["k1", "solo", "x1", ""],
            "child_ids/category_id": tags, "child_ids/.id": ids,
        }  # fmt: skip
