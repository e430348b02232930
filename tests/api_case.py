"""The case that talks to the server as a client does."""

import json

from odoo.tools import mute_logger

from .case import FAILURE_KEYS, FINAL, STATUS_KEYS, WORKER, entry_keys, nulls_in
from .committed_case import CommittedCase
from .doors import Refused, RouteDoor


class ApiCase(CommittedCase):
    """Calls the server by `door`, that of `user`, and runs the lanes itself.

    Users: `user` (may use batches, partners and products), `other` (the same, someone else), `manager`, `admin` (all rights).
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # refusals are what these tests are about; Odoo logs each
        rpc = "odoo.addons.rpc.controllers"
        cls.enterClassContext(mute_logger("odoo.http", "odoo.sql_db", f"{rpc}.jsonrpc", f"{rpc}.xmlrpc"))
        cls.door = RouteDoor(cls.user)

    @classmethod
    def set_up_users(cls, env):
        cls.user = cls.new_user(env, "batch-user", *WORKER)
        cls.other = cls.new_user(env, "batch-other", *WORKER)
        cls.manager = cls.new_user(env, "batch-manager", *WORKER, "batch_executor.group_batch_manager")
        cls.admin = cls.new_user(env, "batch-admin", "base.group_system", *WORKER)

    def run_job(self, operations, door=None, **options):
        """Submit operations, run them in one lane, and return the result."""
        door = door or self.door
        status = door.submit(operations, **options)
        self.work()
        return self.result_of(status["job_id"], door)

    def result_of(self, job_id, door=None, **params):
        """The result of a job, after checking that it is as any result must be."""
        result = (door or self.door).call("result", job_id, **params)
        self.assertStatus(result, {"results", "next_offset"})
        for entry in result["results"]:
            self.assertEqual(set(entry), entry_keys(entry))
            self.assertEqual(entry["success"], entry["state"] == "completed", entry)
            for failure in entry["failures"]:
                self.assertEqual(set(failure), FAILURE_KEYS)
        return result

    def assertStatus(self, status, more=frozenset()):
        """All fields of a status are there, plain, and agree with each other."""
        self.assertEqual(set(status), STATUS_KEYS | set(more))
        self.assertEqual(list(nulls_in(status)), [])
        json.dumps(status, allow_nan=False)
        stats = status["stats"]
        settled = stats["processed_records"] + stats["failed_records"] + stats.get("cancelled_records", 0)
        self.assertEqual(status["completed"], settled)
        self.assertEqual(status["total"], stats["total_records"])
        for name in ("created_at", "started_at", "finished_at", "eta"):
            if status[name]:
                self.assertRegex(status[name], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
        self.assertEqual(bool(status["finished_at"]), status["state"] in FINAL, status)

    def assertFailsWith(self, entry, *texts, index=0):
        """One record of an operation has failed, with words a person understands."""
        [failure] = [failure for failure in entry["failures"] if failure["index"] == index]
        for text in texts:
            self.assertIn(text, failure["error"])
        self.assertReadable(failure["error"])
        self.assertReadable(entry["error"])
        return failure

    def assertReadable(self, text):
        """No traceback, no SQL."""
        for sign in ("Traceback", 'File "', "INSERT INTO", "UPDATE ", "SELECT ", "DETAIL:", "psycopg2"):
            self.assertNotIn(sign, text)

    def assertRefused(self, call, *arguments, name=None, **keywords):
        """The error a call is refused with."""
        with self.assertRaises(Refused) as caught:
            call(*arguments, **keywords)
        if name:
            self.assertTrue(caught.exception.name.endswith(name), str(caught.exception))
        return caught.exception

    def count_jobs(self):
        with self.committed() as env:
            return [env[model].search_count([]) for model in ("batch.job", "batch.operation", "batch.chunk")]

    def names_of(self, ids, model="res.partner"):
        with self.committed() as env:
            return [
                record.exists() and record.name for record in env[model].with_context(active_test=False).browse(ids)
            ]
