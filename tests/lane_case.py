"""A test case over real connections and real commits: what a race or a crash needs, and nothing is mocked."""

import os
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from unittest.mock import patch

from odoo import SUPERUSER_ID, api
from odoo.modules.registry import DummyRLock, Registry
from odoo.service.model import retrying
from odoo.tests.common import BaseCase, get_db_name

from odoo.addons.batch_executor.run.lane import Lane

#: No wait of a test is longer, in seconds.
PATIENCE_S = 60
#: The method of `res.partner` that tests make misbehave.
PROBE = "batch_probe"


class LaneCase(BaseCase):
    """Lanes are run by the test itself, to their end or step by step; all that was committed is deleted at the end."""

    def setUp(self):
        super().setUp()
        self.registry = Registry(get_db_name())
        # Odoo's own runner holds this lock while tests run: a thread would wait for it for ever
        self.startPatcher(patch.object(Registry, "_lock", DummyRLock()))
        self.mark = secrets.token_hex(4)
        self.user_id = self._make_user()
        self.addCleanup(self._delete_partners)
        self.addCleanup(self._delete_jobs)

    def _make_user(self):
        with self.transaction(SUPERUSER_ID) as env:
            groups = [
                env.ref(name).id
                for name in ("base.group_user", "base.group_partner_manager", "batch_executor.group_batch_user")
            ]
            values = {"name": f"Lane {self.mark}", "login": f"lane-{self.mark}", "group_ids": [(6, 0, groups)]}
            user = env["res.users"].with_context(no_reset_password=True).create(values)
            self.addCleanup(self._delete_user, user.id, user.partner_id.id)
            return user.id

    def _delete_user(self, user_id, partner_id):
        with self.transaction(SUPERUSER_ID) as env:
            env["res.users"].browse(user_id).unlink()
            env["res.partner"].browse(partner_id).unlink()

    def _delete_jobs(self):
        with self.transaction(SUPERUSER_ID) as env:
            env.cr.execute("DELETE FROM mail_message WHERE model = 'batch.job'")
            env.cr.execute("DELETE FROM batch_job WHERE user_id = %s", [self.user_id])
            env.cr.execute("DELETE FROM ir_cron_trigger WHERE cron_id = ANY(%s)", [env["ir.cron"]._batch_lanes().ids])

    def _delete_partners(self):
        with self.transaction(SUPERUSER_ID) as env:
            env["res.partner"].with_context(active_test=False).search([("ref", "=like", f"{self.mark}%")]).unlink()

    # -- transactions ------------------------------------------------------------------------------

    @contextmanager
    def transaction(self, uid=None, **context):
        """An environment on a connection of its own, committed at the end."""
        with self.registry.cursor() as cr:
            yield api.Environment(cr, uid or self.user_id, context)
        self.registry.signal_changes()

    def call(self, job_id, verb, *args, **kwargs):
        """Call a verb of a job as the user, as a remote call does: its own transaction, run again after a conflict."""
        with self.registry.cursor() as cr:
            job = api.Environment(cr, self.user_id, {})["batch.job"].browse(job_id)
            return retrying(lambda: getattr(job, verb)(*args, **kwargs), job.env)

    def sql(self, query, *params):
        """Run a statement in a transaction of its own; returns its rows."""
        with self.registry.cursor() as cr:
            cr.execute(query, params)
            return cr.fetchall() if cr.description else []

    @contextmanager
    def in_threads(self, count=1):
        """An executor whose threads have all ended, or failed the test, at the end of the block."""
        pool = ThreadPoolExecutor(count)
        try:
            yield pool
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    # -- jobs --------------------------------------------------------------------------------------

    def submit(self, *operations, **options):
        """Submit and commit; returns the job's id."""
        with self.transaction() as env:
            return env["batch.job"].submit(list(operations), **options)["job_id"]

    def creates(self, count, **extra):
        """A create operation of partners that are found again by their `ref`."""
        data = [{"name": f"Partner {number}", "ref": f"{self.mark}-{number}", **extra} for number in range(count)]
        return {"operation_type": "create", "model": "res.partner", "data": data}

    def make_partners(self, count, **values):
        """Partners committed beforehand; returns their ids."""
        with self.transaction(SUPERUSER_ID) as env:
            rows = [{"name": f"Partner {number}", "ref": f"{self.mark}-{number}", **values} for number in range(count)]
            return env["res.partner"].create(rows).ids

    def probe(self, ids, *args, **extra):
        """A call of the probe on partners."""
        return {
            "operation_type": "call",
            "model": "res.partner",
            "method": PROBE,
            "record_ids": ids,
            "args": list(args),
            **extra,
        }

    def set_probe(self, function):
        """Make `function(partners, *args)` the probe, a public method of partners, for this test."""
        self.startPatcher(patch.object(self.registry["res.partner"], PROBE, function, create=True))

    def partners(self, *fields):
        """`ref` without the mark -> values of the committed partners of this test."""
        rows = self.sql(
            f"SELECT ref, {', '.join(fields or ('id',))} FROM res_partner WHERE ref LIKE %s ORDER BY id",
            f"{self.mark}-%",
        )
        return [(int(ref.rpartition("-")[2]), *values) for ref, *values in rows]

    def job(self, job_id):
        """The job's columns, as committed."""
        with self.registry.cursor() as cr:
            cr.execute("SELECT * FROM batch_job WHERE id = %s", [job_id])
            return cr.dictfetchone()

    def chunks(self, job_id):
        with self.registry.cursor() as cr:
            cr.execute("SELECT * FROM batch_chunk WHERE job_id = %s ORDER BY id", [job_id])
            return cr.dictfetchall()

    def failures(self, job_id):
        return self.call(job_id, "failures")["failures"]

    def check_counters(self, job_id):
        """I12: the counters of a final job are the sums over its chunks, and over its operations."""
        job = self.job(job_id)
        self.assertTrue(job["finished_at"], f"the job is {job['state']}")
        for column in ("processed_records", "failed_records", "cancelled_records"):
            for table in ("batch_chunk", "batch_operation"):
                [(total,)] = self.sql(f"SELECT coalesce(sum({column}), 0) FROM {table} WHERE job_id = %s", job_id)
                self.assertEqual(job[column], total, f"{column} of the job and of {table}")
        self.assertEqual(
            job["total_records"], job["processed_records"] + job["failed_records"] + job["cancelled_records"]
        )
        states = dict(self.sql("SELECT state, count(*) FROM batch_operation WHERE job_id = %s GROUP BY state", job_id))
        self.assertEqual(sum(states.values()), job["total_operations"])
        self.assertEqual(states.get("completed", 0), job["completed_operations"])
        self.assertEqual(
            sum(states.get(state, 0) for state in ("partial", "failed", "skipped")), job["failed_operations"]
        )
        [(standing,)] = self.sql(
            "SELECT count(*) FROM batch_failure WHERE job_id = %s AND retried_at IS NULL AND NOT is_skipped", job_id
        )
        self.assertLessEqual(standing, job["failed_records"])
        [(warnings,)] = self.sql("SELECT count(*) FROM batch_warning WHERE job_id = %s AND retried_at IS NULL", job_id)
        for table in ("batch_chunk", "batch_operation"):
            [(total,)] = self.sql(f"SELECT coalesce(sum(warning_count), 0) FROM {table} WHERE job_id = %s", job_id)
            self.assertEqual((job["warning_count"] or 0, warnings), (total, total), f"warnings of the job and of {table}")
        self.assertFalse(self.sql("SELECT 1 FROM batch_chunk WHERE job_id = %s AND finished_at IS NULL", job_id))
        return job

    # -- lanes -------------------------------------------------------------------------------------

    def lane(self, name="lane", seconds=PATIENCE_S):
        end = time.monotonic() + seconds
        return Lane(self.registry, f"{name}-{os.getpid()}", lambda: end - time.monotonic())

    def work(self, lanes=1, seconds=PATIENCE_S):
        """Run lanes side by side until they find nothing more to do; the test fails when their time is up first."""
        if lanes == 1:
            self.assertFalse(self.lane(seconds=seconds).run(), "the lane ran out of time")
            return
        with self.in_threads(lanes) as pool:
            runs = [pool.submit(self.lane(f"lane {number}", seconds).run) for number in range(lanes)]
            for run in runs:
                self.assertFalse(run.result(seconds + PATIENCE_S), "a lane ran out of time")

    @contextmanager
    def open_lane(self, name="lane"):
        """A lane to be driven step by step: `claim`, `work_on`."""
        lane = self.lane(name)
        with lane.connected():
            yield lane

    def wait_until(self, condition, seconds=PATIENCE_S, what="the condition"):
        """Poll the committed state until something holds."""
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            self.assertLess(time.monotonic(), deadline, f"{what} did not come about")
            time.sleep(0.02)
        return found

    def blocked_backends(self):
        """How many connections of this database are waiting for a lock."""
        [(count,)] = self.sql(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return count
