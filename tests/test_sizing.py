"""Adaptive chunk sizes, in real lanes: learned, kept, explained; each record once."""

import time
from datetime import datetime, timezone
from unittest.mock import patch

from ..engine import forecast, sizing
from ..engine.verdict import TIMEOUT
from ..run import control
from ..run.interruption import Interruption
from ..store import sizing as store_sizing
from ..store.awake import lanes_awake
from .case import PATIENCE_S, create
from .lane_case import PROBE, LaneCase


class TestAdaptive(LaneCase):
    def setUp(self):
        super().setUp()
        self.sql("DELETE FROM batch_sizing")
        self.addCleanup(self.sql, "DELETE FROM batch_sizing")

    def learned(self):
        return dict(self.sql("SELECT size, samples FROM batch_sizing WHERE model = 'res.partner'"))

    def sizes(self, job):
        return [chunk["record_count"] for chunk in self.chunks(job)]

    def test_each_record_once_while_the_size_is_looked_for(self):
        job = self.submit(self.creates(1500), max_chunk_size=0)
        self.work(lanes=2)
        done = self.check_counters(job)
        self.assertEqual((done["state"], done["processed_records"]), ("completed", 1500))
        self.assertEqual(sorted(number for number, _id in self.partners()), list(range(1500)))
        self.assertGreater(len(self.learned()), 1)
        self.assertIn(sizing.START, self.sizes(job))
        with self.committed(self.user_id) as env:
            report = env["batch.job"].browse(job).sizing_report
        for size in set(self.sizes(job)):
            self.assertIn(f"chunks of {size} at", report)

    def test_what_was_learned_serves_the_next_job(self):
        for size in sizing.SIZES:
            self.sql(
                "INSERT INTO batch_sizing (model, operation_type, size, seconds_per_record, samples) "
                "VALUES ('res.partner', 'create', %s, %s, 5)",
                size, 0.001 if size == 50 else 0.01,
            )  # fmt: skip
        job = self.submit(self.creates(500), max_chunk_size=0)
        self.work()
        self.assertEqual(self.sizes(job), [50] * 10)

    def learn_that_large_chunks_are_best(self, seconds=0.001, kind="create"):
        self.sql("DELETE FROM batch_sizing")
        for size in sizing.SIZES:
            self.insert(kind, size, seconds + 0.1 / size)

    def test_a_lane_that_stays_alone_leaves_nothing_for_others(self):
        self.learn_that_large_chunks_are_best()
        job = self.submit(self.creates(300), max_chunk_size=0)
        self.work()
        self.assertEqual(self.sizes(job), [150, 150], "somebody might still have come")
        self.learn_that_large_chunks_are_best(0.005, f"call {PROBE}")
        self.set_probe(lambda partners: None)
        job = self.submit(self.probe(self.make_partners(900)), max_chunk_size=0)
        with patch.object(control, "learn", lambda *lesson: None):
            self.work()
        self.assertEqual(self.sizes(job)[1:], [500, 300], "nobody has come")

    def test_lanes_that_are_not_alone_share_what_is_left(self):
        self.learn_that_large_chunks_are_best(0.005)
        job = self.submit(self.creates(800), max_chunk_size=0)
        self.startPatcher(patch.object(sizing, "LAST_S", 1.0))
        with self.open_lane("one") as one, self.open_lane("two") as two:
            first, second = one.claim(), two.claim()
            self.assertEqual(first.size, 200)
            self.assertAlmostEqual(second.size, 200, delta=20, msg="the other one has hardly begun")
            one.work_on(first)
            one.control.lesson = None
            self.sql("UPDATE batch_chunk SET claimed_at = clock_timestamp() AT TIME ZONE 'UTC' WHERE id = %s", second.chunk_id)
            third = one.claim()
            self.assertAlmostEqual(third.size, 150, delta=20, msg="half of what is this lane's, of the 600 left with those in flight")
            two.work_on(second)
            one.work_on(third)
        self.work()
        self.assertEqual(self.check_counters(job)["processed_records"], 800)

    def test_chunks_are_smaller_where_records_fail_or_are_undone_with_others(self):
        self.learn_that_large_chunks_are_best(0.005)
        sizes = []
        for options, counters in (({}, (0, 0)), ({"rollback": "chunk"}, (0, 0)), ({}, (900, 20))):
            job = self.submit(self.creates(900), max_chunk_size=0, max_concurrency=1, **options)
            self.sql("UPDATE batch_job SET processed_records = %s, failed_records = %s WHERE id = %s", *counters, job)
            with self.open_lane() as lane:
                lane.control.paces[job, "res.partner", "create"] = 0.0  # this is not its first chunk
                sizes.append(lane.claim().size)
            self.sql("DELETE FROM batch_job WHERE id = %s", job)
        self.assertEqual(sizes[0], 500)
        self.assertEqual(sizes[1], sizing.MOST_UNDONE)
        self.assertLess(sizes[2], 100)

    def test_lanes_that_are_awake_anywhere_get_their_share_before_they_have_claimed(self):
        self.learn_that_large_chunks_are_best()
        job = self.submit(self.creates(400), max_chunk_size=0)
        with self.open_lane("one") as one, self.open_lane("two"), self.open_lane("three"), self.open_lane("four"):
            self.assertEqual(one.claim().size, 100)
        self.sql("UPDATE batch_chunk SET state = 'pending' WHERE job_id = %s", job)
        self.work()
        self.assertEqual(self.check_counters(job)["processed_records"], 400)
        with self.registry.cursor() as cr:
            self.assertEqual(lanes_awake(cr), 0)

    def test_a_running_job_tells_when_it_will_be_over_before_anything_of_it_is(self):
        """By what was learned from another one: a second for each ten records, two chunks of a hundred at once."""
        self.sql(
            "INSERT INTO batch_sizing (model, operation_type, size, seconds_per_record, samples) "
            "VALUES ('res.partner', 'create', 100, 0.1, 5)"
        )
        job = self.submit(self.creates(400), create("New to it", model="res.partner.category"), max_chunk_size=100)
        self.assertFalse(self.call(job, "status")["eta"])
        self.assertAlmostEqual(self.sql("SELECT expected_work FROM batch_job WHERE id = %s", job)[0][0], 40)
        begun = datetime.now(timezone.utc)
        self.sql("UPDATE batch_job SET state = 'running', worked_since = now() AT TIME ZONE 'UTC' WHERE id = %s", job)
        self.sql(
            "UPDATE batch_chunk SET state = 'running', claims = 1, claimed_at = now() AT TIME ZONE 'UTC'"
            " WHERE id IN (SELECT id FROM batch_chunk WHERE job_id = %s ORDER BY id LIMIT 2)",
            job,
        )
        with patch.object(forecast, "GATHERING_S", 10 * PATIENCE_S):
            self.assert_time_left(job, 10, begun)  # four lanes will come, two of them are there
        self.sql("UPDATE batch_job SET worked_since = worked_since - interval '10 seconds' WHERE id = %s", job)
        self.sql(
            "UPDATE batch_chunk SET claimed_at = claimed_at - interval '10 seconds' WHERE job_id = %s AND state = 'running'",
            job,
        )
        self.assert_time_left(job, 10, begun)  # nobody else has come

    def test_the_end_of_a_job_in_one_transaction_is_told_by_what_it_shows(self):
        """Its one chunk runs all the time: that is no work beside what is counted."""
        job = self.submit(self.creates(400), rollback="job")
        begun = datetime.now(timezone.utc)
        self.sql(
            "UPDATE batch_job SET state = 'running', worked_since = now() AT TIME ZONE 'UTC' - interval '10 seconds',"
            " processed_records = 100 WHERE id = %s",
            job,
        )
        self.sql(
            "UPDATE batch_chunk SET state = 'running', claims = 1, claimed_at = now() AT TIME ZONE 'UTC' - interval '10 seconds'"
            " WHERE job_id = %s AND kind = 'atomic'",
            job,
        )
        self.assert_time_left(job, 30, begun)

    def assert_time_left(self, job, seconds, begun):
        """The job says that it will be over in so many seconds, give or take what has passed since it was made to look so."""
        eta = datetime.fromisoformat(self.call(job, "status")["eta"].replace("Z", "+00:00"))
        now = datetime.now(timezone.utc)
        passed = (now - begun).total_seconds() + 1
        # a job in which nothing more happens seems slower with each second: up to three for one
        self.assertAlmostEqual((eta - now).total_seconds(), seconds, delta=4 * passed)

    def test_chunks_of_a_given_size_teach_now_and_then(self):
        for seconds, chunks in ((10 * PATIENCE_S, 1), (-1, 10)):
            self.sql("DELETE FROM batch_sizing")
            with patch.object(control, "LESSON_EVERY_S", seconds), patch.object(sizing, "SURPRISE", 1e9):
                self.submit(self.creates(500), max_chunk_size=50)
                self.work()
            self.assertEqual(self.learned(), {50: chunks})
            self.delete_partners()

    def slow(self, partners):
        time.sleep(0.002 * len(partners))

    def test_slow_records_of_a_job_get_small_chunks_though_others_were_fast(self):
        """Of the same method: what its first chunk takes holds for all sizes, in each lane that has run one."""
        ids = self.make_partners(1200)
        for size in sizing.SIZES:
            self.insert(f"call {PROBE}", size, 0.000_01)
        self.set_probe(self.slow)
        self.startPatcher(patch.object(sizing, "TARGET_S", 0.3))
        job = self.submit(self.probe(ids), max_chunk_size=0)
        self.work()
        self.assertEqual(self.check_counters(job)["processed_records"], 1200)
        self.assertLessEqual(max(self.sizes(job)), 200)

    def test_each_method_has_sizes_of_its_own(self):
        self.set_probe(lambda partners: None)
        self.submit(self.probe(self.make_partners(30)), max_chunk_size=0)
        self.work()
        self.assertEqual(self.sql("SELECT DISTINCT operation_type FROM batch_sizing"), [(f"call {PROBE}",)])

    def test_a_chunk_that_is_interrupted_teaches_as_well(self):
        """A time limit, and a lost worker; its halves teach the next lower size."""
        for ending in ("timeout", "lost"):
            self.sql("DELETE FROM batch_sizing")
            self.insert("create", 100, 0.0001)
            job = self.submit(self.creates(100), max_chunk_size=0, max_concurrency=1)
            with self.open_lane() as lane:
                claim = lane.claim()
                self.assertEqual(claim.size, 100)
                if ending == "timeout":
                    lane.control.release(claim, Interruption(TIMEOUT, "too slow"), 4.0)
                    self.assertEqual(lane.control.paces, {claim.lesson_key: 0.04})
            if ending == "lost":
                self.sql("UPDATE batch_chunk SET claimed_at = claimed_at - interval '1 hour' WHERE id = %s", claim.chunk_id)
                with self.open_lane() as lane:
                    lane.control.look_around()
            [(seconds, samples)] = self.sql("SELECT seconds_per_record, samples FROM batch_sizing")
            self.assertGreater(seconds, 0.01, ending)
            self.assertEqual(samples, 1)
            self.work()
            self.assertEqual(self.check_counters(job)["processed_records"], 100)
            self.assertIn(50, self.learned())
            self.delete_partners()

    def insert(self, kind, size, seconds):
        self.sql(
            "INSERT INTO batch_sizing (model, operation_type, size, seconds_per_record, samples)"
            " VALUES ('res.partner', %s, %s, %s, 5)",
            kind, size, seconds,
        )  # fmt: skip

    def test_small_operations_are_not_torn_by_the_size(self):
        operations = [self.creates(30) for _number in range(4)]
        for number, operation in enumerate(operations):
            for values in operation["data"]:
                values["ref"] += f"-{number}"
        job = self.submit(*operations, max_chunk_size=0)
        self.work()
        done = self.check_counters(job)
        self.assertEqual((done["completed_operations"], done["processed_records"]), (4, 120))
        self.assertEqual({size % 30 for size in self.sizes(job)}, {0})  # what several share is cut between them only

    def test_a_model_that_slows_down_with_size_gets_small_chunks(self):
        def learn(cr, model, operation_type, count, _duration_s):
            store_sizing.learn(cr, model, operation_type, count, 0.000_02 * count**2)

        self.set_probe(lambda partners: None)
        job = self.submit(self.probe(self.make_partners(1500)), max_chunk_size=0)
        with patch.object(control, "learn", learn):
            self.work()
        self.assertEqual(self.check_counters(job)["processed_records"], 1500)
        self.assertLessEqual(sum(size for size in self.sizes(job) if size > 50), 500, self.sizes(job))

    def test_a_chunk_with_failures_teaches_nothing(self):
        operation = self.creates(25)
        operation["data"][7] = {"name": False, "ref": f"{self.mark}-7"}
        job = self.submit(operation, max_chunk_size=0)
        self.work()
        self.assertEqual(self.check_counters(job)["failed_records"], 1)
        self.assertEqual(self.learned(), {})
