"""How a batch is run tells nothing that its caller may not read: not by its groups, nor by the keys of its upserts."""

import json

from odoo.exceptions import ConcurrencyError

from .api_case import ApiCase
from .case import create, update
from .doors import JsonRpcDoor, RouteDoor


class HiddenCase(ApiCase):
    """Partners whose `function` is secret are hidden from all users of batches, and `signup_type` is closed to most."""

    @classmethod
    def set_up_data(cls, env):
        partners = env["res.partner"].create(
            [
                {"name": "Hidden 1", "ref": "A", "function": "secret"},
                {"name": "Hidden 2", "ref": "B", "function": "secret"},
                {"name": "Hidden 3", "ref": "A", "function": "secret"},
                {"name": "Own 1", "ref": "A", "signup_type": "reset"},
                {"name": "Own 2", "ref": "B"},
                {"name": "Own 3", "ref": "A", "signup_type": "reset"},
            ]
        )
        cls.hidden, cls.own = partners[:3].ids, partners[3:].ids
        rule = env["ir.rule"].create(
            {
                "name": "batch test: hidden partners",
                "model_id": env["ir.model"]._get_id("res.partner"),
                "groups": [(4, env.ref("batch_executor.group_batch_user").id)],
                "domain_force": "[('function', '!=', 'secret')]",
                "perm_create": False,
            }
        )
        cls.addClassCleanup(cls._delete_rule, rule.id)

    @classmethod
    def _delete_rule(cls, rule_id):
        with cls.committed() as env:
            env["ir.rule"].browse(rule_id).unlink()


class TestGroupBy(HiddenCase):
    """Chunks are there for their submitter to be read: who is put together with whom, too."""

    def chunks_of(self, job_id):
        """The ids in each chunk, and how many groups each is of."""
        with self.committed() as env:
            env.cr.execute(
                "SELECT payload, group_keys FROM batch_chunk WHERE job_id = %s AND kind = 'records' ORDER BY id", [job_id]
            )
            rows = env.cr.fetchall()
        return [
            ([item[0] if isinstance(item, list) else item for item in json.loads(payload)["items"]], len(keys or ()))
            for payload, keys in rows
        ]

    def submitted(self, operation):
        return self.door.submit([operation], draft=True, max_chunk_size=2)["job_id"]

    def call(self, ids, field):
        return {
            "operation_type": "call",
            "model": "res.partner",
            "method": "has_access",
            "args": ["read"],
            "record_ids": ids,
            "group_by": field,
        }

    def test_records_that_may_be_read_are_grouped_by_their_values(self):
        first, second, third = self.own
        self.assertEqual(self.chunks_of(self.submitted(self.call(self.own, "ref"))), [([first, third], 1), ([second], 1)])

    def test_records_that_may_not_be_read_have_no_value(self):
        first, second, third = self.own
        for operation in (
            self.call([*self.hidden, *self.own], "ref"),
            {
                "operation_type": "update",
                "model": "res.partner",
                "data": [{"id": id_, "color": 1} for id_ in (*self.hidden, *self.own)],
                "group_by": "ref",
            },
        ):
            chunks = self.chunks_of(self.submitted(operation))
            self.assertEqual(chunks, [(self.hidden[:2], 1), (self.hidden[2:], 1), ([first, third], 1), ([second], 1)])

    def test_a_selection_by_reference_is_no_way_round(self):
        """Records made by the job itself may be hidden from its user once they are there."""
        rows = [{"name": f"Made {ref}", "ref": ref, "function": "secret"} for ref in "ABA"]
        made = {**create(operation_id="made"), "data": rows}
        calls = self.call([{"$ref": "made"}], "ref")
        result = self.run_job([made, calls], max_chunk_size=2)
        ids = result["results"][0]["result"]
        self.assertTrue(all(ids))
        self.assertEqual(self.chunks_of(result["job_id"])[-2:], [(ids[:2], 1), (ids[2:], 1)])

    def test_a_field_that_may_not_be_read_groups_nothing(self):
        for operation in (
            self.call(self.own, "signup_type"),
            {**create(), "data": [{"name": "X"}], "group_by": "signup_type"},
            {**update({"color": 1}, *self.own), "group_by": "signup_type"},
            {
                "operation_type": "call",
                "model": "res.partner",
                "method": "has_access",
                "args": ["read"],
                "domain": [("id", "in", self.own)],
                "group_by": "signup_type",
            },
        ):
            error = self.assertRefused(self.door.submit, [operation], name="BatchValidationError")
            self.assertEqual(error.problems[0]["key"], "group_by")
            self.assertIn("may not read", error.message)
        operation = self.call(self.own, "signup_type")
        job_id = RouteDoor(self.admin).submit([operation], draft=True, max_chunk_size=2)["job_id"]
        first, second, third = self.own
        self.assertEqual(self.chunks_of(job_id), [([first, third], 1), ([second], 1)])

    def test_missing_records_have_no_value_and_fail_when_they_are_run(self):
        missing = 2**31 - 5
        operation = {**update({"color": 3}, missing, *self.own), "group_by": "ref"}
        result = self.run_job([operation], max_chunk_size=2)
        self.assertEqual([failure["index"] for failure in result["results"][0]["failures"]], [0])
        self.assertEqual(result["stats"]["processed_records"], 3)
        colors = JsonRpcDoor(self.user).execute_kw("res.partner", "read", [self.own, ["color"]])
        self.assertEqual([row["color"] for row in colors], [3, 3, 3])


class TestUpsertKeys(HiddenCase):
    def upsert(self, key, **values):
        return {"operation_type": "upsert", "model": "res.partner", "key": [key], "data": [{"name": "Upserted", **values}]}

    def execute_beside(self, **values):
        """Upsert a key of which somebody else has just made a record, since our transaction began."""
        with self.committed(self.user.id) as env:
            env.cr.execute("SELECT 1")
            with self.committed() as other:
                other["res.partner"].create({"name": "Made meanwhile", **values})
            return env["batch.job"].execute([self.upsert("ref", ref=values["ref"])])

    def test_a_record_that_others_make_meanwhile_is_told_only_to_who_may_see_it(self):
        with self.assertRaises(ConcurrencyError):
            self.execute_beside(ref="batch-meanwhile-1")
        result = self.execute_beside(ref="batch-meanwhile-2", function="secret")
        self.assertEqual(result["state"], "completed")

    def test_a_field_that_may_not_be_read_is_no_key(self):
        operation = self.upsert("signup_type", signup_type="reset")
        for call in (self.door.submit, self.door.execute):
            error = self.assertRefused(call, [operation], name="BatchValidationError")
            self.assertEqual([(problem["key"], "may not read" in problem["message"]) for problem in error.problems], [("key", True)])
