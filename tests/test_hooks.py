"""What an uninstallation refuses to do. What it does is seen by `test_upgrade`."""

from odoo.exceptions import UserError
from odoo.tests import TransactionCase, tagged

from odoo.addons.batch_executor.hooks import uninstall_hook
from odoo.addons.batch_executor.run.lanes import add_missing_lanes, set_lane_count

from .case import create


@tagged("post_install", "-at_install")
class TestUninstallation(TransactionCase):
    def test_jobs_that_are_not_finished_are_not_thrown_away(self):
        self.env["batch.job"].submit([create("unfinished")])
        with self.assertRaisesRegex(UserError, "not finished"):
            uninstall_hook(self.env)


@tagged("post_install", "-at_install")
class TestLanes(TransactionCase):
    def lanes(self):
        return self.env["ir.cron"].with_context(active_test=False).search([("is_batch_lane", "=", True)], order="id")

    def test_missing_lanes_are_created_the_others_stay_as_they_are(self):
        set_lane_count(self.env, 4)
        lanes = self.lanes()
        lanes[0].unlink()
        lanes[1].active = False
        add_missing_lanes(self.env, 4)
        found = {lane.name.rpartition(" ")[2]: (lane.active, lane.interval_number) for lane in self.lanes()}
        self.assertEqual(found, {"1": (True, 1), "2": (False, 1), "3": (True, 1), "4": (True, 60)})

    def test_none_is_created_where_there_are_enough(self):
        set_lane_count(self.env, 4)
        before = self.lanes()
        before.active = False  # as in a neutralized copy
        add_missing_lanes(self.env, 3)
        self.assertEqual(self.lanes(), before)
        self.assertFalse(any(before.mapped("active")))

    def test_one_that_is_active_runs_every_minute(self):
        set_lane_count(self.env, 3)
        for change in (
            lambda lanes: lanes[0].unlink(),
            lambda lanes: lanes[0].write({"active": False}),
            lambda lanes: lanes[0].write({"interval_number": 1, "interval_type": "hours"}),
            lambda lanes: add_missing_lanes(self.env, 3),
            lambda lanes: set_lane_count(self.env, 1),
            lambda lanes: set_lane_count(self.env, 4),
        ):
            change(self.lanes().filtered("active"))
            intervals = self.lanes().filtered("active").mapped(lambda lane: (lane.interval_number, lane.interval_type))
            self.assertIn((1, "minutes"), intervals)
        self.lanes().active = False
        self.assertFalse(any(self.lanes().mapped("active")))
