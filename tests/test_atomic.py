"""Jobs in one transaction: what they cost does not grow with them."""

import tracemalloc
from types import SimpleNamespace

from odoo.exceptions import UserError
from odoo.tests.common import BaseCase

from ..engine.outcome import Failure, Outcome
from ..engine.payload import Payload
from ..run.driver import RunSummary, UndoneReport
from ..run.whole_job import GROWTH
from .lane_case import LaneCase

#: Subtransactions that wrote, up to which PostgreSQL keeps track of them in memory.
POSTGRESQL_KEEPS = 64


class TestSavepoints(LaneCase):
    def setUp(self):
        super().setUp()
        self.count, self.runs = None, []

    def run_counted(self, records, bad=(), **options):
        """Run a job of chunks of one record, and count the subtransactions that are there by the last one."""
        ids = self.make_partners(records)
        places = {id_: number for number, id_ in enumerate(ids)}

        def probe(partners):
            number = places[partners.id]
            self.runs.append(number)
            partners.write({"city": self.mark})
            if number in bad:
                raise UserError(f"bad {number}")
            if number >= records - 1:
                # each subtransaction that wrote has marked the rows it wrote
                partners.env.cr.execute("SELECT count(DISTINCT xmin::text) FROM res_partner WHERE id = ANY(%s)", [ids])
                [self.count] = partners.env.cr.fetchone()

        self.set_probe(probe)
        job = self.submit(self.probe(ids), max_chunk_size=1, **options)
        self.work()
        return ids, self.check_counters(job)

    def test_a_job_of_many_chunks_stays_below_what_postgresql_keeps_track_of(self):
        for options in ({"rollback": "job"}, {"dry_run": True}):
            with self.subTest(**options):
                self.runs.clear()
                ids, done = self.run_counted(400, **options)
                self.assertEqual((done["state"], done["processed_records"]), ("completed", 400))
                self.assertGreater(self.count, 1)
                self.assertLess(self.count, POSTGRESQL_KEEPS // 2)
                self.assertEqual(self.runs, list(range(400)), "each once, in order")
                written = self.sql("SELECT count(*) FROM res_partner WHERE id = ANY(%s) AND city IS NOT NULL", ids)
                self.assertEqual(written, [(0 if "dry_run" in options else 400,)])
                self.delete_partners()

    def test_what_fails_among_many_is_found_and_costs_little_more(self):
        for options, bad in (({"rollback": "job"}, {150}), ({"dry_run": True}, {3, 150, 151, 199})):
            with self.subTest(**options):
                self.runs.clear()
                _ids, done = self.run_counted(200, bad, **options)
                self.assertEqual(done["failed_records"], len(bad) if "dry_run" in options else 200)
                found = self.sql(
                    'SELECT "index", message FROM batch_failure WHERE job_id = %s ORDER BY "index"', done["id"]
                )
                self.assertEqual(found, [(number, f"bad {number}") for number in sorted(bad)])
                self.assertEqual(sorted(set(self.runs)), list(range(200)))
                self.assertLess(len(self.runs), 200 * (1 + 2 / GROWTH))
                self.delete_partners()

    def test_records_found_by_a_domain_are_counted_though_they_are_undone(self):
        for options in ({"rollback": "job"}, {"dry_run": True}):
            with self.subTest(**options):
                ids = self.make_partners(30)
                bad = ids[17]

                def probe(partners, bad=bad):
                    if bad in partners.ids:
                        raise UserError("bad")

                self.set_probe(probe)
                operation = {**self.probe(ids), "domain": [["id", "in", ids]]}
                del operation["record_ids"]
                job = self.submit(operation, max_chunk_size=5, **options)
                self.work()
                done = self.check_counters(job)
                good = 29 if "dry_run" in options else 0
                self.assertEqual(
                    (done["total_records"], done["processed_records"], done["failed_records"]), (30, good, 30 - good)
                )
                [failure] = self.failures(job)
                self.assertEqual((failure["index"], failure["record_id"]), (17, bad))
                self.delete_partners()

    def test_a_retry_resolves_references_anew(self):
        """What they stood for at first was undone."""
        first = {**self.creates(2), "operation_id": "first"}
        fails = [True]

        def probe(partners):
            if fails:
                raise UserError("not yet")
            partners.exists().write({"city": self.mark})

        self.set_probe(probe)
        job = self.submit(first, self.probe([{"$ref": "first", "index": 1}]), rollback="job")
        self.work()
        self.assertEqual(self.check_counters(job)["state"], "failed")
        fails.clear()
        self.call(job, "retry")
        self.work()
        self.assertEqual(self.check_counters(job)["state"], "completed")
        self.assertEqual(self.partners("city"), [(0, None), (1, self.mark)])


class TestReports(BaseCase):
    """What is kept of each chunk until all of them have run."""

    CHUNKS, RECORDS = 50, 2000

    def kept(self, is_selection):
        """Bytes that are kept of chunks in which one record each has failed, and the report."""
        report = UndoneReport(is_selection)
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        before = tracemalloc.get_traced_memory()[0]
        for _chunk in range(self.CHUNKS if is_selection else 1):
            places = range(self.RECORDS)
            held = SimpleNamespace(payload=Payload([{"name": "x" * 500} for _ in places], [7] * self.RECORDS, [*places]))
            outcome = Outcome(ids=dict.fromkeys(range(1, self.RECORDS), True), failures={0: Failure("ValueError", "bad")})
            report.add(RunSummary(held, outcome, 0.1))
            del held, outcome
        return tracemalloc.get_traced_memory()[0] - before, report

    def test_only_what_failed_is_kept_of_a_chunk_or_a_selection(self):
        for is_selection in (False, True):
            with self.subTest(is_selection=is_selection):
                size, report = self.kept(is_selection)
                chunks = self.CHUNKS if is_selection else 1
                self.assertLess(size, 30_000 + 1_000 * chunks, "far less than the places of the others")
                held = SimpleNamespace(payload=Payload([None] * self.RECORDS, [7] * self.RECORDS, [*range(self.RECORDS)]))
                undone = report.settled(held, is_dry_run=False)
                self.assertEqual(len(undone.failures), chunks)
                self.assertEqual(len(undone.rolled_back) + undone.undone, chunks * (self.RECORDS - 1))
