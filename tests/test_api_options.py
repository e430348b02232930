"""Every option of `submit`: what it may be, and what it does."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

from .api_case import ApiCase
from .case import PATIENCE_S, create, update
from .doors import Refused, RouteDoor


def bad(**keys):
    """A create whose only record fails."""
    return {**create(**keys), "data": [{}]}


class TestOptionValues(ApiCase):
    def test_each_wrong_value_is_named_and_nothing_is_stored(self):
        before = self.count_jobs()
        for option, values in {
            "name": ("", "  ", 5, "x" * 300, "a\x00b", "\ud800"),
            "max_chunk_size": (-1, 10001, "100", 1.5, True),
            "max_concurrency": (0, -1, "3", 2.5),
            "timeout": (0, -1, "60", True, 10**9),
            "retry_attempts": (-1, "3", 1.5),
            "rollback": ("all", 5, ["job"], {}),
            "max_failures": (-1, "0", 0.5),
            "dry_run": ("yes", 1),
            "priority": ("high", 1.5, 2**40),
            "run_at": ("tomorrow", 5, "2030-13-01", []),
            "idempotency_key": ("", 7, "x" * 300, "\udfff"),
            "draft": ("yes", 1),
            "on_complete": ("nothing", -1, 1.5, "no.such_action", "a.\ud800", 2**31 - 1, "base.main_partner"),
            "chunk_size": (5,),
        }.items():
            for value in values:
                with self.subTest(option=option, value=value):
                    with self.assertRaises(Refused) as caught:
                        self.door.submit([create("A")], **{option: value})
                    error = caught.exception
                    self.assertEqual(
                        [(problem["operation"], problem["key"]) for problem in error.problems], [(False, option)]
                    )
                    self.assertIn(option, error.message)
        self.assertEqual(self.count_jobs(), before)

    def test_absent_options_are_defaults(self):
        options = dict.fromkeys(
            ("name", "timeout", "max_failures", "run_at", "idempotency_key", "draft", "on_complete", "dry_run", "max_chunk_size",
             "max_concurrency", "retry_attempts", "rollback", "priority"), None
        )  # fmt: skip
        status = self.door.submit([create("A")], **options)
        self.assertEqual(status["state"], "pending")
        self.assertEqual(
            self._stored(status, "max_chunk_size", "max_concurrency", "retry_attempts", "rollback", "priority"),
            [0, 5, 3, "record", 0],
        )

    def test_defaults_and_limits_come_from_the_settings(self):
        with self.settings(max_chunk_size=7, max_concurrency=2, retry_attempts=9):
            status = self.door.submit([create("A")])
            self.assertEqual(self._stored(status, "max_chunk_size", "max_concurrency", "retry_attempts"), [7, 2, 9])
        with self.settings(max_records=3):
            self.assertRefused(self.door.submit, [create("A", "B"), create("C", "D")], name="BatchValidationError")
            draft = self.door.submit([create("A", "B")], draft=True)
            self.assertRefused(self.door.call, "append", draft["job_id"], operations=[create("C", "D")])
        with self.settings(max_operations=1):
            error = self.assertRefused(self.door.submit, [create("A"), create("B")], name="BatchValidationError")
            self.assertIn("2", error.message)
            self.assertIn("1", error.message)
        with self.settings(max_jobs="many"):
            self.assertEqual(self.door.submit([create("A")])["state"], "pending", "nonsense is no setting")
        self.work()
        first = self.door.submit([create("A")])
        with self.settings(max_jobs=len(self._unfinished())):
            self.assertRefused(self.door.submit, [create("A")], name="BatchValidationError")
            self.assertEqual(
                RouteDoor(self.other).submit([create("A")])["state"], "pending", "the limit is each user's own"
            )
            self.door.call("cancel", first["job_id"])
            self.assertEqual(self.door.submit([create("A")])["state"], "pending")

    def _unfinished(self):
        with self.committed() as env:
            return env["batch.job"].search([("user_id", "=", self.user.id), ("finished_at", "=", False)]).ids

    def _stored(self, status, *names):
        with self.committed() as env:
            return [env["batch.job"].browse(status["job_id"])[name] for name in names]

    def test_a_submission_without_operations_is_refused(self):
        for operations in ([], None, {}, "x", 5):
            self.assertRefused(self.door.submit, operations, name="BatchValidationError")


class TestOptionEffects(ApiCase):
    def chunks(self, status, *names):
        with self.committed() as env:
            return env["batch.chunk"].search_read(
                [("job_id", "=", status["job_id"])], list(names), order="sequence, id"
            )

    def test_max_chunk_size_bounds_a_chunk(self):
        status = self.door.submit([create(*"ABCDEFG"), *[create(name) for name in "HIJ"]], max_chunk_size=3)
        self.assertEqual([chunk["record_count"] for chunk in self.chunks(status, "record_count")], [3, 3, 1, 3])
        adaptive = self.run_job([create(*map(str, range(30)))], max_chunk_size=0)
        self.assertEqual((adaptive["state"], adaptive["completed"]), ("completed", 30))

    def test_max_concurrency_is_never_exceeded(self):
        status = self.door.submit([create(*map(str, range(24)))], max_chunk_size=2, max_concurrency=2)
        seen = []
        with self.lanes_at_work(3):
            self.wait_until(
                lambda: (
                    seen.append(self._running(status))
                    or self.door.call("status", status["job_id"])["state"] == "completed"
                ),
                "the end",
            )
        self.assertLessEqual(max(seen), 2)
        with self.committed() as env:
            env.cr.execute("SELECT claimed_at, finished_at FROM batch_chunk WHERE job_id = %s", [status["job_id"]])
            spans = env.cr.fetchall()
        self.assertEqual(len(spans), 12)
        overlaps = [sum(start <= instant < end for start, end in spans) for instant, _end in spans]
        self.assertLessEqual(max(overlaps), 2)

    def _running(self, status):
        with self.committed() as env:
            return env["batch.chunk"].search_count([("job_id", "=", status["job_id"]), ("state", "=", "running")])

    def test_timeout_fails_what_does_not_fit_and_spares_what_does(self):
        with self.committed() as env:
            ids = env["res.partner"].create([{"name": f"T{n}"} for n in range(2)]).ids
            action = env["ir.actions.server"].create(
                {"name": "slow", "model_id": env.ref("base.model_res_partner").id, "state": "code",
                 "code": "env.cr.execute('SELECT pg_sleep(20)')"}
            )  # fmt: skip
            runs = {"operation_type": "call", "model": "ir.actions.server", "method": "run", "record_ids": [action.id]}
        started = time.monotonic()
        result = self.run_job(
            [update({"city": "fits"}, *ids), runs], door=RouteDoor(self.admin), timeout=0.5, retry_attempts=0
        )
        self.assertLess(time.monotonic() - started, 15)
        self.assertEqual([entry["state"] for entry in result["results"]], ["completed", "failed"])
        self.assertEqual(self.assertFailsWith(result["results"][1], "0.5 seconds")["error_type"], "TimeoutError")

    def test_rollback_record_undoes_just_the_culprit(self):
        result = self.run_job([{**create(), "data": [{"name": "RR 1"}, {}, {"name": "RR 2"}]}], rollback="record")
        self.assertEqual((result["state"], result["stats"]["processed_records"]), ("partial", 2))
        self.assertEqual(self._partners("RR "), 2)

    def test_rollback_chunk_undoes_the_whole_chunk(self):
        data = [{"name": "RC 1"}, {}, {"name": "RC 2"}, {"name": "RC 3"}, {"name": "RC 4"}, {"name": "RC 5"}]
        [entry] = (result := self.run_job([{**create(), "data": data}], rollback="chunk", max_chunk_size=3))["results"]
        self.assertEqual([failure["error_type"] for failure in entry["failures"]][0::2], ["RolledBack", "RolledBack"])
        self.assertFailsWith(entry, "name", index=1)
        self.assertEqual([bool(id_) for id_ in entry["result"]], [False] * 3 + [True] * 3)
        self.assertEqual((self._partners("RC "), result["state"]), (3, "partial"))

    def test_rollback_job_undoes_everything_and_names_the_culprits(self):
        result = self.run_job([create("RJ 1", "RJ 2"), bad(operation_id="culprit"), create("RJ 3")], rollback="job")
        self.assertEqual((result["state"], result["stats"]["processed_records"], result["completed"]), ("failed", 0, 4))
        self.assertEqual(self._partners("RJ "), 0)
        self.assertIn("rolled back", result["error"])
        culprit = next(entry for entry in result["results"] if entry["operation_id"] == "culprit")
        self.assertFailsWith(culprit, "name")
        self.assertEqual({entry["state"] for entry in result["results"]}, {"failed"})
        good = self.run_job([create("RJ 1"), create("RJ 2")], rollback="job")
        self.assertEqual((good["state"], self._partners("RJ ")), ("completed", 2))

    def _partners(self, prefix):
        with self.committed() as env:
            return env["res.partner"].search_count([("name", "=like", f"{prefix}%")])

    def test_max_failures_stops_the_job_and_says_why(self):
        for limit, failed in ((0, 1), (1, 2)):
            result = self.run_job(
                [bad() for _n in range(4)] + [create(f"MF {limit}")],
                max_failures=limit,
                max_chunk_size=1,
                max_concurrency=1,
            )
            states = [entry["state"] for entry in result["results"]]
            self.assertEqual(states, ["failed"] * failed + ["cancelled"] * (5 - failed))
            self.assertEqual((result["state"], result["completed"], result["total"]), ("failed", 5, 5))
            self.assertIn("more than", result["error"])
        self.assertEqual(self._partners("MF "), 0)
        some = self.run_job(
            [create("MF first"), bad(), create("MF never")], max_failures=0, max_chunk_size=1, max_concurrency=1
        )
        self.assertEqual(
            (some["state"], [entry["state"] for entry in some["results"]]),
            ("partial", ["completed", "failed", "cancelled"]),
        )

    def test_dry_run_reports_everything_and_leaves_nothing(self):
        result = self.run_job(
            [create("DR 1", operation_id="a"), bad(operation_id="b"), update({"city": "x"}, {"$ref": "a", "index": 0})],
            dry_run=True,
        )
        self.assertEqual([entry["state"] for entry in result["results"]], ["completed", "failed", "completed"])
        self.assertEqual(
            (result["state"], result["stats"]["processed_records"], result["stats"]["failed_records"]),
            ("partial", 2, 1),
        )
        self.assertFailsWith(result["results"][1], "name")
        self.assertEqual(self._partners("DR "), 0)

    def test_higher_priority_jobs_run_first(self):
        with self.committed() as env:
            env.cr.execute("UPDATE batch_job SET ready = false, wake_at = NULL WHERE ready")
        low = self.door.submit([create("Pr")], priority=-1)
        high = self.door.submit([create("Pr")], priority=5)
        middle = self.door.submit([create("Pr")])
        self.work()
        first = [self.result_of(status["job_id"])["results"][0]["result"][0] for status in (high, middle, low)]
        self.assertEqual(first, sorted(first))

    def test_context_language_and_company_reach_the_work(self):
        with self.committed() as env:
            company = env["res.company"].create({"name": "Second company"})
            env["res.users"].browse(self.user.id).company_ids = [(4, company.id)]
            env["res.lang"]._activate_lang("fr_FR")
            env.ref("base.be").with_context(lang="fr_FR").name = "Belgique"
            partner = env["res.partner"].create({"name": "Of two companies"})
        context = {"lang": "fr_FR", "tz": "Europe/Brussels", "allowed_company_ids": [company.id]}
        read = {
            "operation_type": "call",
            "model": "res.country",
            "method": "search_read",
            "args": [[["code", "=", "BE"]], ["name"]],
        }
        mine = {**read, "context": {"lang": "en_US"}}
        # a field with a value of its own in each company
        result = self.run_job([update({"barcode": "second"}, partner.id), read, mine], context=context)
        self.assertIs(result["results"][0]["result"], True)
        self.assertEqual([entry["result"][0]["name"] for entry in result["results"][1:]], ["Belgique", "Belgium"])
        with self.committed() as env:
            partner = env["res.partner"].browse(partner.id)
            self.assertEqual((partner.with_company(company.id).barcode, partner.barcode), ("second", False))
        with self.committed() as env:
            job = env["batch.job"].browse(result["job_id"])
            self.assertEqual((json.loads(job.context)["tz"], job.company_id.id), ("Europe/Brussels", company.id))
        for options, operation in (
            ({"context": {"allowed_company_ids": [999]}}, create("A")),
            ({}, create("A", context={"allowed_company_ids": [999]})),
        ):
            error = self.assertRefused(self.door.submit, [operation], name="BatchValidationError", **options)
            self.assertEqual(error.problems[0]["key"], "context")
        self.assertRefused(self.door.submit, [create("A")], context="fr_FR")

    def test_run_at_waits_until_then(self):
        later = datetime.now(timezone.utc) + timedelta(hours=1)
        status = self.door.submit([create("Later")], run_at=later.isoformat())
        soon = datetime.now(timezone.utc) + timedelta(seconds=1)
        second = self.door.submit([create("Soon")], run_at=soon.strftime("%Y-%m-%dT%H:%M:%SZ"))
        past = self.door.submit([create("Past")], run_at="2001-02-03 04:05:06")
        self.work()
        self.assertEqual(self.door.call("status", status["job_id"])["state"], "pending")
        self.assertEqual(self.door.call("status", past["job_id"])["state"], "completed")
        self.wait_until(
            lambda: self.work() or self.door.call("status", second["job_id"])["state"] == "completed",
            "the job of a second from now",
        )
        self.door.call("cancel", status["job_id"])

    def test_an_idempotency_key_is_good_for_one_job(self):
        before = self.count_jobs()
        first = self.door.submit([create("Once")], idempotency_key="nightly", name="N")
        again = self.door.submit([create("Once")], idempotency_key="nightly", name="N")
        self.assertEqual(again, {**first, "duplicate": True})
        self.assertEqual(self.count_jobs(), [count + 1 for count in before])
        for operations, name in (([create("Twice")], "N"), ([create("Once")], "M")):
            with self.assertRaises(Refused) as caught:
                self.door.submit(operations, idempotency_key="nightly", name=name)
            error = caught.exception
            self.assertEqual(error.problems[0]["key"], "idempotency_key")
        together = self._at_once(lambda: self.door.submit([create("At once")], idempotency_key="at once"), times=4)
        self.assertEqual(len({status["job_id"] for status in together}), 1)
        self.assertEqual(sorted(status["duplicate"] for status in together), [False, True, True, True])
        others = RouteDoor(self.other).submit([create("Once")], idempotency_key="nightly", name="N")
        self.assertFalse(others["duplicate"])
        self.work()
        done = self.door.submit([create("Once")], idempotency_key="nightly", name="N")
        self.assertEqual((done["state"], done["duplicate"]), ("completed", True))

    def _at_once(self, call, times):
        with ThreadPoolExecutor(times) as pool:
            return [future.result(PATIENCE_S) for future in [pool.submit(call) for _n in range(times)]]


class TestOnComplete(ApiCase):
    @classmethod
    def set_up_data(cls, env):
        model = env["ir.model"]._get("batch.job")
        cls.action, cls.failing = (
            env["ir.actions.server"].create({"name": name, "model_id": model.id, "state": "code", "code": code}).id
            for name, code in (
                ("note", "record.message_post(body='ended as %s' % record.state)"),
                ("fail", "record.message_post(body='never seen')\nraise UserError('the action went wrong')"),
            )
        )
        env["ir.model.data"].create(
            {"module": "__test_batch__", "name": "note", "model": "ir.actions.server", "res_id": cls.action}
        )

    def messages(self, job_id):
        with self.committed() as env:
            own = [("model", "=", "batch.job"), ("res_id", "=", job_id), ("body", "like", "ended as")]
            return env["mail.message"].search(own).mapped("body")

    def test_it_runs_once_by_id_or_external_id(self):
        for on_complete in (self.action, "__test_batch__.note"):
            result = self.run_job([create("A"), bad()], on_complete=on_complete)
            self.assertEqual(result["state"], "partial")
            self.assertEqual(self.messages(result["job_id"]), ["<p>ended as partial</p>"])
            self.door.call("retry", result["job_id"])
            self.work()
            self.assertEqual(len(self.messages(result["job_id"])), 1, "once")

    def test_it_runs_on_a_cancelled_job_as_well(self):
        status = self.door.submit([create("A")], on_complete=self.action)
        self.door.call("cancel", status["job_id"])
        self.work()
        self.assertEqual(self.messages(status["job_id"]), ["<p>ended as cancelled</p>"])

    def test_a_failing_one_is_noted_and_changes_nothing_else(self):
        result = self.run_job([create("Kept")], on_complete=self.failing)
        with self.committed(self.user.id) as env:
            error = env["batch.job"].browse(result["job_id"]).callback_error
        self.assertEqual(error, "the action went wrong")
        self.assertEqual(
            (result["state"], result["error"], self.names_of(result["results"][0]["result"])),
            ("completed", False, ["Kept"]),
        )

    def test_an_action_of_another_model_is_refused(self):
        with self.committed() as env:
            action = (
                env["ir.actions.server"]
                .create({"name": "x", "model_id": env["ir.model"]._get("res.partner").id, "state": "code"})
                .id
            )
        error = self.assertRefused(self.door.submit, [create("A")], on_complete=action, name="BatchValidationError")
        self.assertEqual(error.problems[0]["key"], "on_complete")
