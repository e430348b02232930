"""Lanes over hosts: processes that share a database and nothing else work at one job."""

import os
import time

from odoo.tests.common import BaseCase, get_db_name

from .chaos import Chaos
from .extras import needs_scripts

RECORDS, WARMING = 240, 60
#: Seconds a record waits, so that two hosts are faster than one also where processors are few and busy.
PACE_S = 0.025
#: A noisy machine may spoil one measurement, not all of them.
ROUNDS = 3
#: Two hosts must be faster than one by this at least. They would be twice as fast on a machine with nothing else to do.
GAIN = 1.2
#: Records of each of two jobs with a limit, how many of them may run in a second, and how many workers are killed meanwhile.
LIMITED, RATE, KILLS = 50, 30, 3
#: Notes of each record of these jobs when it is made, and how many transactions make some at that moment, on whichever host: a lock shows
#: also those that are rolled back.
WITNESS = """
    CREATE TABLE limited_effect (at timestamp, at_once integer);
    CREATE FUNCTION limited_created() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock_shared(4711, pg_backend_pid());
        INSERT INTO limited_effect
        SELECT clock_timestamp(), count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = 4711 AND objsubid = 2;
        RETURN NEW;
    END$$;
    CREATE TRIGGER limited_created AFTER INSERT ON res_partner FOR EACH ROW
        WHEN (NEW.ref LIKE 'chaos-limited%') EXECUTE FUNCTION limited_created();
"""


@needs_scripts
class TestHosts(BaseCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.chaos = Chaos(get_db_name(), cron_workers=0, pace_s=PACE_S)  # its own server only takes the calls: it has no lanes
        cls.enterClassContext(cls.chaos)

    def test_two_hosts_share_a_job_and_their_speeds_add_up(self):
        self.chaos.add_lanes("north", own_data=True)
        self.run_job("warm-alone", WARMING)
        alone = self.run_job("alone")
        self.chaos.add_lanes("south", own_data=True)
        self.run_job("warm-together", WARMING)
        for round_ in range(ROUNDS):
            seconds, shares = self.run_job(f"together{round_}")
            gain = alone[0] / seconds
            print(f"one host {alone[0]:.1f} s, two hosts {seconds:.1f} s: {gain:.2f} times as fast, chunks {shares}")
            if gain >= GAIN:
                break
        self.assertEqual(set(alone[1]), {"north"})
        self.assertEqual(set(shares), {"north", "south"})
        self.assertGreaterEqual(min(shares.values()), 0.25 * sum(shares.values()), "one host did most of it")
        self.assertGreaterEqual(gain, GAIN)

    def test_z_a_limit_holds_over_both_hosts_while_workers_are_killed(self):
        chaos, before = self.chaos, self.chaos.kills
        self.assertEqual(len(chaos.servers), 3, "both hosts are at work")
        chaos.cluster.sql(WITNESS)
        chaos.client.call("batch.limit", "create", [{"name": "shop-A", "max_in_flight": 1, "max_records_per_second": RATE}])
        names = ("limited0", "limited1")
        jobs = [chaos.client.submit(chaos.creates(name, LIMITED), max_chunk_size=20, limit="shop-A", retry_attempts=10) for name in names]

        def kill():
            if chaos.kills - before < KILLS and chaos.kill_worker():
                time.sleep(chaos.random.uniform(0, 0.5))

        for job, name in zip(jobs, names, strict=True):
            chaos.wait(job, kill, every_s=0.2)
            self.assertEqual(chaos.problems(job), [])
            self.assertEqual(chaos.created(name)[1], {f"chaos-{name}-{number}": 1 for number in range(LIMITED)})
        self.assertGreaterEqual(chaos.kills - before, KILLS, "the jobs were over too soon")
        [(seen, at_once)] = chaos.cluster.sql("SELECT count(*), max(at_once) FROM limited_effect")
        self.assertEqual((seen, at_once), (2 * LIMITED, 1), "one transaction at a time, those that were killed included")
        [(most,)] = chaos.cluster.sql(
            """
            SELECT max((
                SELECT count(*) FROM limited_effect AS other WHERE other.at >= one.at AND other.at < one.at + interval '1 second'
            )) FROM limited_effect AS one
            """
        )
        self.assertLessEqual(most, RATE)

    def run_job(self, name, records=RECORDS):
        """Run a job of creates; returns the seconds from its first claim to its last outcome, and chunks by host."""
        chaos = self.chaos
        job = chaos.client.submit(chaos.creates(name, records), max_chunk_size=20)
        chaos.wait(job)
        self.assertEqual(chaos.problems(job), [])
        effects, rows = chaos.created(name)
        expected = {f"chaos-{name}-{number}": 1 for number in range(records)}
        self.assertEqual(effects, expected)
        self.assertEqual(rows, expected)
        [(seconds,)] = chaos.cluster.sql(
            "SELECT extract(epoch FROM max(finished_at) - min(claimed_at))::float FROM batch_chunk WHERE job_id = %s",
            job,
        )
        hosts = {server.process.pid: server.name for server in chaos.servers}
        shares = {}
        for worker, count in chaos.cluster.sql(
            "SELECT worker, count(*) FROM batch_chunk WHERE job_id = %s GROUP BY worker", job
        ):
            host = hosts[os.getpgid(int(worker.split(":")[1].split()[0]))]
            shares[host] = shares.get(host, 0) + count
        return seconds, shares
