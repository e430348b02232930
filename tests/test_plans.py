"""What the engine's statements cost beside a million waiting chunks. The tests are in `plans/`, by subject."""

from odoo.tests import tagged

from .backlog import WAITING
from .plan_case import BacklogCase
from .plans.answers import AnswerPlans
from .plans.changes import ChangePlans
from .plans.claims import ClaimPlans
from .plans.progress import ProgressPlans
from .plans.purge import PurgePlans
from .plans.views import ViewPlans


@tagged("post_install", "-at_install")
class TestPlans(ClaimPlans, ProgressPlans, AnswerPlans, ViewPlans, ChangePlans, PurgePlans, BacklogCase):
    def test_the_backlog_is_what_it_says_and_the_measure_finds_what_is_dear(self):
        [(chunks,)] = self.sql(
            "SELECT count(*) FROM batch_chunk WHERE job_id = %s AND state = 'pending'", self.backlog.waiting
        )
        self.assertEqual(chunks, WAITING)
        for dear in (
            "SELECT count(*) FROM batch_chunk WHERE payload LIKE 'x%'",
            f"SELECT id FROM batch_chunk WHERE job_id = {self.backlog.grouped} AND state = 'pending' AND record_count = 7"
            " ORDER BY sequence, id",
        ):
            with self.assertRaises(AssertionError):
                self.cheap(self.cr.execute, dear)
