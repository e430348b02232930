"""Messages of a lane that are alike, where something about them is odd: what plain Odoo does is what a lane does."""

import base64
import functools
from types import FunctionType
from unittest.mock import patch

from odoo.addons.batch_executor.run.fast import family, methods

from .lane_case import LaneCase

MESSAGES = 10


def foreign(function):
    """The function, as if another module had defined it."""
    return FunctionType(function.__code__, {**function.__globals__, "__name__": "odoo.addons.other"}, closure=function.__closure__)


class TestOddMessages(LaneCase):
    def post(self, count=MESSAGES, **odd):
        """Let a lane create messages that are alike; returns `count` of copies."""
        copied = []

        def extend(this, vals_list):
            copied.extend(vals_list)
            return original(this, vals_list)

        def probe(partners):
            values = {
                "model": "res.partner", "res_id": partners.id, "body": f"Odd {self.mark}", "email_from": "a@example.com", "reply_to": "a@example.com",
                "message_id": "<a@b>", "message_type": "notification", "author_id": False, **odd,
            }  # fmt: skip
            partners.env["mail.message"].sudo().create([dict(values) for _ in range(count)])

        original = family.Family.extend
        self.set_probe(probe)
        with patch.object(family.Family, "extend", extend):
            job = self.submit(self.probe(self.make_partners(1)))
            self.work()
        self.assertEqual((self.job(job)["state"], self.failures(job)), ("completed", []))
        self.assertEqual(self.found("true"), count)
        return len(copied)

    def found(self, condition):
        [(count,)] = self.sql(f"SELECT count(*) FROM mail_message WHERE body LIKE %s AND {condition}", f"%Odd {self.mark}%")
        return count

    def change(self, name, **attributes):
        """Another module changes a field of messages."""
        field = self.registry["mail.message"]._fields[name]
        for attribute, value in attributes.items():
            self.startPatcher(patch.object(field, attribute, value))

    def test_messages_that_are_alike_are_copied(self):
        self.assertEqual(self.post(), MESSAGES - family.LEARNED)

    def test_each_without_a_message_id_gets_one(self):
        self.post(message_id=False)
        self.assertEqual(self.found("message_id IS NULL"), 0)

    def test_a_model_that_is_not_there(self):
        self.assertEqual(self.post(model="x.gone"), MESSAGES - family.LEARNED)

    def test_no_model(self):
        self.post(model=False)

    def test_a_column_that_postgresql_computes(self):
        self.sql("ALTER TABLE mail_message ADD COLUMN x_size integer GENERATED ALWAYS AS (length(body)) STORED")
        self.addCleanup(self.sql, "ALTER TABLE mail_message DROP COLUMN x_size")
        self.assertEqual(self.post(), MESSAGES - family.LEARNED)
        self.assertEqual(self.found("x_size = length(body)"), MESSAGES)

    def test_a_field_with_an_inverse(self):
        seen = []
        self.change("pinned_at", inverse=lambda messages: seen.extend(messages.ids))
        self.post(pinned_at="2026-01-01 00:00:00")
        self.assertEqual(len(seen), MESSAGES)

    def test_a_default_that_may_be_another_each_time(self):
        self.change("incoming_email_cc", default=foreign(lambda messages: "may@be.another"))
        self.assertEqual(self.post(), 0)

    def test_a_file(self):
        with self.committed() as env:
            model = env["ir.model"]._get_id("mail.message")
            field = env["ir.model.fields"].create({"model_id": model, "name": "x_file", "ttype": "binary", "field_description": "File"})
            self.addCleanup(self.drop_field, field.id)
        self.post(x_file=base64.b64encode(b"file"))
        files = self.sql("SELECT count(*) FROM ir_attachment WHERE res_model = 'mail.message' AND res_field = 'x_file'")
        self.assertEqual(files, [(MESSAGES,)])

    def drop_field(self, field_id):
        with self.committed() as env:
            env["ir.attachment"].search([("res_model", "=", "mail.message"), ("res_field", "=", "x_file")]).unlink()
            env["ir.model.fields"].browse(field_id).unlink()

    def test_code_around_a_known_method_is_seen(self):
        create = self.registry["mail.message"].create

        wrapped = functools.wraps(create)(foreign(lambda *args: create(*args)))
        self.assertTrue(methods.is_known(create))
        self.assertFalse(methods.is_known(wrapped))
