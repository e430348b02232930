"""What claims cost beside all the versions of rows that earlier ones have left behind."""

from .explain import explained
from .lane_case import LaneCase

CHUNKS = 1000
#: Chunks that are run before the first look.
WARM = 10


class TestDeadRows(LaneCase):
    def pages_of_claims(self):
        """Run a job of many chunks; returns how many pages claims touch near its start, and near its end.

        Each time two of them: one that only takes a chunk, and one that also counts the chunk before it.
        """
        self.set_probe(lambda partners: None)
        ids = self.make_partners(1)
        job = self.submit(*(self.probe(ids, number) for number in range(CHUNKS)), max_chunk_size=1)
        pages = []
        with self.open_lane() as lane:
            for number in range(CHUNKS - WARM):
                if number in (WARM, CHUNKS - WARM - 2):
                    pages.append(self.pages_of_two(lane, job))
                else:
                    lane.work_on(lane.claim())
        self.assertEqual(self.call(job, "status")["state"], "running")
        self.call(job, "cancel")
        return pages

    def pages_of_two(self, lane, job):
        """How many pages each of two claims touches; what lanes do once a second is done by the second one, however fast they are."""
        lane.control.looked_around_at = float("inf")  # looking for abandoned chunks is no part of a claim
        self.sql("UPDATE batch_job SET progress_at = now() - interval '1 minute' WHERE id = %s", job)
        lane.work_on(lane.claim())  # counts all there is
        pages = []
        for progress_at, full_claim_at in (("now() + interval '1 day'", float("inf")), ("now() - interval '1 minute'", 0.0)):
            self.sql(f"UPDATE batch_job SET progress_at = {progress_at} WHERE id = %s", job)
            lane.control.lesson, lane.control.last_full_claim_at = None, full_claim_at
            with explained(lane.control.cr) as plans:
                claim = lane.claim()
            pages.append(sum(plan.buffers for plan in plans))
            print(pages, *plans, sep="\n")  # shown by pytest where a test fails
            lane.work_on(claim)
        return pages

    def test_a_claim_costs_the_same_after_a_thousand_others(self):
        for first, last in zip(*self.pages_of_claims(), strict=True):
            # some pages more or less: which versions PostgreSQL has cleaned up by then is a matter of luck. Where it cleans up
            # none of them, these are 250 and more: see below
            self.assertLess(last, first + 0.15 * CHUNKS)

    def test_a_claim_costs_little_more_while_somebody_keeps_all_of_them_from_being_cleaned_up(self):
        """As a backup does: no row version may go as long as its transaction lasts.

        What is looked for, the chunk to take and the chunks to count, stands behind an index entry of each earlier one.
        """
        with self.registry.cursor() as backup:
            backup.execute("SELECT count(*) FROM batch_job")
            pages = self.pages_of_claims()
        for first, last, looks in zip(*pages, (1, 2), strict=True):
            self.assertLess(last, first + 0.35 * CHUNKS * looks)
