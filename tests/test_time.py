"""The time a job was worked on, what its rates and its share of the work are measured by, and when it will be over."""


from ..engine.verdict import CONFLICT
from ..run.interruption import Interruption
from .lane_case import LaneCase

#: Seconds that a job waits in these tests, and what is more than it may take to run.
WAIT_S = 100
WORK_S = 50


class TestClock(LaneCase):
    def wait(self, job, seconds=WAIT_S):
        """Let a job be older by so much: all its instants lie further back."""
        self.sql(
            """
            UPDATE batch_job
               SET worked_since = worked_since - %(s)s * interval '1 second',
                   started_at = started_at - %(s)s * interval '1 second',
                   finished_at = finished_at - %(s)s * interval '1 second',
                   progress_at = progress_at - %(s)s * interval '1 second'
             WHERE id = %(id)s
            """.replace("%(s)s", str(seconds)).replace("%(id)s", str(job))
        )

    def seen(self, job):
        """Status, which says the same as the fields of the backend."""
        status = self.call(job, "status")
        with self.committed() as env:
            [row] = env["batch.job"].browse(job).read(["percentage", "duration", "records_per_second"])
        self.assertEqual(row["percentage"], status["percentage"])
        self.assertAlmostEqual(row["duration"], status["duration"], delta=1)
        self.assertAlmostEqual(row["records_per_second"], status["stats"]["records_per_second"], delta=0.5)
        return status

    def test_waiting_to_begin_is_no_work(self):
        job = self.submit(self.creates(4))
        self.wait(job)
        self.assertEqual(self.seen(job)["duration"], 0.0)
        self.work()
        self.assertLess(self.seen(job)["duration"], WORK_S)

    def test_a_pause_is_no_work(self):
        job = self.submit(self.creates(4), max_chunk_size=2)
        with self.open_lane() as lane:
            lane.work_on(lane.claim())
            self.wait(job)
            self.call(job, "pause")
            paused = self.seen(job)["duration"]
            self.assertGreaterEqual(paused, WAIT_S)
            self.wait(job)
            self.assertIsNone(lane.claim())
            self.assertEqual(self.seen(job)["duration"], paused)
        self.call(job, "resume")
        self.wait(job)
        self.assertEqual(self.seen(job)["duration"], paused, "no lane has taken a chunk yet")
        with self.open_lane() as lane:
            lane.work_on(lane.claim())
            self.wait(job)
            self.assertGreaterEqual(self.seen(job)["duration"], 2 * WAIT_S)
        self.work()
        self.assertLess(self.seen(job)["duration"], 2 * WAIT_S + WORK_S)

    def test_waiting_to_be_tried_again_is_no_work(self):
        with self.open_lane() as lane:
            job = self.submit(self.creates(4))
            claim = lane.claim()
            lane.control.release(claim, Interruption(CONFLICT, "busy"))
            self.sql("UPDATE batch_chunk SET run_at = run_at + interval '1 hour' WHERE job_id = %s", job)
            self.assertIsNone(lane.claim())
            before = self.seen(job)["duration"]
            self.wait(job)
            self.assertEqual(self.seen(job)["duration"], before)
            self.assertLess(before, WORK_S)
        self.sql("UPDATE batch_chunk SET run_at = NULL WHERE job_id = %s", job)
        self.sql("UPDATE batch_job SET ready = true, wake_at = NULL WHERE id = %s", job)
        self.work()
        done = self.seen(job)
        self.assertEqual(done["state"], "completed")
        self.assertGreater(done["duration"], before)
        self.assertLess(done["duration"], WORK_S)

    def test_the_time_until_a_lost_worker_is_missed_is_no_work(self):
        job = self.submit(self.creates(4))
        with self.open_lane() as lane:
            lane.claim()
        self.wait(job)
        self.sql("UPDATE batch_chunk SET claimed_at = claimed_at - interval '%s seconds' WHERE job_id = %%s" % (WAIT_S - 10), job)
        with self.assertLogs("odoo.addons.batch_executor.run.rescue", "WARNING"):
            self.work()
        done = self.seen(job)
        self.assertEqual(done["state"], "completed")
        self.assertGreaterEqual(done["duration"], 9)
        self.assertLess(done["duration"], WORK_S)

    def test_what_is_in_flight_in_a_pause_is_work(self):
        job = self.submit(self.creates(4), max_chunk_size=2)
        with self.open_lane() as lane:
            claim = lane.claim()
            self.call(job, "pause")
            self.wait(job)
            self.assertGreaterEqual(self.seen(job)["duration"], WAIT_S)
            lane.work_on(claim)
            self.assertIsNone(lane.claim())
        paused = self.seen(job)["duration"]
        self.assertGreaterEqual(paused, WAIT_S)
        self.wait(job)
        self.assertEqual(self.seen(job)["duration"], paused)

    def test_waiting_for_a_retry_is_no_work_and_rates_count_what_has_run(self):
        for options in ({}, {"rollback": "job"}):
            with self.subTest(**options):
                ids = self.make_partners(4)
                fails = [True]

                def probe(partners, fails=fails, bad=ids[0]):
                    if fails and bad in partners.ids:
                        raise ValueError("not yet")

                self.set_probe(probe)
                job = self.submit(self.probe(ids), **options)
                self.work()
                self.wait(job)
                # as if it had taken ten seconds
                self.sql("UPDATE batch_job SET worked_s = 10 WHERE id = %s", job)
                first = self.seen(job)
                self.assertEqual((first["duration"], first["percentage"]), (10.0, 100.0))
                self.assertEqual(first["stats"]["records_per_second"], 0.4)
                fails.clear()
                waiting = self.call(job, "retry")
                self.wait(job)
                self.assertEqual((waiting["duration"], waiting["stats"]["records_per_second"]), (10.0, 0.4))
                self.assertEqual(waiting["stats"]["operations_per_second"], 0.1)
                self.work()
                self.sql("UPDATE batch_job SET worked_s = 10 WHERE id = %s", job)
                again = 4 if options else 1
                done = self.seen(job)
                self.assertEqual((done["state"], done["stats"]["records_per_second"]), ("completed", 0.4 + again / 10))
                self.assertEqual(done["stats"]["operations_per_second"], 0.2)
                self.check_counters(job)

    def test_a_job_cancelled_half_way_ends_at_what_it_reached(self):
        job = self.submit(self.creates(8), max_chunk_size=2)
        with self.open_lane() as lane:
            lane.work_on(lane.claim())
            self.call(job, "cancel")
            self.assertIsNone(lane.claim())
        status = self.seen(job)
        self.assertEqual((status["state"], status["percentage"], status["completed"]), ("cancelled", 25.0, 8))
        self.wait(job)
        self.assertEqual(self.seen(job)["duration"], status["duration"])

    def test_a_job_that_is_being_cancelled_or_stopped_shows_what_ran_and_no_end(self):
        for stop in ("cancel", "max_failures"):
            with self.subTest(by=stop):
                data = self.creates(8)["data"]
                data[0]["type"] = "nonsense"
                options = {"max_failures": 0} if stop == "max_failures" else {}
                job = self.submit({**self.creates(0), "data": data}, max_chunk_size=2, max_concurrency=3, **options)
                with self.open_lane() as first, self.open_lane("second") as second, self.open_lane("third") as third:
                    held = [lane.claim() for lane in (first, second)]
                    if stop == "cancel":
                        self.call(job, "cancel")
                    first.work_on(held[0])
                    self.assertIsNone(third.claim(), "nothing more starts")
                    status = self.call(job, "status")
                    self.assertEqual((status["state"], status["percentage"], status["eta"]), ("running", 25.0, False))
                    second.work_on(held[1])
                    self.assertIsNone(second.claim())
                status = self.seen(job)
                self.assertEqual(status["state"], "cancelled" if stop == "cancel" else "partial")
                self.assertEqual((status["percentage"], status["eta"], status["stats"]["cancelled_records"]), (50.0, False, 4))
                self.check_counters(job)
                self.delete_partners()

    def test_a_job_never_begun_has_taken_no_time(self):
        job = self.submit(self.creates(8))
        self.wait(job)
        self.assertEqual(self.call(job, "cancel")["duration"], 0.0)
        self.assertEqual(self.seen(job)["percentage"], 0.0)

    def test_an_end_beyond_reason_is_not_foretold(self):
        job = self.submit(self.creates(500), max_chunk_size=1)
        with self.open_lane() as lane:
            lane.work_on(lane.claim())
            lane.claim()
            self.sql(
                "UPDATE batch_job SET worked_s = 30 * 365 * 86400.0, processed_records = 1, total_records = 500000000 WHERE id = %s",
                job,
            )
            self.assertFalse(self.seen(job)["eta"])
            self.call(job, "pause")
            self.assertEqual(self.call(job, "resume")["state"], "running")
            self.call(job, "cancel")

    def test_the_end_is_foretold_by_the_pace_of_late(self):
        """Fast for long, slow since: by the average of all it would be over in a moment."""
        job = self.submit(self.creates(300), max_chunk_size=100)
        with self.open_lane() as lane:
            lane.work_on(lane.claim())
            lane.claim()
            self.sql("UPDATE batch_chunk SET claimed_at = clock_timestamp() AT TIME ZONE 'UTC' WHERE state = 'running'")
            self.sql(
                """
                UPDATE batch_job
                   SET worked_s = 200, worked_since = now() AT TIME ZONE 'UTC',
                       earlier_records = 100000, paced_records = 100000, paced_s = 100
                 WHERE id = %s
                """,
                job,
            )
            status = self.call(job, "status")
        left = self.sql("SELECT extract(epoch FROM %s::timestamp - now() AT TIME ZONE 'UTC')::float", status["eta"][:-1])
        self.assertAlmostEqual(left[0][0], 200, delta=20)
