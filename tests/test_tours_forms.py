"""What people make in forms, from nothing, and what they read where it is refused, in a real browser."""

from .browser_case import BrowserCase


class TestFormTours(BrowserCase):
    def test_a_webhook_is_made(self):
        self.run_tour("batch_webhook_new", "/odoo/batch-webhooks", login=self.manager.login)
        with self.committed() as env:
            made = env["batch.webhook"].search([("name", "=", "tour-webhook")])
            self.assertEqual((made.url, made.last_result), ("https://shop.example.com/batch", False))
            made.unlink()

    def test_a_scheduled_action_is_made(self):
        self.run_tour("batch_scheduled_action_new", "/odoo/crons?debug=1", login=self.admin.login)
        with self.committed() as env:
            made = env["ir.cron"].search([("name", "=", "Tour: each day to Ghent")])
            values = (made.model_name, made.state, made.batch_type, made.update_path, made.update_field_id.name, made.value, made.warning)
            self.assertEqual(values, ("res.partner", "batch", "update", "city", "city", "Ghent", False))
            made.unlink()
