"""`odoo-batch load` under kill -9: the same command goes on, and each record is stored once."""

import random
import signal
import subprocess
import time

from .case import PATIENCE_S
from .command_case import DONE, CommandCase
from .extras import needs

#: Records, and bytes of each: the file is sent in three requests of a megabyte.
RECORDS, BYTES = 400, 6500
#: How often it is killed at random before its job may run, and at most afterwards.
KILLS, MORE_KILLS = 5, 5


@needs("httpx")
class TestKilled(CommandCase):
    def test_each_record_is_stored_once(self):
        seed = random.randrange(2**32)
        chance = random.Random(seed)
        # without external ids: whatever is sent twice is there twice
        self.file("tags.csv", "name", *(f"Killed {number} {'x' * BYTES}" for number in range(RECORDS)))
        load = "load", "tags.csv", "--model", "res.partner.category", "--request-size", "1", "--wait", "--quiet"
        moments = (
            lambda: self.states(),  # the first request is on its way
            lambda: self.jobs(),  # its answer is
            lambda: self.operations() >= 1,
            lambda: self.operations() >= 2,
        )
        for moment in moments:
            self.kill_at(moment, load)
        # how long one takes from its start to a job that waits for a lane
        [job_id] = self.jobs()
        seconds = self.kill_at(lambda: self.state(job_id) == "pending", load)
        [(records,)] = self.sql("SELECT count(*) FROM res_partner_category WHERE name->>'en_US' LIKE 'Killed %%'")
        self.assertEqual(records, 0)

        with self.lanes_at_work():
            code = None
            for _kill in range(MORE_KILLS):
                process = self.start(*load)
                try:
                    code = process.wait(chance.uniform(0, 3 * seconds))
                    break
                except subprocess.TimeoutExpired:
                    process.kill()
                process.communicate()
            else:
                process = self.start(*load)
                code = process.wait(PATIENCE_S)
        out, err = process.communicate()
        self.assertEqual(code, DONE, f"seed {seed}\n{out}\n{err}")
        self.assertIn(f"Job {job_id} completed: {RECORDS} records succeeded", out)
        self.assertOnce(job_id, seed)

    def test_a_small_file_at_random_moments(self):
        seed = random.randrange(2**32)
        chance = random.Random(seed)
        self.file("tags.csv", "name", *(f"Killed {number} y" for number in range(RECORDS)))
        load = "load", "tags.csv", "--model", "res.partner.category", "--wait"
        for _kill in range(KILLS):
            # most of its time before is spent on starting Python
            self.kill_at(self.states, load, later=chance.uniform(0, 0.3))
        with self.lanes_at_work():
            out, _err = self.run_command(*load)
        [job_id] = self.jobs()
        self.assertIn(f"Job {job_id} completed: {RECORDS} records succeeded", out, f"seed {seed}")
        self.assertOnce(job_id, seed)

    def kill_at(self, moment, load, later=0.0):
        """Kill the command as soon as `moment()` holds, or so many seconds later; returns the seconds it took until then."""
        started_at = time.monotonic()
        process = self.start(*load)
        self.wait_until(lambda: moment() or process.poll() is not None)
        seconds = time.monotonic() - started_at
        time.sleep(later)
        process.kill()
        self.assertEqual(process.wait(PATIENCE_S), -signal.SIGKILL, process.communicate())
        process.communicate()
        return seconds

    def assertOnce(self, job_id, seed):
        """There is one job, and each record once; nothing is remembered."""
        self.assertEqual([self.jobs(), self.states()], [[job_id], []], f"seed {seed}")
        found = self.sql(
            """
            SELECT count(*), count(DISTINCT name->>'en_US') FROM res_partner_category WHERE name->>'en_US' LIKE 'Killed %%'
            """
        )
        self.assertEqual(found, [(RECORDS, RECORDS)], f"seed {seed}")

    def operations(self):
        """How many operations the jobs of the user have."""
        [(count,)] = self.sql(
            """
            SELECT count(*) FROM batch_operation JOIN batch_job ON batch_job.id = batch_operation.job_id WHERE batch_job.user_id = %s
            """,
            self.user.id,
        )
        return count

    def state(self, job_id):
        return self.sql("SELECT state FROM batch_job WHERE id = %s", job_id)[0][0]
