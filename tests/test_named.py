"""Limits and webhooks, which jobs and server actions name: their names, and what is archived."""

from psycopg2.errors import UniqueViolation

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tools import mute_logger

from .case import SUBMITTER
from .lane_case import LaneCase, committed

URL = "https://shop.example.com/batch"


class NamedCase(LaneCase):
    def setUp(self):
        super().setUp()
        with committed() as env:
            self.manager = self.new_user(env, f"manager-{self.mark}", *SUBMITTER, "batch_executor.group_batch_manager").id
            self.name = f"named-{self.mark}"
            self.limit = env["batch.limit"].create({"name": self.name, "max_in_flight": 1}).id
            self.webhook = env["batch.webhook"].create({"name": self.name, "url": URL}).id

    def both(self, env):
        return env["batch.limit"].browse(self.limit), env["batch.webhook"].browse(self.webhook)

    def each(self):
        """Either of them, in a transaction of a manager."""
        for number in range(2):
            with committed(self.manager) as env:
                named = self.both(env)[number]
                with self.subTest(named._name):
                    yield named


class TestNames(NamedCase):
    def test_jobs_can_name_it(self):
        for named in self.each():
            for name in ("", "   ", "x" * 257, False):
                with self.assertRaisesRegex(ValidationError, "1 to 256"):
                    named.name = name
                named.env.cr.rollback()
            named.name = "x" * 256
            named.env.cr.rollback()

    def test_each_copy_has_a_name_of_its_own(self):
        for named in self.each():
            names = [named.copy().name for _number in range(3)]
            self.assertEqual(names, [f"{self.name} (copy)", f"{self.name} (copy 2)", f"{self.name} (copy 3)"])
            self.assertEqual(named.copy({"name": f"mine-{self.mark}"}).name, f"mine-{self.mark}")
            named.copy().active = False
            self.assertEqual(named.copy().name, f"{self.name} (copy 5)", "an archived one has its name as well")
            named.name = "x" * 256
            self.assertEqual(named.copy().name, "x" * 249 + " (copy)")
            twins = named.create([{"name": f"{one}{self.mark}{'x' * 244}", **({"url": URL} if "url" in named else {})} for one in "ab"])
            self.assertEqual(len(set(twins.copy().mapped("name"))), 2)
            with self.assertRaises((ValidationError, UniqueViolation)), mute_logger("odoo.sql_db"):
                named.copy({"name": f"mine-{self.mark}"})
            named.env.cr.rollback()

    def test_a_copy_is_not_named_as_one_of_another_company(self):
        with committed() as env:
            other = env["res.company"].create({"name": f"Other {self.mark}"})
            env["batch.webhook"].create({"name": f"{self.name} (copy)", "url": URL, "company_id": other.id})
            _limit, webhook = self.both(env(user=self.manager))
            self.assertEqual(webhook.copy().name, f"{self.name} (copy 2)")
            env.cr.rollback()



class TestArchived(NamedCase):
    def action(self, env, name, **values):
        return env["ir.actions.server"].create(
            {
                "name": name,
                "model_id": env["ir.model"]._get_id("res.partner"),
                "state": "batch",
                "batch_type": "call",
                "batch_method": "action_archive",
                "batch_limit_id": self.limit,
                "batch_webhook_id": self.webhook,
                **values,
            }
        )

    def test_one_that_actions_name_is_not_archived(self):
        with committed() as env:
            first = self.action(env, "Archive them").id
            others = [self.action(env, f"Other {number}").id for number in range(3)]
        for named in self.each():
            with self.assertRaisesRegex(UserError, f"{self.name} can't be archived.*Archive them, Other 0, Other 1, …"):
                named.active = False
            named.env.cr.rollback()
            named.invalidate_recordset()
            self.assertTrue(named.active)
            named.write({"active": True, "name": f"{self.name}-renamed"})
        with committed() as env:
            actions = env["ir.actions.server"]
            actions.browse(others).unlink()
            actions.browse(first).write({"batch_limit_id": False, "batch_webhook_id": False})
        for named in self.each():
            named.active = False

    def test_who_may_not_archive_it_learns_of_no_action(self):
        with committed() as env:
            self.action(env, "Secret")
        with committed(self.user_id) as env:
            for named in self.both(env):
                with self.assertRaises(AccessError), mute_logger("odoo.addons.base.models.ir_model"):
                    named.write({"active": False})
