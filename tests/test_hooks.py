"""What an uninstallation does, and what it refuses to do."""

from odoo.exceptions import UserError
from odoo.tests import TransactionCase, tagged

from odoo.addons.batch_executor.hooks import uninstall_hook
from odoo.addons.batch_executor.run.metrics_key import make_key
from odoo.addons.batch_executor.run.settings import set_settings

from .case import create


@tagged("post_install", "-at_install")
class TestUninstallation(TransactionCase):
    def functions(self):
        self.env.cr.execute("SELECT count(*) FROM pg_proc WHERE proname LIKE 'batch\\_%'")
        return self.env.cr.fetchone()[0]

    def test_jobs_that_are_not_finished_are_not_thrown_away(self):
        self.env["batch.job"].submit([create("unfinished")])
        with self.assertRaisesRegex(UserError, "not finished"):
            uninstall_hook(self.env)

    def test_no_function_is_left_in_the_database(self):
        self.assertEqual(self.functions(), 1)
        uninstall_hook(self.env)
        self.assertEqual(self.functions(), 0)

    def test_no_setting_is_left(self):
        set_settings(self.env, {"lanes": 1, "max_chunk_size": 77})
        make_key(self.env)
        uninstall_hook(self.env)
        self.assertFalse(self.env["ir.config_parameter"].search([("key", "like", "batch_executor.")]))
