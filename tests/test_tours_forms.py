"""What people make in forms, from nothing, and what they read where it is refused, in a real browser."""

import re

from odoo.exceptions import UserError
from odoo.tools import file_open

from odoo.addons.batch_executor import exceptions

from .browser_case import BrowserCase
from .case import create


class TestFormTours(BrowserCase):
    def test_a_webhook_is_made(self):
        self.run_tour("batch_webhook_new", "/odoo/batch-webhooks", login=self.manager.login)
        with self.committed() as env:
            made = env["batch.webhook"].search([("name", "=", "tour-webhook")])
            self.assertEqual((made.url, made.last_result), ("https://shop.example.com/batch", False))
            made.unlink()

    def test_a_limit_that_limits_nothing_says_so(self):
        self.run_tour("batch_limit_new", "/odoo/batch-limits", login=self.manager.login)
        with self.committed() as env:
            made = env["batch.limit"].search([("name", "=", "tour-limit")])
            self.assertEqual(made.max_in_flight, 2)
            made.unlink()

    def test_a_scheduled_action_is_made(self):
        self.run_tour("batch_scheduled_action_new", "/odoo/crons?debug=1", login=self.admin.login)
        with self.committed() as env:
            made = env["ir.cron"].search([("name", "=", "Tour: each day to Ghent")])
            values = (made.model_name, made.state, made.batch_type, made.update_path, made.update_field_id.name, made.value, made.warning)
            self.assertEqual(values, ("res.partner", "batch", "update", "city", "city", "Ghent", False))
            made.unlink()

    def test_what_is_refused_is_told_as_odoo_tells_it(self):
        with self.committed(self.user.id) as env:
            job = env["batch.job"].browse(env["batch.job"].submit([create("Refused")], name="Refused")["job_id"])
            job.pause()
        self.run_tour("batch_refusals")

    def test_each_exception_for_people_has_a_dialog(self):
        with file_open("batch_executor/static/src/batch_errors.js") as file:
            named = set(re.findall(r'"(\w+)"', file.read()))
        classes = [value for value in vars(exceptions).values() if isinstance(value, type) and value.__module__ == exceptions.__name__]
        self.assertLessEqual({one.__name__ for one in classes if issubclass(one, UserError)}, named)
