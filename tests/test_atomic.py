"""Jobs in one transaction: what they cost does not grow with them."""

import json
import tracemalloc
from types import SimpleNamespace
from unittest.mock import patch

from odoo.exceptions import UserError
from odoo.tests.common import BaseCase

from ..engine.outcome import Failure, Outcome
from ..engine.payload import Payload
from ..run import selection
from ..run.driver import RunSummary, UndoneReport
from ..run.references import References
from ..run.whole_job import GROWTH, WholeJob
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
                ids, done = self.run_counted(200, **options)
                self.assertEqual((done["state"], done["processed_records"]), ("completed", 200))
                self.assertGreater(self.count, 1)
                self.assertLess(self.count, POSTGRESQL_KEEPS // 2)
                self.assertEqual(self.runs, list(range(200)), "each once, in order")
                written = self.sql("SELECT count(*) FROM res_partner WHERE id = ANY(%s) AND city IS NOT NULL", ids)
                self.assertEqual(written, [(0 if "dry_run" in options else 200,)])
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
            payload = Payload([{"name": "x" * 500} for _ in places], [7] * self.RECORDS, [*places])
            held = SimpleNamespace(payload=payload, is_dry_run=False)
            outcome = Outcome(ids=dict.fromkeys(range(1, self.RECORDS), True), failures={0: Failure("ValueError", "bad")})
            outcome.found_records = self.RECORDS if is_selection else 0
            report.add(RunSummary(held, outcome, 0.1))
            del held, payload, outcome
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


class TestWhole(LaneCase):
    """All or nothing, in a lane and in `execute`, also where records are skipped or never run."""

    SHOWN = ("processed_records", "failed_records", "cancelled_records")

    def operations(self, bad=True):
        """One that has nothing to do, one that depends on it, and two that share a chunk, one of them bad."""
        empty, waits, shares, last = ({**self.creates(1), "operation_id": name} for name in "abcd")
        empty["data"] = []
        waits["depends_on"] = ["a"]
        for number, operation in enumerate((waits, shares, last)):
            operation["data"][0]["ref"] = f"{self.mark}-{number}"
        if bad:
            last["data"][0]["type"] = "nonsense"
        return empty, waits, shares, last

    def mend(self, job):
        with self.committed(self.user_id) as env:
            for failure in env["batch.failure"].search([("job_id", "=", job), ("retried_at", "=", False)]):
                failure.values = json.dumps({**json.loads(failure.values), "type": "contact"})

    def skip(self):
        """Skip whatever depends on others, though nothing has failed."""
        return patch.object(References, "unmet", lambda self, names, env: "not yet" if names else None)

    def in_both(self, *operations, **options):
        """Run operations in a lane and by `execute`: the state, error and counters of both, and the states of operations."""
        answers = []
        for run in ("submit", "execute"):
            with self.committed(self.user_id) as env:
                answer = getattr(env["batch.job"], run)(list(operations), **options)
            if run == "submit":
                self.work()
                self.check_counters(answer["job_id"])
                answer = self.call(answer["job_id"], "result")
            states_ = [entry["state"] for entry in answer["results"]]
            answers.append((answer["state"], answer["error"], *map(answer["stats"].get, self.SHOWN), states_))
        lane, inline = answers
        self.assertEqual(lane, inline)
        return lane

    def test_a_retry_leaves_operations_completed_that_have_nothing_to_do(self):
        for options, failed in (({"rollback": "job"}, 3), ({"dry_run": True}, 1)):
            with self.subTest(**options):
                job = self.submit(*self.operations(), **options)
                self.work()
                self.assertEqual(self.check_counters(job)["failed_records"], failed)
                ended = "SELECT state, finished_at FROM batch_operation WHERE job_id = %s AND operation_id = 'a'"
                before = self.sql(ended, job)
                self.assertEqual(before[0][0], "completed")
                self.mend(job)
                self.call(job, "retry")
                again = self.job(job)
                self.assertEqual((again["completed_operations"], again["total_records"]), (1, 3))
                self.assertEqual(self.sql(ended, job), before)
                self.work()
                done = self.check_counters(job)
                self.assertEqual((done["state"], done["processed_records"], done["completed_operations"]), ("completed", 3, 4))
                with self.assertRaisesRegex(UserError, "Nothing in this job"):
                    self.call(job, "retry")
                made = sorted(number for number, _id in self.partners())
                self.assertEqual(made, [] if "dry_run" in options else [0, 1, 2], "each once")
                self.delete_partners()

    def test_the_retry_of_a_failed_one_leaves_them_completed_as_well(self):
        job = self.submit(*self.operations(), rollback="job")
        self.work()
        self.mend(job)
        with self.committed(self.user_id) as env:
            env["batch.failure"].search([("job_id", "=", job)]).action_retry()
        self.work()
        self.assertEqual(self.check_counters(job)["state"], "completed")
        self.assertEqual(len(self.partners()), 3)

    def test_execute_does_as_a_lane(self):
        state, error, *counts, states_ = self.in_both(*self.operations(), rollback="job")
        self.assertEqual((state, counts, states_), ("failed", [0, 3, 0], ["completed", "failed", "failed", "failed"]))
        self.assertIn("because 1 record failed", error)
        self.assertEqual(self.partners(), [])
        self.assertEqual(self.in_both(*self.operations(), dry_run=True)[:2], ("partial", False))
        self.assertEqual(self.partners(), [])
        self.assertEqual(self.in_both(*self.operations(bad=False), rollback="job")[:2], ("completed", False))

    def test_an_operation_without_records_may_depend_on_others(self):
        first, empty, last = ({**self.creates(1), "operation_id": name} for name in "abc")
        empty.update(data=[], depends_on=["a"])
        last["depends_on"] = ["b"]
        for options in ({}, {"dry_run": True}, {"rollback": "job"}):
            with self.subTest(**options):
                self.assertEqual(self.in_both(first, empty, last, **options)[0], "completed")

    def test_what_is_skipped_undoes_all_as_well(self):
        with self.skip():
            state, error, *counts, states_ = self.in_both(*self.operations(bad=False), rollback="job", max_failures=0)
        self.assertEqual((state, counts), ("failed", [0, 2, 1]))
        self.assertEqual(states_, ["completed", "skipped", "failed", "failed"])
        self.assertEqual(error, "Everything was rolled back, because 1 record could not be run. The first: not yet")
        self.assertEqual(self.partners(), [])

    def test_what_was_committed_is_not_run_again(self):
        job = self.submit(*self.operations(bad=False), rollback="job")
        with self.skip(), patch.object(WholeJob, "is_undone", False):
            self.work()
        done = self.check_counters(job)
        self.assertEqual((done["state"], done["processed_records"], done["cancelled_records"]), ("partial", 2, 1))
        with self.assertRaisesRegex(UserError, "2 of them have been committed"):
            self.call(job, "retry")
        with self.assertRaisesRegex(UserError, "2 of them have been committed"), self.committed(self.user_id) as env:
            env["batch.failure"].search([("job_id", "=", job)]).action_retry()
        self.work()
        self.assertEqual(self.check_counters(job), done)
        self.assertEqual(len(self.partners()), 2)

    def test_what_never_ran_after_too_many_failures_is_cancelled(self):
        creates = self.creates(10)
        creates["data"][1]["type"] = "nonsense"
        for options, counts in (({"dry_run": True}, [1, 1, 8]), ({"rollback": "job"}, [0, 2, 8])):
            with self.subTest(**options):
                state, error, *found, states_ = self.in_both(creates, max_failures=0, max_chunk_size=1, **options)
                self.assertEqual((state, found, states_), ("partial" if counts[0] else "failed", counts, [state]))
                self.assertIn("Stopped: 1 record failed" if counts[0] else "Everything was rolled back", error)
        shared = [{**creates, "data": [values]} for values in creates["data"]]
        self.assertEqual(self.in_both(*shared, max_failures=0, max_chunk_size=2, dry_run=True)[2:5], (1, 1, 8))

    def test_a_limit_reached_by_the_last_record_stops_nothing(self):
        creates = self.creates(2)
        creates["data"][1]["type"] = "nonsense"
        answer = self.in_both(creates, max_failures=0, max_chunk_size=1, dry_run=True)
        self.assertEqual(answer, ("partial", False, 1, 1, 0, ["partial"]))

    def test_what_a_selection_found_in_vain_is_cancelled(self):
        ids = self.make_partners(10)

        def probe(partners):
            if ids[2] in partners.ids:
                raise UserError("bad")

        self.set_probe(probe)
        found = {**self.probe(ids), "domain": [["id", "in", ids]]}
        del found["record_ids"]
        for options, good in (({"dry_run": True}, 2), ({"rollback": "job"}, 0)):
            for page in (100, 4):
                with self.subTest(page=page, **options), patch.object(selection, "PAGE", page):
                    *_said, processed, failed, cancelled, states_ = self.in_both(
                        found, dict(found), max_failures=0, max_chunk_size=1, **options
                    )
                    # the second selection has not begun, and counts as one record
                    self.assertEqual((processed, failed, cancelled), (good, 3 - good, 7 + 1))
                    self.assertEqual(states_, ["partial" if good else "failed", "cancelled"])

    def test_a_retry_runs_what_was_cancelled(self):
        creates = self.creates(10)
        creates["data"][1]["type"] = "nonsense"
        job = self.submit(creates, max_failures=0, max_chunk_size=1, rollback="job")
        self.work()
        self.assertEqual(self.check_counters(job)["cancelled_records"], 8)
        self.mend(job)
        self.call(job, "retry")
        self.work()
        self.assertEqual(self.check_counters(job)["processed_records"], 10)
        self.assertEqual(len(self.partners()), 10)
