"""Killed workers, killed servers, crashed PostgreSQL: every record exactly once, every counter right.

`BATCH_CHAOS_MINUTES` (`scripts/chaos --minutes`) makes all of it larger, and lets the last test go on for that long.
"""

import os
import time
import unittest

from odoo.tests.common import BaseCase, get_db_name

from .chaos import Chaos
from .extras import needs_scripts

MINUTES = float(os.environ.get("BATCH_CHAOS_MINUTES", 0))
#: How much larger the jobs are, and how much more often they are struck, where there is time for it.
SCALE = 3 if MINUTES else 1
KILLS = 7 * SCALE
CRASHES = 1 + SCALE
FEW_KILLS = 2 * SCALE
#: Counts how often a change of the city of a partner has taken effect, at the pace of the other triggers.
UNDONE_EFFECTS = """
    CREATE FUNCTION chaos_undone() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_sleep(0.01);
        INSERT INTO chaos_effect VALUES (NEW.ref);
        RETURN NEW;
    END$$;
    CREATE TRIGGER chaos_undone AFTER UPDATE ON res_partner FOR EACH ROW
        WHEN (NEW.ref LIKE 'called-undone-%' AND NEW.city IS DISTINCT FROM OLD.city) EXECUTE FUNCTION chaos_undone();
"""


@needs_scripts
class TestChaos(BaseCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.chaos = Chaos(get_db_name())
        cls.enterClassContext(cls.chaos)

    def assert_all_created(self, job, name, count, missing=()):
        self.assertEqual(self.chaos.problems(job), [])
        expected = {f"chaos-{name}-{number}": 1 for number in range(count) if number not in missing}
        effects, rows = self.chaos.created(name)
        self.assertEqual(rows, expected)
        self.assertEqual(effects, expected)

    def test_1_workers_killed_again_and_again_lose_nothing_and_repeat_nothing(self):
        chaos, name, before = self.chaos, "killed", self.chaos.kills
        besides = chaos.counted_besides()
        creates, calls = 1000 * SCALE, 700 * SCALE
        ids = chaos.partners(name, calls)
        job = chaos.client.submit(chaos.creates(name, creates), chaos.calls(ids), max_chunk_size=40, retry_attempts=10)

        def kill():
            if chaos.kills - before < KILLS and chaos.kill_worker():
                time.sleep(chaos.random.uniform(0, 0.5))

        chaos.wait(job, kill, every_s=0.2)
        self.assertGreaterEqual(chaos.kills - before, KILLS, "the job was over too soon")
        self.assert_all_created(job, name, creates)
        self.assertEqual(chaos.called(ids), {1: calls})
        self.assertEqual(chaos.client.status(job)["state"], "completed")
        self.assertEqual(chaos.counted_besides(), besides, "the metrics count each record once")

    def test_2_postgres_crashing_again_and_again_loses_nothing(self):
        chaos, name, before = self.chaos, "crashed", self.chaos.crashes
        besides = chaos.counted_besides()
        creates, calls = 500 * SCALE, 350 * SCALE
        ids = chaos.partners(name, calls)
        job = chaos.client.submit(chaos.creates(name, creates), chaos.calls(ids), max_chunk_size=40, retry_attempts=10)
        seen = []

        def crash():
            done = chaos.client.status(job)["completed"]
            if done > (seen[-1] if seen else 0) and chaos.crashes - before < CRASHES:
                seen.append(done)
                chaos.crash_postgres()

        chaos.wait(job, crash)
        self.assertEqual(chaos.crashes - before, CRASHES, "the job was over too soon")
        self.assert_all_created(job, name, creates)
        self.assertEqual(chaos.called(ids), {1: calls})
        self.assertEqual(chaos.counted_besides(), besides, "the metrics count each record once")

    def test_3_a_record_that_kills_its_worker_ends_up_alone_and_failed(self):
        chaos, name = self.chaos, "poisoned"
        operation = chaos.creates(name, 30)
        operation["data"][17]["ref"] = f"chaos-{name}-poison"
        job = chaos.client.submit(operation, max_chunk_size=10, retry_attempts=1)
        chaos.wait(job, chaos.kill_whoever_sleeps_on_poison, every_s=0.3)
        self.assert_all_created(job, name, 30, missing={17})
        [failure] = chaos.client.call("batch.job", "failures", [job])["failures"]
        self.assertEqual((failure["index"], failure["error_type"], failure["attempts"]), (17, "WorkerLostError", 2))

    def test_3_of_a_plan_whose_worker_is_killed_nothing_remains_but_what_it_says(self):
        chaos, name, before = self.chaos, "planned", self.chaos.kills
        job = chaos.client.submit(chaos.creates(name, 150), dry_run=True, track_changes=True, max_chunk_size=20, retry_attempts=5)

        def kill():
            if chaos.kills - before < 2 and chaos.kill_worker():
                time.sleep(0.5)

        chaos.wait(job, kill, every_s=0.2)
        self.assertEqual(chaos.kills - before, 2, "the job was over too soon")
        self.assertEqual((chaos.problems(job), chaos.created(name)), ([], ({}, {})))
        changes = chaos.client.call("batch.job", "changes", [job])["changes"]
        self.assertEqual([change["after"]["ref"] for change in changes], [f"chaos-{name}-{number}" for number in range(150)])

    def test_4_one_of_two_servers_killed_leaves_its_work_to_the_other(self):
        chaos, name = self.chaos, "halved"
        other = chaos.add_lanes("other", 2)
        job = chaos.client.submit(chaos.creates(name, 1000 * SCALE), max_chunk_size=40)
        self.addCleanup(other.kill)

        def kill_other():
            if other.process.poll() is None and other.process.pid in map(os.getpgid, chaos.workers()):
                other.kill()

        chaos.wait(job, kill_other, every_s=0.2)
        self.assertIsNotNone(other.process.poll(), "the other server never took part")
        self.assert_all_created(job, name, 1000 * SCALE)

    def test_5_a_plan_run_for_real_and_its_undo_survive_kills(self):
        chaos, name, count = self.chaos, "undone", 200 * SCALE
        ids = chaos.partners(name, count)
        chaos.cluster.sql(UNDONE_EFFECTS)
        data = [{"id": id_, "city": f"City {id_}"} for id_ in ids]
        update = {"operation_type": "update", "model": "res.partner", "data": data}
        plan = chaos.client.submit(update, dry_run=True, track_changes=True, max_chunk_size=20, retry_attempts=10)
        chaos.wait(plan, every_s=0.2)
        self.assertEqual(self.effects(name), {})
        origin = plan
        for number, verb in enumerate(("apply", "undo"), 1):
            job, before = chaos.client.call("batch.job", verb, [origin])["job_id"], chaos.kills

            def kill(before=before):
                if chaos.kills - before < FEW_KILLS and chaos.kill_worker():
                    time.sleep(chaos.random.uniform(0, 0.5))

            chaos.wait(job, kill, every_s=0.2)
            self.assertGreaterEqual(chaos.kills - before, FEW_KILLS, f"the {verb} was over too soon")
            self.assertEqual(chaos.problems(job), [])
            status = chaos.client.status(job)
            self.assertEqual((status["state"], status["stats"]["processed_records"]), ("completed", count))
            self.assertEqual(self.effects(name), {number: count}, f"each record was written once by the {verb}")
            origin = job
        cities = chaos.cluster.sql("SELECT DISTINCT city FROM res_partner WHERE id = ANY(%s)", ids)
        self.assertEqual(cities, [(None,)])

    def effects(self, name):
        """How often partners were written, as a trigger saw it: times -> partners."""
        query = """
            SELECT times, count(*)
              FROM (SELECT count(*) AS times FROM chaos_effect WHERE ref LIKE %s GROUP BY ref) AS counted
             GROUP BY times
        """
        return dict(self.chaos.cluster.sql(query, f"called-{name}-%"))

    @unittest.skipUnless(MINUTES, "needs scripts/chaos --minutes")
    def test_6_everything_at_once_for_as_long_as_you_like(self):
        chaos, round_ = self.chaos, 0
        end = time.monotonic() + 60 * MINUTES
        while time.monotonic() < end:
            round_ += 1
            name = f"round{round_}"
            ids = chaos.partners(name, 500)
            job = chaos.client.submit(chaos.creates(name, 1000), chaos.calls(ids), max_chunk_size=25, retry_attempts=50)

            def strike():
                what = chaos.random.random()
                if what < 0.3:
                    chaos.kill_worker()
                elif what < 0.33:
                    chaos.crash_postgres()

            chaos.wait(job, strike)
            self.assert_all_created(job, name, 1000)
            self.assertEqual(chaos.called(ids), {1: 500})
