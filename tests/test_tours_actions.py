from odoo import Command

from .browser_case import BrowserCase

#: More than a page of a list.
MANY = 90


class TestActionTours(BrowserCase):
    """Batch actions in the *Actions* menu, and *Run in batch…*, in a real browser."""

    def setUp(self):
        super().setUp()
        with self.committed() as env:
            tags = env["res.partner.category"].create([{"name": "Tour tag"}, {"name": "Old tag"}])
            values = {"category_id": [Command.link(tags[1].id)]}
            partners = env["res.partner"].create([{"name": f"Tour group {number}", **values} for number in range(MANY)])
        self.ids = partners.ids

    def cities(self):
        with self.committed() as env:
            return set(env["res.partner"].browse(self.ids).mapped("city"))

    def test_a_server_action_is_made_and_run_on_all_that_a_list_finds(self):
        self.run_tour("batch_server_action", "/odoo/action-base.action_server_action?debug=1", login=self.admin.login)
        with self.lanes_at_work():
            self.run_tour("batch_server_action_run", "/odoo/action-base.action_partner_form?view_type=list")
        self.assertEqual(self.cities(), {"Ghent"})

    def test_run_in_batch_shows_a_plan_and_opens_the_job(self):
        with self.lanes_at_work():
            self.run_tour("batch_run_in_batch", "/odoo/action-base.action_partner_form?view_type=list")
        self.assertEqual(self.cities(), {"Namur"})
        with self.committed() as env:
            partners = env["res.partner"].browse(self.ids)
            self.assertEqual(partners.country_id, env.ref("base.be"))
            self.assertEqual({frozenset(partner.category_id.mapped("name")) for partner in partners}, {frozenset(("Tour tag", "Old tag"))})

    def test_new_batch_asks_for_a_model_and_a_filter(self):
        with self.committed(self.admin.id) as env:
            model_id = env["ir.model"]._get_id("res.partner")
            values = {"name": "Tour action", "model_id": model_id, "binding_model_id": model_id, "state": "code", "code": "pass"}
            env["ir.actions.server"].create(values)
        self.run_tour("batch_new", "/odoo/batch-overview")
