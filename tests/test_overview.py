"""The overview page, the banner that says why nothing runs, and the timeline of a job."""

from odoo.exceptions import AccessError, MissingError
from odoo.tests import new_test_user
from odoo.tests.common import BaseCase

from ..engine import standstill as why
from ..engine.standstill import Signs, standstill
from ..engine.throughput import History, per_minute
from ..run import overview
from .case import SUBMITTER, BatchCase, create
from .committed_case import committed
from .lane_case import LaneCase

QUIET = Signs(
    has_work=True,
    active_lanes=4,
    unseen_s=300.0,
    overdue_s=200.0,
    scheduler_unseen_s=300.0,
    is_failing=False,
    is_neutralized=False,
    modules_change=False,
)


class TestReasons(BaseCase):
    def test_why_nothing_runs(self):
        cases = (
            (why.NO_WORKER, {}),
            (why.NO_WORKER, {"unseen_s": None, "scheduler_unseen_s": None}),
            (why.BUSY, {"scheduler_unseen_s": 20.0}),
            (why.FAILING, {"scheduler_unseen_s": 20.0, "is_failing": True}),
            (why.MODULES, {"modules_change": True}),
            (why.ARCHIVED, {"active_lanes": 0, "unseen_s": None, "overdue_s": None}),
            (why.NEUTRALIZED, {"active_lanes": 0, "is_neutralized": True}),
            # nothing to be said
            (None, {"has_work": False}),
            (None, {"has_work": False, "active_lanes": 0}),
            (None, {"unseen_s": 0.0}),
            (None, {"unseen_s": 59.0}),
            (None, {"overdue_s": 10.0}),
            (None, {"overdue_s": -20.0}),
            (None, {"overdue_s": None}),
        )
        for reason, changed in cases:
            with self.subTest(reason=reason, **changed):
                self.assertEqual(standstill(_with(QUIET, changed)), reason)


def _with(signs, changed):
    return Signs(**{**{name: getattr(signs, name) for name in Signs.__slots__}, **changed})


class TestThroughput(BaseCase):
    def test_records_stand_in_the_minutes_in_which_they_ran(self):
        # 60 records in the first 30 s, 240 in the next 120 s, which end now
        now = History(ended_s=0.0, worked_s=150.0, run=300, points=[[30.0, 60]])
        self.assertEqual(per_minute([now], 4), [0, 60, 120, 120])
        over = History(ended_s=90.0, worked_s=30.0, run=10, points=[])
        self.assertEqual(per_minute([over, now], 4), [0, 60, 130, 120])

    def test_what_ran_earlier_does_not_count(self):
        long = History(ended_s=0.0, worked_s=36_000.0, run=36_000, points=[])
        self.assertEqual(per_minute([long], 3), [60, 60, 60])
        self.assertEqual(per_minute([History(900.0, 10.0, 500, [])], 3), [0, 0, 0])

    def test_odd_histories_do_no_harm(self):
        for history in (
            History(0.0, 0.0, 0, []),
            History(0.0, 0.0, 5, []),
            History(0.0, 1.0, 5, [[2.0, 9]]),  # put back by a retry meanwhile
            History(0.0, 10.0, 5, [[2.0, 2], [4.0, 2]]),
        ):
            with self.subTest(history):
                self.assertLessEqual(sum(per_minute([history], 60)), 9)
        self.assertEqual(per_minute([], 2), [0, 0])


class TestStandstill(BatchCase):
    """The database as Odoo leaves it."""

    def setUp(self):
        super().setUp()
        self.overview = self.env["batch.overview"].with_user(self.user)
        self.env.cr.execute("UPDATE batch_job SET ready = false WHERE ready")
        self.env.cr.execute("DELETE FROM ir_cron_progress")
        self.env.cr.execute("DELETE FROM ir_cron_trigger")
        self.set_crons("lastcall = now() - interval '10 seconds', nextcall = now() + interval '1 minute', failure_count = 0")
        self.jobs.submit([create("A")])

    def set_crons(self, assignments, where="true"):
        self.env.cr.execute(f"UPDATE ir_cron SET {assignments} WHERE {where}")

    def reason(self):
        found = self.overview.read_standstill()
        self.assertEqual(bool(found), bool(found and found["text"]))
        self.assertEqual(self.overview.read_overview()["standstill"], found)
        return found and found["reason"]

    def test_why_nothing_runs(self):
        self.assertFalse(self.reason(), "lanes were seen just now")
        late = "lastcall = now() - interval '9 minutes', nextcall = now() - interval '8 minutes'"
        self.set_crons(late, "is_batch_lane")
        self.assertEqual(self.reason(), why.BUSY)
        self.set_crons("failure_count = 2", "is_batch_lane")
        self.assertEqual(self.reason(), why.FAILING)
        self.set_crons(late)
        self.assertEqual(self.reason(), why.NO_WORKER)
        self.env.cr.execute("UPDATE ir_module_module SET state = 'to upgrade' WHERE name = 'batch_executor'")
        self.assertEqual(self.reason(), why.MODULES)
        self.set_crons("active = false", "is_batch_lane")
        self.assertEqual(self.reason(), why.ARCHIVED)
        self.env["ir.config_parameter"].set_param("database.is_neutralized", True)
        self.assertEqual(self.reason(), why.NEUTRALIZED)
        self.env.cr.execute("UPDATE batch_job SET ready = false WHERE ready")
        self.assertFalse(self.reason(), "nothing waits")

    def test_a_lane_that_works_for_long_is_seen(self):
        self.set_crons("lastcall = now() - interval '9 minutes', nextcall = now() - interval '8 minutes'")
        lane = self.env["ir.cron"].sudo()._batch_lanes()[0]
        self.env.cr.execute("INSERT INTO ir_cron_progress (cron_id, create_date) VALUES (%s, now() - interval '5 seconds')", [lane.id])
        self.assertFalse(self.reason())

    def test_who_may_ask(self):
        stranger = new_test_user(self.env, "overview-stranger", "base.group_user")
        for method in ("read_overview", "read_standstill"):
            with self.assertRaises(AccessError):
                getattr(self.overview.with_user(stranger), method)()


class TestOverview(LaneCase):
    def overview(self, uid=None):
        with committed(uid or self.user_id) as env:
            return env["batch.overview"].read_overview()

    def test_what_lanes_do_is_told_to_who_may_see_it(self):
        with committed() as env:
            other = self.new_user(env, f"overview-{self.mark}", *SUBMITTER).id
            manager = self.new_user(env, f"manager-{self.mark}", *SUBMITTER, "batch_executor.group_batch_manager").id
        seen = {}

        def probe(partners):
            seen.update({uid: self.overview(uid) for uid in (self.user_id, other, manager)})

        self.set_probe(probe)
        job = self.submit(self.probe(self.make_partners(2)), name="Watched")
        self.work()
        for uid, told in seen.items():
            [lane] = [lane for lane in told["lanes"] if lane["chunk"]]
            self.assertTrue(lane["chunk"]["is_alive"])
            self.assertFalse(told["standstill"])
            if uid == other:
                self.assertEqual(set(lane["chunk"]), {"id", "running_s", "is_alive"})
                self.assertEqual((lane["chunk"]["id"], told["jobs"], told["counts"]["running"]), (False, [], 0))
            else:
                self.assertEqual((lane["chunk"]["job_id"], lane["chunk"]["job"], lane["chunk"]["records"]), (job, "Watched", 2))
                self.assertIn(job, [shown["id"] for shown in told["jobs"]])
        self.assertEqual(seen[self.user_id]["counts"]["running"], 1)
        self.assertEqual(seen[self.user_id]["counts"]["records_left"], 2)

    def test_a_worker_that_is_gone_is_told(self):
        job = self.submit(self.creates(1))
        with self.open_lane() as lane:
            lane.claim()
            [busy] = [lane for lane in self.overview()["lanes"] if lane["chunk"]]
            self.assertFalse(busy["chunk"]["is_alive"], "its work has not begun")
        self.sql("UPDATE batch_chunk SET state = 'pending' WHERE job_id = %s", job)
        self.work()

    def test_jobs_are_counted_and_their_records_added_up(self):
        self.submit(self.creates(2), draft=True)
        self.submit(self.creates(3), run_at="2199-01-01T00:00:00Z")
        self.call(self.submit(self.creates(4)), "pause")
        done = self.submit(self.creates(30), max_chunk_size=10)
        self.work()
        self.submit(self.creates(5))
        told = self.overview()
        self.assertEqual(
            {name: told["counts"][name] for name in ("draft", "scheduled", "paused", "pending", "running", "records_left")},
            {"draft": 1, "scheduled": 1, "paused": 1, "pending": 1, "running": 0, "records_left": 12},
        )
        self.assertEqual(self.job(done)["state"], "completed")
        self.assertEqual(told["throughput"]["total"], 30)
        self.assertEqual(len(told["throughput"]["minutes"]), 60)
        self.assertGreaterEqual(told["counts"]["oldest_s"], 0)
        self.assertEqual(len(told["jobs"]), 3, "drafts don't wait")
        waiting = "SELECT id FROM batch_job WHERE state = 'pending' AND ready"
        self.sql(f"UPDATE batch_job SET create_date = create_date - interval '1 hour' WHERE id IN ({waiting})")
        self.assertGreater(self.overview()["counts"]["oldest_s"], 3599)
        self.sql(f"UPDATE batch_job SET awaited_since = now() AT TIME ZONE 'UTC' WHERE id IN ({waiting})")
        self.assertLess(self.overview()["counts"]["oldest_s"], 1800, "it waits since its retry, or since its draft was started")

    def test_failures_are_added_up_by_cause_over_jobs(self):
        for _number in range(2):
            self.submit(self.creates(3, type="nonsense"))
        self.submit(self.creates(3, type="nonsense"), dry_run=True)  # no failures that anybody has to mend
        self.work()
        with committed(self.user_id) as env:
            self.assertFalse(env["batch.overview"].read_overview()["causes"])
            told = env["batch.overview"].read_overview(True)["causes"]
            [cause] = told["causes"]
            self.assertEqual((cause["number"], cause["jobs"], told["is_cut"]), (6, 2, False))
            self.assertIn("nonsense", cause["message"])
            self.assertEqual(env["batch.failure"].search_count(cause["domain"]), 6)


class TestTimeline(LaneCase):
    def timeline(self, job, uid=None):
        with committed(uid or self.user_id) as env:
            return env["batch.overview"].read_timeline(job)

    def test_chunks_are_told_in_the_order_of_their_claims(self):
        job = self.submit(self.creates(50), max_chunk_size=10)
        self.assertEqual(self.timeline(job), {"chunks": [], "is_cut": False})
        with self.open_lane() as lane:
            lane.work_on(lane.claim())
            lane.claim()
            first, second = self.timeline(job)["chunks"]
            self.assertEqual((first["state"], first["processed_records"], second["state"]), ("done", 10, "running"))
            self.assertFalse(second["ended_s"])
            self.assertGreaterEqual(first["started_s"], first["ended_s"])
        self.sql("UPDATE batch_chunk SET state = 'pending' WHERE job_id = %s AND state = 'running'", job)
        self.work()
        chunks = self.timeline(job)["chunks"]
        self.assertEqual(len(chunks), 5)
        started = [chunk["started_s"] for chunk in chunks]
        self.assertEqual(started, sorted(started, reverse=True))

    def test_a_lane_has_one_number_in_chunks_timeline_and_name(self):
        job = self.submit(self.creates(1))
        with committed() as env:
            lane = env["ir.cron"]._batch_lanes()[1]
            name, lane_id = lane.name, lane.id
            lane.method_direct_trigger()
        [chunk] = self.chunks(job)
        self.assertRegex(chunk["worker"], rf":\d+ lane 2 \(action {lane_id}\)$")
        self.assertTrue(name.endswith("lane 2"))
        for worker in (chunk["worker"], f"{chunk['worker'].partition(' ')[0]} lane {lane_id}"):  # as earlier versions wrote it
            self.sql("UPDATE batch_chunk SET worker = %s WHERE job_id = %s", worker, job)
            [shown] = self.timeline(job)["chunks"]
            self.assertEqual((shown["lane"], shown["host"]), (2, worker.rpartition(":")[0]))

    def test_of_many_the_last_are_told(self):
        self.set_probe(lambda partners, number: None)
        job = self.submit(*(self.probe(self.make_partners(1), number) for number in range(8)), max_chunk_size=1)
        with self.open_lane() as lane:
            for _number in range(5):
                lane.work_on(lane.claim())
        with committed() as env:
            told = overview.timeline(env, job, 3)
        ran = [chunk["id"] for chunk in self.chunks(job) if chunk["state"] == "done"]
        self.assertEqual(([chunk["id"] for chunk in told["chunks"]], told["is_cut"]), (ran[-3:], True))
        self.work()

    def test_it_is_for_those_who_may_see_the_job(self):
        job = self.submit(self.creates(1))
        with committed() as env:
            other = self.new_user(env, f"timeline-{self.mark}", *SUBMITTER).id
        with self.assertRaises(AccessError):
            self.timeline(job, other)
        with self.assertRaises(MissingError):
            self.timeline(2**31 - 1)
