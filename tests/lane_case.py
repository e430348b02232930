"""The case for lanes, races and crashes: jobs of one user on partners of one test, lanes driven step by step."""

import io
import json
import secrets
from collections import Counter
from unittest.mock import patch

from odoo import SUPERUSER_ID, api
from odoo.service.model import retrying

from odoo.addons.batch_executor.engine.effects import EFFECT_COLUMNS, EFFECTS
from odoo.addons.batch_executor.run.result_file import write_results

from .case import SUBMITTER
from .committed_case import CommittedCase, committed

#: The method of `res.partner` that tests make misbehave.
PROBE = "batch_probe"


class LaneCase(CommittedCase):
    """Jobs of `user_id`, on partners that bear the mark of the test in their `ref`.

    The user is the same for a whole class: to make one and delete it again takes longer than many a test.
    """

    @classmethod
    def set_up_users(cls, env):
        cls.user_id = cls.new_user(env, f"lane-{secrets.token_hex(4)}", *SUBMITTER).id

    def setUp(self):
        super().setUp()
        self.mark = secrets.token_hex(4)

    def use_new_user(self):
        """Work as a user of this test alone, from now on, which may change it."""
        with committed() as env:
            self.user_id = self.new_user(env, f"lane-{self.mark}", *SUBMITTER).id

    def stop_clock(self, lane):
        """Let nothing be due any more that is done every second or so: what happens then does not depend on how fast the machine is."""
        control = lane.control
        control.last_full_claim_at = control.looked_around_at = float("inf")
        control.taught_at = dict.fromkeys(control.taught_at, float("inf"))
        self.sql("UPDATE batch_job SET progress_at = now() AT TIME ZONE 'UTC' + interval '1 day'")

    # -- jobs --------------------------------------------------------------------------------------

    def call(self, job_id, verb, *args, **kwargs):
        """Call a verb of a job as the user, as a remote call does: its own transaction, run again after a conflict."""
        with self.registry.cursor() as cr:
            job = api.Environment(cr, self.user_id, {})["batch.job"].browse(job_id)
            return retrying(lambda: getattr(job, verb)(*args, **kwargs), job.env)

    def submit(self, *operations, **options):
        """Submit and commit; returns the job's id."""
        with committed(self.user_id) as env:
            return env["batch.job"].submit(list(operations), **options)["job_id"]

    def creates(self, count, **extra):
        """A create operation of partners that are found again by their `ref`."""
        data = [{"name": f"Partner {number}", "ref": f"{self.mark}-{number}", **extra} for number in range(count)]
        return {"operation_type": "create", "model": "res.partner", "data": data}

    def make_partners(self, count, **values):
        """Partners committed beforehand; returns their ids."""
        with committed() as env:
            rows = [{"name": f"Partner {number}", "ref": f"{self.mark}-{number}", **values} for number in range(count)]
            return env["res.partner"].create(rows).ids

    def delete_partners(self):
        """Delete the partners of this test, for one that begins again."""
        with committed(active_test=False) as env:
            env["res.partner"].search([("ref", "=like", f"{self.mark}%")]).unlink()

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
        for column in ("processed_records", "failed_records", "cancelled_records", *EFFECT_COLUMNS):
            for table in ("batch_chunk", "batch_operation"):
                [(total,)] = self.sql(f"SELECT coalesce(sum({column}), 0) FROM {table} WHERE job_id = %s", job_id)
                self.assertEqual(job[column] or 0, total, f"{column} of the job and of {table}")
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
        self.check_outcomes(job_id)
        return job

    def outcome_rows(self, job_id):
        """The rows of the file that says what became of each record."""
        with self.registry.cursor() as cr:
            file = io.BytesIO()
            write_results(api.Environment(cr, SUPERUSER_ID, {})["batch.job"].browse(job_id), "ndjson", file)
        return [json.loads(line) for line in file.getvalue().splitlines()]

    def check_outcomes(self, job_id):
        """The file of outcomes has one row for each record of a final job, in order, and says what its counters and its result say."""
        with self.registry.cursor() as cr:
            result = api.Environment(cr, SUPERUSER_ID, {})["batch.job"].browse(job_id).result(limit=10_000, outcomes=True)
        rows = {}
        for row in self.outcome_rows(job_id):
            rows.setdefault(row["_operation"], []).append(row)
        names = [entry["operation_id"] for entry in result["results"]]
        self.assertEqual(list(rows), [name for name in names if name in rows], "in the order of the operations")
        for entry in result["results"]:
            self._check_outcomes_of(entry, rows.get(entry["operation_id"], []))

    def _check_outcomes_of(self, entry, rows):
        places = [row["_index"] for row in rows]
        self.assertEqual(places, sorted(set(places)), "one row for each record, in the order of the data")
        counts = Counter(row["_outcome"] for row in rows)
        failed, unrun = counts.pop("failed", 0), counts.pop("skipped", 0) + counts.pop("cancelled", 0)
        self.assertLessEqual(set(counts), {*EFFECTS, "succeeded"}, entry)
        processed = entry["processed_records"]
        self.assertEqual(
            (failed, sum(counts.values()), unrun, len(rows)),
            (entry["failed_records"], processed, entry["record_count"] - processed - entry["failed_records"], entry["record_count"]),
            (entry, rows),
        )
        if entry.get("outcomes"):
            told = {row["_index"]: row["_outcome"] for row in rows if row["_outcome"] in EFFECTS}
            self.assertEqual(told, {place: outcome for place, outcome in enumerate(entry["outcomes"]) if outcome})
        if isinstance(entry["result"], list) and entry["operation_type"] in ("create", "load", "upsert") and entry["result"]:
            self.assertEqual({row["_index"]: row["_id"] for row in rows}, {place: entry["result"][place] for place in places})
        errors = {row["_index"]: row["_error"] for row in rows}
        for failure in entry["failures"]:
            self.assertEqual(errors[failure["index"]], failure["error"])
