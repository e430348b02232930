"""Priority, concurrency and start of a job, changed while lanes are at work."""

from odoo.exceptions import AccessError, UserError

from ..exceptions import BatchValidationError
from .case import SUBMITTER
from .committed_case import committed
from .lane_case import LaneCase

LATER = "2199-01-01T00:00:00Z"


class TestPace(LaneCase):
    def test_more_lanes_may_work_on_it_at_once(self):
        job = self.submit(self.creates(6), max_chunk_size=1, max_concurrency=2)
        with self.open_lane("one") as one, self.open_lane("two") as two, self.open_lane("three") as three:
            claims = [(one, one.claim()), (two, two.claim())]
            self.assertIsNone(three.claim())
            self.assertFalse(self.job(job)["ready"], "it is parked")
            self.call(job, "write", {"max_concurrency": 3})
            claims.append((three, three.claim()))
            self.assertTrue(all(claim for _lane, claim in claims))
            self.call(job, "write", {"max_concurrency": 1})
            one.work_on(claims[0][1])
            self.assertIsNone(one.claim(), "two are in flight still")
            two.work_on(claims[1][1])
            three.work_on(claims[2][1])
            self.assertTrue(two.claim())
            self.call(job, "write", {"max_concurrency": 5})
        self._give_up_claims(job)
        self.work(lanes=2)
        self.assertEqual(self.check_counters(job)["processed_records"], 6)
        self.assertEqual(len(self.partners()), 6)

    def test_the_urgent_job_is_next(self):
        first = self.submit(self.creates(3), max_chunk_size=1)
        second = self.submit(self.creates(3), max_chunk_size=1)
        with self.open_lane() as lane:
            claim = lane.claim()
            self.assertEqual(claim.job_id, first)
            lane.work_on(claim)
            self.call(second, "write", {"priority": 5, "name": "Urgent"})
            for job in (second, second, second, first):
                claim = lane.claim()
                self.assertEqual(claim.job_id, job)
                lane.work_on(claim)
        self.work()
        for job in (first, second):
            self.assertEqual(self.check_counters(job)["processed_records"], 3)
        self.assertEqual((self.job(second)["name"], self.job(second)["priority"]), ("Urgent", 5))

    def test_it_gets_through_to_a_job_that_claims_all_the_time(self):
        self.set_probe(lambda partners: None)
        job = self.submit(self.probe(self.make_partners(600)), max_chunk_size=1)
        with self.in_threads(2) as pool:
            runs = [pool.submit(self.lane(seconds=20).run) for _ in range(2)]
            self.wait_until(lambda: self.job(job)["state"] == "running")
            for number in range(1, 5):
                self.call(job, "write", {"priority": number, "max_concurrency": number})
            self.call(job, "cancel")
            for run in runs:
                run.result(60)
        self.work()
        self.assertEqual(self.check_counters(job)["max_concurrency"], 4)

    def test_paused_jobs_and_drafts_stay_where_they_are(self):
        paused, draft = self.submit(self.creates(2)), self.submit(self.creates(2), draft=True)
        self.call(paused, "pause")
        later = self.submit(self.creates(2), run_at=LATER)
        for job in (paused, draft, later):
            self.call(job, "write", {"priority": 3, "max_concurrency": 2})
        with self.open_lane() as lane:
            self.assertIsNone(lane.claim())
        self.assertEqual([self.job(job)["state"] for job in (paused, draft, later)], ["paused", "draft", "pending"])

    def test_what_can_not_be_is_refused(self):
        job = self.submit(self.creates(2), max_concurrency=1)
        with self.assertRaisesRegex(UserError, "in order"):
            self.call(job, "write", {"max_concurrency": 2})
        self.call(job, "write", {"max_concurrency": 1, "priority": -1})
        for values in ({"max_concurrency": 0}, {"max_concurrency": "many"}, {"priority": 2**31}, {"max_concurrency": 1001}):
            with self.subTest(values), self.assertRaises(BatchValidationError):
                self.call(job, "write", values)
        with committed() as env:
            other = self.new_user(env, f"pace-{self.mark}", *SUBMITTER).id
        with committed(other) as env, self.assertRaises(AccessError):
            env["batch.job"].browse(job).write({"priority": 9})
        self.work()
        with self.assertRaisesRegex(UserError, "finished"):
            self.call(job, "write", {"priority": 9})
        self.assertEqual(self.job(job)["priority"], -1)

    def _give_up_claims(self, job):
        self.sql("UPDATE batch_chunk SET state = 'pending' WHERE job_id = %s AND state = 'running'", job)


class TestRunNow(LaneCase):
    def test_a_job_is_run_before_its_time(self):
        job = self.submit(self.creates(2), run_at=LATER)
        self.work()
        self.assertEqual(self.job(job)["state"], "pending")
        self.call(job, "run_now")
        self.work()
        self.assertEqual(self.check_counters(job)["state"], "completed")

    def test_a_paused_one_is_run_when_it_is_resumed(self):
        job = self.submit(self.creates(2), run_at=LATER)
        self.call(job, "pause")
        self.assertEqual(self.call(job, "run_now")["state"], "paused")
        self.work()
        self.assertFalse(self.partners())
        self.call(job, "resume")
        self.work()
        self.assertEqual(self.check_counters(job)["state"], "completed")

    def test_one_that_does_not_wait_is_refused(self):
        for options in ({}, {"draft": True, "run_at": LATER}):
            job = self.submit(self.creates(1), **options)
            with self.assertRaisesRegex(UserError, "waits for its time"):
                self.call(job, "run_now")
