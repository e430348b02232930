"""A plan, what it does for real, and its undo, in a real browser."""

from .browser_case import BrowserCase
from .case import update


class TestToursOfChanges(BrowserCase):
    def test_a_plan_is_run_for_real_and_undone(self):
        with self.committed() as env:
            names = ("Tour first", "Tour second", "Tour conflict")
            ids = env["res.partner"].create([{"name": name, "city": "Basel"} for name in names]).ids
        with self.committed(self.user.id) as env:
            env["batch.job"].submit([update({"city": "Bern"}, *ids)], name="Tour plan", dry_run=True, track_changes=True)
        self.work()
        with self.lanes_at_work():
            self.run_tour("batch_plan_apply_undo")
        with self.committed() as env:
            self.assertEqual(env["res.partner"].browse(ids).mapped("city"), ["Basel", "Basel", "Ghent"])
