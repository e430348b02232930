"""Mended values: only their submitter's, and only what `submit` would take."""

import json

from .api_case import ApiCase
from .case import create
from .doors import JsonRpcDoor, RouteDoor, SessionDoor

MISSING = 2**31 - 5
BAD = {"name": "Bad", "type": "nonsense"}
GOOD = {"name": "Mended", "type": "other"}


class MendingCase(ApiCase):
    @classmethod
    def set_up_data(cls, env):
        cls.partners = env["res.partner"].create([{"name": f"Mended {number}"} for number in range(25)]).ids

    def failure_of(self, operation, door=None, **options):
        """The one failure of an operation."""
        result = self.run_job([operation], door, **options)
        self.assertEqual(result["stats"]["failed_records"], 1, result)
        with self.committed() as env:
            return env["batch.failure"].search([("job_id", "=", result["job_id"])]).id, result["job_id"]

    def values_of(self, failure):
        with self.committed() as env:
            return env["batch.failure"].browse(failure).values

    def mend(self, failure, someone, door=JsonRpcDoor, **vals):
        return door(someone).execute_kw("batch.failure", "write", [[failure], vals])

    def retry(self, failure, someone):
        JsonRpcDoor(someone).execute_kw("batch.failure", "action_retry", [[failure]])
        self.work()


class TestWhoMends(MendingCase):
    def test_only_the_submitter_mends(self):
        failure, _job_id = self.failure_of({**create(), "data": [BAD]}, RouteDoor(self.admin))
        before = self.values_of(failure)
        for someone in (self.manager, self.user):
            for door in (JsonRpcDoor, SessionDoor):
                for key in ("values", "pretty_values"):
                    with self.subTest(login=someone.login, door=door.__name__, key=key):
                        error = self.assertRefused(self.mend, failure, someone, door, **{key: json.dumps(GOOD)})
                        self.assertTrue(error.name.endswith("AccessError"), error.name)
        self.assertEqual(self.values_of(failure), before)
        self.mend(failure, self.admin, values=json.dumps(GOOD))
        self.assertEqual(json.loads(self.values_of(failure)), GOOD)

    def test_not_even_an_administrator_mends_what_somebody_else_has_submitted(self):
        failure, _job_id = self.failure_of({**create(), "data": [BAD]})
        self.assertRefused(self.mend, failure, self.admin, values=json.dumps(GOOD), name="AccessError")

    def test_a_manager_retries_as_it_was_exports_and_cancels(self):
        failure, job_id = self.failure_of({**create(), "data": [BAD]})
        door = JsonRpcDoor(self.manager)
        [exported] = door.execute_kw("batch.failure", "search_read", [[("id", "=", failure)], ["values", "message"]])
        self.assertEqual(json.loads(exported["values"]), BAD)
        self.retry(failure, self.manager)
        with self.committed() as env:
            [again] = env["batch.failure"].search([("job_id", "=", job_id), ("retried_at", "=", False)])
            self.assertEqual(json.loads(again.values), BAD)
            self.assertIn("nonsense", again.message)
            again_id = again.id
        # what the submitter has mended is the submitter's own word, whoever runs it
        self.mend(again_id, self.user, values=json.dumps(GOOD))
        self.retry(again_id, self.manager)
        self.assertEqual(self.door.call("status", job_id)["state"], "completed")
        with self.committed() as env:
            [made] = env["res.partner"].search([("name", "=", "Mended")], order="id desc", limit=1)
            self.assertEqual(made.create_uid.id, self.user.id)
        other = self.door.submit([create("Never")])["job_id"]
        self.assertEqual(RouteDoor(self.manager).call("cancel", other)["state"], "cancelled")

    def test_nobody_else_adds_to_a_draft_or_lets_it_run(self):
        job_id = self.door.submit([create("Drafted")], draft=True)["job_id"]
        for someone in (self.manager, self.admin):
            door = RouteDoor(someone)
            self.assertRefused(door.call, "append", job_id, operations=[create("Slipped in")], name="AccessError")
            self.assertRefused(door.call, "start", job_id, name="AccessError")
            self.assertRefused(
                JsonRpcDoor(someone).execute_kw, "batch.job", "action_start", [[job_id]], name="AccessError"
            )
        status = self.door.call("status", job_id)
        self.assertEqual((status["state"], status["total"]), ("draft", 1))
        self.assertEqual(RouteDoor(self.manager).call("cancel", job_id)["state"], "cancelled")


class TestWhatIsMended(MendingCase):
    def cases(self):
        """By type: an operation one record of which fails, what mends it, and what `submit` would refuse."""
        first, *rest = self.partners
        call = {"operation_type": "call", "model": "res.partner", "method": "action_archive"}
        no_ids = ("x", 0, -1, True, 1.5, None, [first], {"$ref": "op-1"}, {"$ref": "op-2", "index": 0}, {})
        ref = {"parent_id": {"$ref": "op-2", "index": 0}}
        yield (
            "update of pairs",
            {"operation_type": "update", "model": "res.partner", "data": [{"id": first, "type": "nonsense"}]},
            [first, {"type": "other"}],
            (
                [], [first], [first, []], [first, {"nope": 1}], [0, {}], ["x", {}], [True, {}], [first, {}, {}], {},
                {"id": first, "type": "other"}, "x", 7, None, [first, {"id": 7}], [first, ref],
            ),
        )  # fmt: skip
        yield (
            "update of many with the same values",
            {"operation_type": "update", "model": "res.partner", "data": {"color": 1}, "record_ids": [MISSING, *rest]},
            first,
            no_ids,
        )
        shared = {"operation_type": "update", "model": "res.partner", "data": {"category_id": [[0, 0, {"name": "x"}]]}}
        yield "update of few with commands", {**shared, "record_ids": [MISSING, rest[0]]}, first, no_ids
        yield (
            "create",
            {**create(), "data": [BAD]},
            GOOD,
            ([], None, "x", 7, [GOOD], {"nope": 1}, {**GOOD, "nope": 1}, {**GOOD, **ref}),
        )
        key = {"ref": "batch-mended"}
        yield (
            "upsert",
            {"operation_type": "upsert", "model": "res.partner", "key": ["ref"], "data": [{**BAD, **key}]},
            {**GOOD, **key},
            ([], None, "x", {}, GOOD, {**key, "nope": 1}, [{**GOOD, **key}]),
        )
        yield "delete", {"operation_type": "delete", "model": "res.partner", "data": [MISSING]}, rest[-1], no_ids
        load = {"operation_type": "load", "model": "res.partner", "fields": ["name", "type"]}
        yield (
            "load",
            {**load, "data": [["Loaded", "nonsense"]]},
            [["Loaded", "other"]],
            ([], {}, None, "x", ["Loaded", "other"], [["Loaded"]], [["a", "other"], ["b", "other"]], [["a", "other", 1]], [7]),
        )
        yield "call", {**call, "record_ids": [MISSING]}, first, no_ids
        no_level = {"operation_type": "call", "model": "res.partner", "method": "name_create", "args": []}
        yield "model-level call", no_level, None, ([], {}, 7, "x", False)

    def test_what_submit_would_refuse_is_refused_and_changes_nothing(self):
        for name, operation, _good, bad in self.cases():
            failure, _job_id = self.failure_of(operation)
            before = self.values_of(failure)
            texts = [json.dumps(value) for value in bad]
            for text in (*texts, "{", "", "[" * 100_000):
                for key in ("values", "pretty_values"):
                    with self.subTest(case=name, text=text[:80], key=key):
                        error = self.assertRefused(self.mend, failure, self.user, **{key: text}, name="ValidationError")
                        self.assertReadable(error.message)
                        self.assertEqual(self.values_of(failure), before)
            self.assertRefused(self.mend, failure, self.user, values=7)
            self.assertEqual(self.values_of(failure), before)

    def test_what_submit_would_take_is_run(self):
        for name, operation, good, _bad in self.cases():
            if name == "model-level call":
                continue  # nothing of it can be changed
            for key in ("values", "pretty_values"):
                with self.subTest(case=name, key=key):
                    failure, job_id = self.failure_of(operation)
                    if name == "delete":
                        with self.committed() as env:
                            good = env["res.partner"].create({"name": "To be deleted"}).id
                    self.mend(failure, self.user, **{key: json.dumps(good, indent=4)})
                    self.assertEqual(self.values_of(failure), json.dumps(good, separators=(",", ":")))
                    self.retry(failure, self.user)
                    status = self.door.call("status", job_id)
                    self.assertEqual((status["state"], status["stats"]["failed_records"]), ("completed", 0))

    def test_rights_are_those_of_the_moment(self):
        with self.committed() as env:
            group = env.ref("base.group_partner_manager").id
            worker = self.new_user(
                env, "batch-mender", "base.group_user", "base.group_partner_manager", "batch_executor.group_batch_user"
            )
        failure, _job_id = self.failure_of({**create(), "data": [BAD]}, RouteDoor(worker))
        with self.committed() as env:
            env["res.users"].browse(worker.id).group_ids = [(3, group)]
        error = self.assertRefused(self.mend, failure, worker, values=json.dumps(GOOD), name="ValidationError")
        self.assertIn("no create access", error.message)

    def test_what_an_operation_finds_can_not_be_mended(self):
        made = {**create(operation_id="made"), "data": [BAD]}
        gone = {"operation_type": "delete", "model": "res.partner", "record_ids": [{"$ref": "made"}]}
        result = self.run_job([made, gone])
        with self.committed() as env:
            domain = [("job_id", "=", result["job_id"]), ("operation_type", "=", "delete")]
            failure = env["batch.failure"].search(domain).id
        error = self.assertRefused(self.mend, failure, self.user, values='{"record_ids": [1]}', name="UserError")
        self.assertIn("submit it anew", error.message)

    def test_a_reference_that_was_there_stays_possible_and_no_other_is(self):
        made = {**create(operation_id="made"), "data": [BAD]}
        child = {**create(), "data": [{**GOOD, "parent_id": {"$ref": "made", "index": 0}}]}
        result = self.run_job([made, child, create("Other", operation_id="other")])
        with self.committed() as env:
            producer, failure = env["batch.failure"].search([("job_id", "=", result["job_id"])]).ids
        for ref in ({"$ref": "other", "index": 0}, {"$ref": "none", "index": 0}, {"$ref": "made"}):
            values = json.dumps({**GOOD, "parent_id": ref})
            error = self.assertRefused(self.mend, failure, self.user, values=values, name="ValidationError")
            self.assertIn("$ref", error.message)
        self.mend(producer, self.user, values=json.dumps(GOOD))
        self.mend(failure, self.user, values=json.dumps({"name": "Child", "parent_id": {"$ref": "made", "index": 0}}))
        self.door.call("retry", result["job_id"])
        self.work()
        self.assertEqual(self.door.call("status", result["job_id"])["state"], "completed")

    def test_a_job_in_one_transaction_runs_again_as_a_whole_with_them(self):
        result = self.run_job([create("Kept with it"), {**create(), "data": [BAD]}], rollback="job")
        with self.committed() as env:
            [failure] = env["batch.failure"].search([("job_id", "=", result["job_id"]), ("error_type", "=", "ValueError")])
        self.assertRefused(self.mend, failure.id, self.user, values="[]", name="ValidationError")
        self.mend(failure.id, self.user, values=json.dumps(GOOD))
        self.retry(failure.id, self.user)
        status = self.door.call("status", result["job_id"])
        self.assertEqual((status["state"], status["completed"]), ("completed", 2))
