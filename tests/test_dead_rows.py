"""What claims cost beside all the versions of rows that earlier ones have left behind."""

from .explain import explained
from .lane_case import LaneCase

CHUNKS = 1000
#: Chunks that are run before the first look.
WARM = 10


class TestDeadRows(LaneCase):
    def pages_of_claims(self):
        """Run a job of many chunks; returns how many pages a claim touches near its start, and near its end."""
        self.set_probe(lambda partners: None)
        ids = self.make_partners(1)
        job = self.submit(*(self.probe(ids, number) for number in range(CHUNKS)), max_chunk_size=1)
        pages = []
        with self.open_lane() as lane:
            for number in range(CHUNKS - WARM):
                if number in (WARM, CHUNKS - WARM - 1):
                    with explained(lane.control.cr) as plans:
                        claim = lane.claim()
                    pages.append(sum(plan.buffers for plan in plans))
                    print(number, *plans, sep="\n")  # shown by pytest where a test fails
                else:
                    claim = lane.claim()
                lane.work_on(claim)
        self.assertEqual(self.call(job, "status")["state"], "running")
        self.call(job, "cancel")
        return pages

    def test_a_claim_costs_the_same_after_a_thousand_others(self):
        first, last = self.pages_of_claims()
        self.assertLess(last, first + 30)

    def test_a_claim_costs_little_more_while_somebody_keeps_all_of_them_from_being_cleaned_up(self):
        """As a backup does: no row version may go as long as its transaction lasts."""
        with self.registry.cursor() as backup:
            backup.execute("SELECT count(*) FROM batch_job")
            first, last = self.pages_of_claims()
        self.assertLess(last, first + 0.5 * CHUNKS)
