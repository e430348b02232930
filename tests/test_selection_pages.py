"""A domain of several pages finds what is there when its operation starts, not what the operation itself makes of it."""

from unittest.mock import patch

from odoo.addons.batch_executor.run import selection

from .lane_case import LaneCase


class TestPages(LaneCase):
    def setUp(self):
        super().setUp()
        self.startPatcher(patch.object(selection, "PAGE", 5))

    def by_domain(self, **operation):
        return {"model": "res.partner", "domain": [["ref", "=like", f"{self.mark}-%"]], **operation}

    def work_beside_pages(self):
        """While a later page is searched, another lane runs whatever it may."""
        original = selection._search
        searched = []

        def search(model, item, page):
            if item.get("after"):
                with self.open_lane("other") as lane:
                    while claim := lane.claim():
                        lane.work_on(claim)
            searched.append(item)
            return original(model, item, page)

        self.startPatcher(patch.object(selection, "_search", search))
        return searched

    def copies(self, **options):
        self.set_probe(lambda partners: [partner.copy({"ref": partner.ref}) for partner in partners] and True)
        return self.submit(self.by_domain(operation_type="call", method="batch_probe"), **options)

    def test_copies_are_not_found(self):
        for options in ({}, {"max_chunk_size": 1}, {"max_concurrency": 1}, {"rollback": "job"}):
            with self.subTest(options):
                self.make_partners(12)
                searched = self.work_beside_pages()
                job = self.copies(**options)
                self.work()
                self.assertEqual(len(searched), 3)
                self.assertEqual((self.check_counters(job)["processed_records"], len(self.partners())), (12, 24))
                self.delete_partners()

    def test_lanes_at_once(self):
        self.make_partners(40)
        job = self.copies(max_chunk_size=2)
        self.work(3)
        self.assertEqual((self.check_counters(job)["processed_records"], len(self.partners())), (40, 80))

    def test_what_no_longer_matches_is_written_all_the_same(self):
        """A contact follows the address of its company, which an earlier page has found."""
        ids = self.make_partners(12, city="A", is_company=True)
        with self.committed() as env:
            env["res.partner"].browse(ids[11]).write({"parent_id": ids[0], "is_company": False, "city": "A"})
        self.work_beside_pages()
        operation = self.by_domain(operation_type="update", data={"city": "B", "comment": "seen"})
        self.submit({**operation, "domain": [*operation["domain"], ["city", "=", "A"]]})
        self.work()
        self.assertTrue(all(comment for _number, comment in self.partners("comment")))

    def test_a_page_that_fails_or_is_cancelled_is_made_again(self):
        ids = self.make_partners(12)
        original = selection._search
        self.is_broken = True

        def search(model, item, page):
            if item.get("after") and self.is_broken:
                raise ValueError("as it happens")
            return original(model, item, page)

        self.startPatcher(patch.object(selection, "_search", search))
        job = self.submit(self.by_domain(operation_type="update", data={"city": "B"}))
        self.work()
        done = self.job(job)
        self.assertEqual((done["state"], done["processed_records"], done["failed_records"]), ("partial", 5, 1))
        self.is_broken = False
        self.call(job, "retry")
        self.work()
        done = self.check_counters(job)
        self.assertEqual((done["state"], done["processed_records"]), ("completed", 12))
        self.assertEqual({city for _number, city in self.partners("city")}, {"B"})

        job = self.submit(self.by_domain(operation_type="update", data={"city": "C"}))
        with self.open_lane() as lane:
            lane.work_on(lane.claim())
            self.call(job, "cancel")
        self.work()
        self.assertEqual(self.check_counters(job)["state"], "cancelled")
        self.call(job, "retry")
        self.work(2)
        done = self.check_counters(job)
        self.assertEqual((done["state"], done["processed_records"], len(ids)), ("completed", 12, 12))

    def test_chunks_that_pages_have_found_are_cut_and_run_side_by_side(self):
        self.make_partners(12)
        job = self.submit(self.by_domain(operation_type="update", data={"city": "B"}), max_chunk_size=2)
        with self.open_lane("a") as one, self.open_lane("b") as other:
            for _page in range(3):
                one.work_on(one.claim())
            first, second = one.claim(), other.claim()
            self.assertEqual((first.round_no, second.round_no), (None, None))
            self.assertEqual({first.kind, second.kind}, {"records"})
            one.work_on(first)
            other.work_on(second)
        self.work()
        self.assertEqual(self.check_counters(job)["processed_records"], 12)
