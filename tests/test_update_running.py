"""The addon is updated while servers run jobs: lanes let go, and each record takes effect once."""

import os
import re
import subprocess

from odoo.tests.common import BaseCase, get_db_name

from odoo.addons.batch_executor.run import upgrade

from .chaos import Chaos
from .extras import needs_scripts
from .server import Worker

RECORDS = 60
#: Seconds that a partner takes, so that an update comes in the middle.
PACE_S = 0.05
#: One that takes for ever, the first time: a sequence counts what is rolled back, too.
STUCK = """
    CREATE SEQUENCE stuck;
    CREATE FUNCTION stuck() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF nextval('stuck') = 1 THEN
            PERFORM pg_sleep(600);
        END IF;
        RETURN NEW;
    END$$;
    CREATE TRIGGER stuck BEFORE INSERT ON res_partner FOR EACH ROW WHEN (NEW.ref = 'stuck') EXECUTE FUNCTION stuck()
"""


@needs_scripts
class TestUpdateRunning(BaseCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        from devenv import odoo_bin  # only scripts/test has it

        cls.odoo_bin = odoo_bin
        cls.chaos = Chaos(get_db_name(), cron_workers=2, pace_s=PACE_S)
        cls.addClassCleanup(cls.chaos.cluster.sql, "DROP FUNCTION IF EXISTS stuck CASCADE; DROP SEQUENCE IF EXISTS stuck")
        cls.enterClassContext(cls.chaos)  # at the end, servers are gone before that
        cls.chaos.cluster.sql(STUCK)

    def update(self):
        """What an administrator does; returns the log."""
        options = f"--database={self.chaos.cluster.database}", "--update=batch_executor", "--stop-after-init", "--no-http"
        environment = {**os.environ, **self.chaos.cluster.environment}
        done = subprocess.run(self.odoo_bin.command(*options), env=environment, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotRegex(done.stderr, re.compile(" (ERROR|CRITICAL) "))
        return done.stderr

    def test_lanes_let_go_and_chunks_are_taken_again(self):
        chaos = self.chaos
        worker = Worker(chaos.cluster, "apart", lanes=1).start()
        self.addCleanup(worker.kill)
        chaos.wait_until(lambda: "Registry loaded" in worker.log)
        stuck = {"operation_type": "create", "model": "res.partner", "data": [{"name": "stuck", "ref": "stuck"}]}
        # no retries: an attempt that counted would be the last one
        long = chaos.client.submit(stuck, retry_attempts=0)
        chaos.wait_until(lambda: chaos.cluster.sql("SELECT is_called FROM stuck") == [(True,)])
        many = chaos.client.submit(chaos.creates("updated", RECORDS), max_chunk_size=3)
        chaos.wait_until(lambda: chaos.cluster.sql("SELECT 1 FROM chaos_effect WHERE ref LIKE 'chaos-updated-%'"))
        log = self.update()
        self.assertIn(f"still run chunks after {upgrade.LET_GO_S} s", log)
        self.assertRegex(log, "chunks were interrupted, and run again")
        for job in (many, long):
            chaos.wait(job)
            self.assertEqual(chaos.problems(job), [])
            self.assertEqual(chaos.client.status(job)["state"], "completed", chaos.client.call("batch.job", "failures", [job]))
        effects, rows = chaos.created("updated")
        self.assertEqual(effects, {f"chaos-updated-{number}": 1 for number in range(RECORDS)})
        self.assertEqual(rows, effects)
        self.assertEqual(chaos.cluster.sql("SELECT count(*) FROM res_partner WHERE ref = 'stuck'"), [(1,)])
        [(attempts, claims)] = chaos.cluster.sql("SELECT attempt, claims FROM batch_chunk WHERE job_id = %s", long)
        self.assertEqual((attempts, claims), (1, 2), "the attempt that was interrupted does not count")
        chaos.wait_until(lambda: "is started anew, as the models of" in worker.log)
