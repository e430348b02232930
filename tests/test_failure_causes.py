"""Failures by cause: found, retried, mended and dismissed all at once, however many there are."""

import json
from unittest.mock import patch

from odoo.exceptions import AccessError, UserError, ValidationError

from ..run import failures as many
from ..run import reopen
from ..store import findings
from .lane_case import LaneCase


class CauseCase(LaneCase):
    def setUp(self):
        super().setUp()
        # everything goes in several pages and steps
        self.startPatcher(patch.object(many, "PAGE", 3))
        self.startPatcher(patch.object(reopen, "REOPENED_AT_ONCE", 3))

    def failed_job(self, **options):
        """A job of 14 records, of which 8 have a wrong type, 3 no name, and 1 both a wrong name and a wrong type."""
        data = self.creates(14)["data"]
        for number in range(8):
            data[number]["type"] = f"nonsense {number}"
        for number in (8, 9, 10):
            data[number]["name"] = False
        job = self.submit({"operation_type": "create", "model": "res.partner", "data": data}, max_chunk_size=4, **options)
        self.work()
        return job

    def causes(self, job, uid=None):
        with self.committed(uid or self.user_id) as env:
            return env["batch.job"].browse(job).failure_causes["causes"]

    def do(self, method, *args, uid=None):
        with self.committed(uid or self.user_id) as env:
            return getattr(env["batch.failure"], method)(*args)

    def new_manager(self):
        with self.committed() as env:
            return self.new_user(env, f"boss-{self.mark}", "base.group_user", "batch_executor.group_batch_manager").id


class TestCauses(CauseCase):
    def test_failures_are_grouped_by_cause_and_found_by_its_domain(self):
        job = self.failed_job()
        wrong, nameless = self.causes(job)
        self.assertEqual((wrong["count"], wrong["error_type"], nameless["count"]), ("8", "ValueError", "3"))
        self.assertIn("…", wrong["cause"])
        self.assertIn("Contacts require a name", nameless["cause"])
        with self.committed(self.user_id) as env:
            found = env["batch.failure"].search(nameless["domain"])
            self.assertEqual(sorted(found.mapped("row_number")), [9, 10, 11])

    def test_only_what_was_replaced_is_run_again(self):
        job = self.failed_job()
        domain = self.causes(job)[0]["domain"]
        with self.committed(self.user_id) as env:
            values = {"domain": domain, "name": "type", "is_any": False, "old": "nonsense 3", "edits": {"0": {"type": "other"}}}
            env["batch.failure.replace"].create(values).action_replace_and_retry()
            retried = env["batch.failure"].search([("job_id", "=", job), ("retried_at", "!=", False)])
            self.assertEqual(retried.mapped("row_number"), [4])
        self.work()
        self.assertEqual([cause["count"] for cause in self.causes(job)], ["7", "3"])

    def test_a_new_value_that_is_missing_is_told(self):
        job = self.failed_job()
        with self.committed(self.user_id) as env:
            values = {"domain": self.causes(job)[1]["domain"], "name": "name", "is_any": True}
            with self.assertRaisesRegex(UserError, "No new value is given"):
                env["batch.failure.replace"].create(values).action_replace()
            values |= {"is_any": False, "old": "Somebody", "edits": {"0": {"name": "Named"}}}
            with self.assertRaisesRegex(UserError, "None of these records has this value"):
                env["batch.failure.replace"].create(values).action_replace()

    def test_failures_of_an_older_version_get_their_cause_by_the_upgrade(self):
        job = self.failed_job()
        before = [(cause["cause"], cause["count"]) for cause in self.causes(job)]
        self.sql("UPDATE batch_failure SET cause = NULL WHERE job_id = %s", job)
        self.assertEqual(self.causes(job), [])
        self.startPatcher(patch.object(findings, "FILLED_AT_ONCE", 4))
        with self.committed() as env:
            env["batch.failure"].init()
        self.assertEqual([(cause["cause"], cause["count"]) for cause in self.causes(job)], before)

    def test_a_cause_is_retried_alone_in_steps(self):
        job = self.failed_job()
        wrong, nameless = self.causes(job)
        calls = []
        step = reopen.step
        with patch.object(reopen, "step", lambda env, job_id: calls.append(job_id) or step(env, job_id)):
            self.assertEqual(self.do("retry_matching", wrong["domain"]), 8)
            self.assertTrue(self.job(job)["reopening"], "lanes go on")
            self.work()
        self.assertGreaterEqual(len(calls), 3)
        done = self.check_counters(job)
        self.assertEqual((done["state"], done["failed_records"], done["processed_records"]), ("partial", 11, 3))
        self.assertEqual(
            self.sql("SELECT count(*), count(DISTINCT cause) FROM batch_failure WHERE job_id = %s AND retried_at IS NOT NULL", job),
            [(8, 1)],
        )
        self.assertEqual([cause["count"] for cause in self.causes(job)], ["8", "3"])
        self.assertEqual(self.causes(job)[1], nameless)

    def test_one_value_is_replaced_in_all_of_a_cause(self):
        job = self.failed_job()
        wrong, nameless = self.causes(job)
        self.assertEqual(self.do("replace_value", wrong["domain"], "type", "other", "nonsense 3"), 1)
        self.assertEqual(self.do("replace_value", wrong["domain"], "type", "other"), 7, "that of one is no other any more")
        self.assertEqual(self.do("replace_value", nameless["domain"], "name", "Named", False), 3)
        self.assertEqual(self.job(job)["state"], "partial", "nothing runs yet")
        self.assertEqual(self.do("retry_matching", [("job_id", "=", job)]), 11)
        self.work()
        done = self.check_counters(job)
        self.assertEqual((done["state"], done["processed_records"]), ("completed", 14))
        self.assertEqual([name for _number, name in self.partners("name")].count("Named"), 3)

    def test_a_value_that_submit_would_refuse_changes_nothing(self):
        job = self.failed_job()
        wrong, _nameless = self.causes(job)
        before = self.sql("SELECT id, values FROM batch_failure WHERE job_id = %s ORDER BY id", job)
        with self.assertRaisesRegex(ValidationError, "nope"):
            self.do("replace_value", wrong["domain"], "nope", 1)
        with self.assertRaisesRegex(ValidationError, "op-9"):
            self.do("replace_value", wrong["domain"], "parent_id", {"$ref": "op-9", "index": 0})
        self.assertEqual(self.sql("SELECT id, values FROM batch_failure WHERE job_id = %s ORDER BY id", job), before)

    def test_columns_of_an_import_are_replaced(self):
        rows = [[f"Loaded {number}", f"{self.mark}-{number}", f"Atlantis {number}"] for number in range(4)]
        fields = ["name", "ref", "country_id"]
        job = self.submit({"operation_type": "load", "model": "res.partner", "fields": fields, "data": rows})
        self.work()
        [cause] = self.causes(job)
        self.assertEqual(cause["count"], "4")
        self.assertEqual(self.do("replace_value", cause["domain"], "country_id", "Belgium"), 4)
        self.do("retry_matching", cause["domain"])
        self.work()
        self.assertEqual(self.check_counters(job)["state"], "completed")

    def test_only_the_submitter_replaces_and_nobody_reaches_the_jobs_of_others(self):
        job = self.failed_job()
        wrong, nameless = self.causes(job)
        manager = self.new_manager()
        with self.assertRaises(AccessError):
            self.do("replace_value", wrong["domain"], "type", "other", uid=manager)
        self.assertEqual(self.do("dismiss_matching", nameless["domain"], uid=manager), 3)
        with self.committed() as env:
            stranger = self.new_user(env, f"other-{self.mark}", "base.group_user", "batch_executor.group_batch_user").id
            nobody = self.new_user(env, f"nobody-{self.mark}", "base.group_user").id
        for method in ("retry_matching", "dismiss_matching", "restore_matching"):
            with self.assertRaises(UserError):
                self.do(method, wrong["domain"], uid=stranger)
            with self.assertRaises(AccessError):
                self.do(method, wrong["domain"], uid=nobody)
        self.assertEqual(self.job(job)["state"], "partial")

    def test_a_job_that_is_not_finished_is_left_alone(self):
        job = self.submit(self.creates(1), run_at="2199-01-01T00:00:00Z")
        with self.assertRaises(UserError):
            self.do("retry_matching", [("job_id", "=", job)])

    def test_a_set_is_retried_as_a_whole(self):
        self.set_probe(lambda partners: 1 / 0)
        ids = self.make_partners(4)
        job = self.submit(self.probe(ids, set=True))
        self.work()
        seen = []
        self.set_probe(lambda partners: seen.append(len(partners)))
        with self.committed(self.user_id) as env:
            env["batch.failure"].search([("job_id", "=", job)], limit=1).action_retry()
        self.work()
        self.assertEqual(seen, [4])
        self.check_counters(job)


class TestDismissed(CauseCase):
    def test_what_is_dismissed_no_longer_stands_but_counts(self):
        job = self.failed_job()
        _wrong, nameless = self.causes(job)
        self.assertEqual(self.do("dismiss_matching", nameless["domain"]), 3)
        done = self.check_counters(job)
        self.assertEqual((done["state"], done["failed_records"], done["dismissed_records"]), ("partial", 11, 3))
        self.assertEqual(len(self.failures(job)), 8)
        self.assertEqual(len(self.call(job, "result")["results"][0]["failures"]), 8)
        self.assertEqual([cause["count"] for cause in self.causes(job)], ["8"])
        with self.committed(self.user_id) as env:
            dismissed = env["batch.failure"].search([("job_id", "=", job), ("dismissed_at", "!=", False)])
            self.assertEqual((len(dismissed), dismissed.dismissed_by_id.id), (3, self.user_id))
            with self.assertRaises(UserError):
                dismissed[0].values = "{}"
            with self.assertRaises(UserError):
                dismissed.action_retry()

    def test_a_retry_leaves_it_alone_and_counts_right(self):
        job = self.failed_job()
        wrong, nameless = self.causes(job)
        self.do("dismiss_matching", nameless["domain"])
        self.do("replace_value", wrong["domain"], "type", "other")
        self.call(job, "retry")
        self.work()
        done = self.check_counters(job)
        self.assertEqual((done["state"], done["processed_records"], done["failed_records"]), ("partial", 11, 3))
        with self.committed(self.user_id) as env:
            self.assertFalse(env["batch.job"].browse(job).can_retry)
        with self.assertRaisesRegex(UserError, "dismissed"):
            self.call(job, "retry")
        self.assertEqual(self.do("restore_matching", [("job_id", "=", job)]), 3)
        self.assertEqual(self.job(job)["dismissed_records"], 0)
        self.do("replace_value", nameless["domain"], "name", "Named")
        self.call(job, "retry")
        self.work()
        self.assertEqual(self.check_counters(job)["state"], "completed")

    def test_a_job_in_one_transaction_runs_all_again_and_nothing_is_dismissed(self):
        job = self.failed_job(rollback="job")
        wrong = self.causes(job)[0]
        self.do("dismiss_matching", wrong["domain"])
        self.assertGreater(self.job(job)["dismissed_records"], 0)
        with self.committed(self.user_id) as env:
            for failure in env["batch.failure"].search([("job_id", "=", job), ("dismissed_at", "=", False)]):
                failure.values = json.dumps({**json.loads(failure.values), "name": "Named"})
        self.call(job, "retry")
        self.work()
        done = self.check_counters(job)
        self.assertEqual((done["state"], done["dismissed_records"]), ("failed", 0))


class TestWhichRecord(CauseCase):
    def test_a_row_says_which_record(self):
        partner = self.make_partners(1, city="Basel")[0]
        operations = [
            {"operation_type": "create", "model": "res.partner", "data": [{"name": "Known", "ref": "K-1", "type": "x"}, {"type": "x"}]},
            {"operation_type": "upsert", "model": "res.partner", "key": ["vat"], "data": [{"vat": "CH-7", "type": "x"}]},
            {"operation_type": "load", "model": "res.partner", "fields": ["id", "name", "type"], "data": [["my.id", "Loaded", "x"]]},
            {"operation_type": "update", "model": "res.partner", "data": [{"id": partner, "type": "x"}]},
            {"operation_type": "delete", "model": "res.partner", "data": [2_000_000_000]},
        ]
        job = self.submit(*operations)
        self.work()
        with self.committed(self.user_id) as env:
            found = env["batch.failure"].search([("job_id", "=", job)], order="operation_id, id")
            labels = sorted(label.translate({0x2068: None, 0x2069: None}) for label in found.mapped("label"))
            self.assertIn("\u2068Known\u2069 · \u2068K-1\u2069", found.mapped("label"), "each keeps its direction to itself")
            self.assertEqual(labels, sorted(["Known · K-1", "", "CH-7", "Loaded · my.id", "Partner 0", "2000000000"]))
            self.assertEqual(set(found.mapped("row_number")), {1, 2})
            self.assertIn("row 1", found[0].display_name)

    def test_names_are_those_that_the_reader_may_see(self):
        partner = self.make_partners(1)[0]
        job = self.submit({"operation_type": "update", "model": "res.partner", "data": [{"id": partner, "type": "x"}]})
        self.work()
        with self.committed() as env:
            rule = env["ir.rule"].create(
                {"name": "Hidden", "model_id": env["ir.model"]._get_id("res.partner"), "domain_force": f"[('id', '!=', {partner})]"}
            ).id
        try:
            with self.committed(self.user_id) as env:
                self.assertEqual(env["batch.failure"].search([("job_id", "=", job)]).label, str(partner))
        finally:
            with self.committed() as env:
                env["ir.rule"].browse(rule).unlink()


class TestFieldByField(CauseCase):
    def test_values_are_described_for_widgets(self):
        data = [{"name": "x", "type": "nonsense", "parent_id": 2_000_000_000, "color": "red", "active": True, "category_id": [[6, 0, []]]}]
        job = self.submit({"operation_type": "create", "model": "res.partner", "data": data})
        self.work()
        with self.committed(self.user_id) as env:
            failure = env["batch.failure"].search([("job_id", "=", job)])
            found = {info["name"]: info for info in failure.described}
            self.assertEqual((found["type"]["type"], found["type"]["value"], found["type"]["sent"]), ("selection", False, "nonsense"))
            self.assertIn("other", dict(found["type"]["selection"]))
            self.assertEqual((found["parent_id"]["relation"], found["parent_id"]["value"]), ("res.partner", False))
            self.assertEqual((found["color"]["type"], found["color"]["value"], found["color"]["sent"]), ("integer", 0, "red"))
            self.assertEqual((found["active"]["type"], found["active"]["value"]), ("boolean", True))
            self.assertFalse(found["category_id"]["type"], "only as JSON")
            self.assertTrue(failure.can_add)

    def test_edits_change_just_what_was_edited_and_are_checked(self):
        big = 12345678901234567890
        data = [{"name": False, "ref": f"{self.mark}-0", "comment": f"{big}"}]
        job = self.submit({"operation_type": "create", "model": "res.partner", "data": data})
        self.work()
        with self.committed(self.user_id) as env:
            failure = env["batch.failure"].search([("job_id", "=", job)])
            failure.write({"edits": {"0": {"name": "Named", "city": "Bern"}}})
            self.assertEqual(json.loads(failure.values), {**data[0], "name": "Named", "city": "Bern"})
            for edits, error in (({"0": {"nope": 1}}, ValidationError), ({"1": {"name": "x"}}, UserError), ({"x": {}}, UserError), ([], None)):
                with self.subTest(edits=edits):
                    if error:
                        with self.assertRaises(error):
                            failure.write({"edits": edits})
                    else:
                        failure.write({"edits": edits})
            failure.action_retry()
        self.work()
        self.assertEqual(self.partners("name", "city"), [(0, "Named", "Bern")])

    def test_lines_of_an_import_are_edited_by_row(self):
        rows = [["Loaded", f"{self.mark}-0", "Child", "nonsense"], ["", "", "Child 2", "other"]]
        fields = ["name", "ref", "child_ids/name", "child_ids/type"]
        job = self.submit({"operation_type": "load", "model": "res.partner", "fields": fields, "data": rows})
        self.work()
        with self.committed(self.user_id) as env:
            failure = env["batch.failure"].search([("job_id", "=", job)])
            self.assertEqual([(info["row"], info["name"]) for info in failure.described][:2], [(0, "name"), (0, "ref")])
            labels = [info["label"] for info in failure.described]
            self.assertEqual((labels[1], labels[3]), ("Reference", "Contact / Address Type"))
            dialog = env["batch.failure.replace"].new({"domain": [("job_id", "=", job)], "name": "child_ids/type"})
            self.assertEqual(dialog.choices[3], ["child_ids/type", "Contact / Address Type"])
            self.assertEqual(dialog.described[0]["label"], "Contact / Address Type")
            dialog._onchange_name()
            self.assertEqual((dialog.is_any, dialog.old), (False, "nonsense"))
            failure.write({"edits": {"0": {"child_ids/type": "other"}, "1": {"child_ids/name": "Second"}}})
            failure.action_retry()
        self.work()
        self.assertEqual(self.check_counters(job)["state"], "completed")

    def test_values_that_many_records_get_are_shown_and_can_not_be_changed_for_one(self):
        with self.committed(self.user_id) as env:
            partners = env["res.partner"].create([{"name": f"Shared {number}", "ref": f"{self.mark}-{number}"} for number in range(21)])
            values = {"parent_id": partners[0].id, "category_id": [[4, env["res.partner.category"].create({"name": "Shared"}).id]]}
            found = {"domain": [["id", "in", partners.ids]]}
            job = env["batch.job"].submit([{"operation_type": "update", "model": "res.partner", "data": values, **found}])["job_id"]
        self.work()
        with self.committed(self.user_id) as env:
            failure = env["batch.failure"].search([("job_id", "=", job)])
            self.assertEqual(failure.record_id, partners[0].id)
            self.assertTrue(failure.has_shared_values)
            self.assertEqual([(info["name"], info.get("readonly", False)) for info in failure.described], [("id", False), ("parent_id", True), ("category_id", True)])
            self.assertEqual(failure.described[1]["value"]["display_name"], "Shared 0")
            dialog = env["batch.failure.replace"].new({"domain": [("job_id", "=", job)]})
            self.assertFalse(dialog.has_own_values)
