"""What is written together, and what is cut, comes to the same as in plain Odoo: call by call, one call on a set as one."""

from itertools import count

from odoo import Command
from odoo.tests.common import BaseCase, TransactionCase, tagged
from odoo.tools import mute_logger

from odoo.addons.batch_executor.engine.writes import group_by_values, has_own_effect


class TestOwnEffect(BaseCase):
    def test_by_type_of_field_and_value(self):
        for field_type, value, expected in (
            ("char", "x", False),
            ("integer", None, False),
            ("many2one", 5, False),
            ("many2one", {"$ref": "a", "index": 0}, False),
            ("many2many", False, False),
            ("many2many", [], False),
            ("many2many", [[6, 0, [1, 2]]], False),
            ("many2many", [[4, 1], [3, 2, 0], (5, 0, 0)], False),
            ("many2many", [[6, 0, {"$ref": "a"}]], False),
            ("many2many", [[4, 1], [0, 0, {"name": "x"}]], True),
            ("many2many", [[1, 5, {"name": "x"}]], True),
            ("many2many", [[2, 5]], True),
            ("many2many", [1, 2], True),
            ("many2many", {"$ref": "a"}, True),
            ("one2many", [[0, 0, {"name": "x"}]], False),
            ("one2many", [[4, 1]], True),
            ("one2many", [[6, 0, [1]]], True),
            ("properties", {"a": 1}, True),
            ("properties", [{"name": "a"}], True),
            ("json", {}, True),
            (None, "x", False),
        ):
            self.assertEqual(has_own_effect(field_type, value), expected, (field_type, value))

    def test_equal_values_are_one_write_unless_they_have_an_effect_of_their_own(self):
        types = {"tags": "many2many", "name": "char"}
        pairs = [[1, {"name": "x"}], [2, {"name": "x"}], [3, {"name": "y"}], [4, {"name": "x"}]]
        self.assertEqual(group_by_values(pairs, types.get), [({"name": "x"}, [1, 2]), ({"name": "y"}, [3]), ({"name": "x"}, [4])])
        make, link = {"tags": [[0, 0, {}]]}, {"tags": [[4, 1]]}
        self.assertEqual(group_by_values([[1, make], [2, make]], types.get), [(make, [1]), (make, [2])])
        self.assertEqual(group_by_values([[1, link], [2, link]], types.get), [(link, [1, 2])])


@tagged("post_install", "-at_install")
class TestAsInPlainOdoo(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.numbers = count(1)

    def partners(self, number=10):
        return self.env["res.partner"].create([{"name": f"P{n}", "ref": f"pw{n}"} for n in range(number)])

    def new_tag(self):
        return f"tag {next(self.numbers)}"

    def tags(self, name, partners):
        """How many tags of that name there are, and how many of the partners bear how many of them."""
        self.env.invalidate_all()
        tags = self.env["res.partner.category"].search([("name", "=", name)])
        return len(tags), [len(partner.category_id & tags) for partner in partners]

    def execute(self, *operations, **options):
        result = self.env["batch.job"].execute(list(operations), **options)
        return [entry["error"] for entry in result["results"]]

    def making(self, name):
        return {"category_id": [Command.create({"name": name})]}

    def update(self, data, **keys):
        return {"operation_type": "update", "model": "res.partner", "data": data, **keys}

    def test_values_of_their_own_make_records_of_their_own(self):
        partners, plain = self.partners(), self.new_tag()
        for partner in partners:
            partner.write(self.making(plain))
        expected = self.tags(plain, partners)
        self.assertEqual(expected, (10, [1] * 10))
        for size in (100, 4):
            with self.subTest(size=size):
                partners, tag = self.partners(), self.new_tag()
                rows = [{"id": partner.id, **self.making(tag)} for partner in partners]
                self.assertEqual(self.execute(self.update(rows), max_chunk_size=size), [False])
                self.assertEqual(self.tags(tag, partners), expected)
                partners, tag = self.partners(), self.new_tag()
                each = [self.update(self.making(tag), record_ids=partner.ids) for partner in partners]
                self.assertEqual(set(self.execute(*each, max_chunk_size=size)), {False})
                self.assertEqual(self.tags(tag, partners), expected)
                partners, tag = self.partners(), self.new_tag()
                rows = [{"id": partner.id, **self.making(tag)} for partner in partners]
                operation = {"operation_type": "upsert", "model": "res.partner", "key": ["id"], "data": rows}
                self.assertEqual(self.execute(operation, max_chunk_size=size), [False])
                self.assertEqual(self.tags(tag, partners), expected)

    def test_values_for_a_set_make_one_record_for_all_whatever_the_chunks(self):
        for number, size in ((1, 100), (3, 100), (3, 1), (30, 100), (30, 7)):
            with self.subTest(records=number, size=size):
                partners, plain = self.partners(number), self.new_tag()
                partners.write(self.making(plain))
                expected = self.tags(plain, partners)
                self.assertEqual(expected, (1, [1] * number))
                for keys in ({"record_ids": partners.ids}, {"domain": [["id", "in", partners.ids]]}):
                    tag = self.new_tag()
                    operation = self.update(self.making(tag), **keys)
                    self.assertEqual(self.execute(operation, max_chunk_size=size), [False])
                    self.assertEqual(self.tags(tag, partners), expected)

    def test_lines_linked_to_a_set_are_the_last_ones_as_in_plain_odoo(self):
        line = self.env["res.partner"].create({"name": "Line"})
        for size in (100, 2):
            partners = self.partners(5)
            partners.write({"child_ids": [Command.link(line.id)]})
            expected = line.parent_id
            line.parent_id = False
            self.execute(
                self.update({"child_ids": [Command.link(line.id)]}, record_ids=partners.ids), max_chunk_size=size
            )
            self.assertEqual(line.parent_id, expected)
            self.assertEqual(expected, partners[-1])

    def test_a_set_that_fails_is_isolated_to_what_fails(self):
        partners, tag = self.partners(5), self.new_tag()
        # a contact can't have itself as its parent
        values = {**self.making(tag), "parent_id": partners[2].id}
        with mute_logger("odoo.sql_db"):
            [error] = self.execute(self.update(values, record_ids=partners.ids))
        self.assertIn("1 of 5", error)
        self.assertEqual(self.tags(tag, partners)[1], [1, 1, 0, 1, 1])

    def test_an_id_named_twice_in_a_set_is_one_record_of_it(self):
        partners, tag = self.partners(2), self.new_tag()
        self.assertEqual(self.execute(self.update(self.making(tag), record_ids=[*partners.ids, *partners.ids])), [False])
        self.assertEqual(self.tags(tag, partners), (1, [1, 1]))


@tagged("post_install", "-at_install")
class TestChatter(TransactionCase):
    """A record changed twice has two messages about it, as after two calls."""

    EMAILS = ("one@example.com", "two@example.com", "three@example.com")

    def setUp(self):
        super().setUp()
        self.env.user.email = "user@example.com"

    def partner(self):
        partner = self.env["res.partner"].create({"name": "Tracked", "ref": f"tracked {self.id()}", "email": "old@example.com"})
        self.env.cr.flush()
        return partner

    def said(self, partner):
        """What the chatter says of the email's changes, oldest first."""
        self.env.cr.flush()
        self.env.invalidate_all()
        values = partner.message_ids.sudo().tracking_value_ids.sorted("id")
        return [(value.old_value_char, value.new_value_char) for value in values], len(partner.message_ids)

    def test_it_is_that_of_the_calls_one_after_the_other(self):
        plain = self.partner()
        for email in self.EMAILS:
            plain.write({"email": email})
            self.env.cr.flush()  # what the end of a call does
        expected = self.said(plain)
        self.assertEqual(len(expected[0]), 3, "the email is not tracked")
        plain.ref = False
        for kind in ("rows", "operations", "upserts"):
            with self.subTest(kind):
                partner = self.partner()
                rows = [{"id": partner.id, "email": email} for email in self.EMAILS]
                if kind == "rows":
                    operations = [{"operation_type": "update", "model": "res.partner", "data": rows}]
                elif kind == "operations":
                    operations = [{"operation_type": "update", "model": "res.partner", "data": [row]} for row in rows]
                else:
                    upsert = {"operation_type": "upsert", "model": "res.partner", "key": ["id"]}
                    operations = [{**upsert, "data": [row]} for row in rows]
                self.env["batch.job"].execute(operations)
                self.assertEqual(self.said(partner), expected)
