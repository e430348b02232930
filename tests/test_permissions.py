"""Who may do what, through which door."""

from odoo import api
from odoo.exceptions import AccessError
from odoo.tools import SQL

from .api_case import ApiCase
from .case import create, update
from .doors import DOORS, JOB_VERBS, JsonRpcDoor, Refused, RouteDoor, SessionDoor

#: What a verb is called with in these tests.
PARAMS = {"append": {"operations": [create("Never")]}}


class PermissionCase(ApiCase):
    @classmethod
    def set_up_data(cls, env):
        company = env["res.company"].create({"name": "Elsewhere"})
        groups = ("base.group_user", "batch_executor.group_batch_manager")
        cls.portal = cls.new_user(env, "batch-portal", "base.group_portal")
        cls.internal = cls.new_user(env, "batch-internal", "base.group_user", "base.group_partner_manager")
        cls.foreign = cls.new_user(
            env, "batch-foreign", *groups, company_id=company.id, company_ids=[(6, 0, company.ids)]
        )

    def setUp(self):
        super().setUp()
        self.job_id = self.door.submit([create("Owned"), {**create(), "data": [{}]}])["job_id"]

    def tearDown(self):
        with self.committed() as env:
            env.cr.execute("DELETE FROM batch_job WHERE id = %s", [self.job_id])
        super().tearDown()


class TestVerbs(PermissionCase):
    def test_who_is_no_batch_user_is_refused_by_every_verb_of_every_door(self):
        before = self.count_jobs()
        for someone in (self.portal, self.internal):
            for door_class in DOORS:
                door = door_class(someone)
                for verb in ("submit", "execute", *JOB_VERBS):
                    with self.subTest(login=someone.login, door=door_class.__name__, verb=verb):
                        params = (
                            {"operations": [create("Never")]} if verb in ("submit", "execute") else PARAMS.get(verb, {})
                        )
                        job_id = self.job_id if verb in JOB_VERBS else None
                        error = self.assertRefused(door.call, verb, job_id, **params)
                        self.assertRegex(
                            f"{error.name} {error.message} {error.raw}", "AccessError|access|may not use batch jobs"
                        )
        self.assertEqual(self.count_jobs(), before)
        with self.committed() as env:
            self.assertFalse(env["res.partner"].search([("name", "=", "Never")]))

    def test_the_job_of_someone_else_does_not_exist(self):
        for someone in (self.other, self.foreign):
            for door_class in DOORS:
                door = door_class(someone)
                for verb in JOB_VERBS:
                    with self.subTest(login=someone.login, door=door_class.__name__, verb=verb):
                        error = self.assertRefused(door.call, verb, self.job_id, **PARAMS.get(verb, {}))
                        self.assertNotIn("Owned", error.raw)
                        if issubclass(door_class, RouteDoor):
                            self.assertTrue(error.name.endswith("MissingError"), error.name)
        self.assertEqual(self.door.call("status", self.job_id)["state"], "pending", "nobody has steered it")

    def test_a_missing_job_and_a_foreign_one_look_the_same(self):
        door = RouteDoor(self.other)
        missing = self.assertRefused(door.call, "status", 2**31 - 1)
        foreign = self.assertRefused(door.call, "status", self.job_id)
        self.assertEqual((missing.name, missing.message), (foreign.name, foreign.message))

    def test_a_manager_sees_and_steers_the_jobs_of_all(self):
        for door_class in DOORS:
            door = door_class(self.manager)
            self.assertEqual(door.call("status", self.job_id)["job_id"], self.job_id)
            self.assertEqual(door.call("pause", self.job_id)["state"], "paused")
            self.assertEqual(door.call("resume", self.job_id)["state"], "pending")
        self.work()
        self.assertEqual(RouteDoor(self.manager).call("failures", self.job_id)["total"], 1)
        RouteDoor(self.manager).call("retry", self.job_id)
        self.work()
        with self.committed() as env:
            [owned] = env["res.partner"].search([("name", "=", "Owned")], order="id desc", limit=1)
            self.assertEqual(owned.create_uid.id, self.user.id, "it still runs as its submitter")

    def test_administrators_are_managers(self):
        with self.committed() as env:
            for login in ("batch-admin", "admin"):
                self.assertTrue(
                    env["res.users"].search([("login", "=", login)]).has_group("batch_executor.group_batch_manager")
                )

    def test_tracebacks_are_for_managers(self):
        self.work()
        fields = ["message", "traceback"]
        domain = [("job_id", "=", self.job_id)]
        with self.assertRaises(Refused):
            JsonRpcDoor(self.user).execute_kw("batch.failure", "search_read", [domain, fields])
        [failure] = JsonRpcDoor(self.manager).execute_kw("batch.failure", "search_read", [domain, fields])
        self.assertIn("Traceback", failure["traceback"])


class TestRecords(PermissionCase):
    """Nobody but the engine writes the engine's tables, through whatever door."""

    def test_counters_states_and_chunks_can_not_be_written(self):
        with self.committed() as env:
            ids = {
                model: env[model].search([("job_id", "=", self.job_id)], limit=1).id
                for model in ("batch.operation", "batch.chunk")
            }
            ids["batch.job"] = self.job_id
        before = self._rows(ids)
        values = {
            "batch.job": (
                {"state": "completed"},
                {"processed_records": 5},
                {"user_id": self.manager.id},
                {"context": "{}"},
                {"ready": False},
                {"message_follower_ids": [], "uuid": "x"},
            ),
            "batch.operation": ({"state": "completed"}, {"processed_records": 5}),
            "batch.chunk": ({"state": "done"}, {"payload": "{}"}),
        }
        for someone in (self.user, self.manager, self.admin):
            for door in (JsonRpcDoor(someone), SessionDoor(someone)):
                for model, id_ in ids.items():
                    for vals in values[model]:
                        with self.subTest(login=someone.login, model=model, vals=vals):
                            error = self.assertRefused(door.execute_kw, model, "write", [[id_], vals])
                            self.assertTrue(error.name.endswith("AccessError"), error.name)
        self.assertEqual(self._rows(ids), before)

    def _rows(self, ids):
        """The rows as they are stored."""
        with self.committed() as env:
            for model, id_ in ids.items():
                env.cr.execute(SQL("SELECT * FROM %s WHERE id = %s", SQL.identifier(env[model]._table), id_))
                ids = {**ids, model: env.cr.fetchone()}
        return ids

    def test_no_row_can_be_made_or_deleted_past_the_api(self):
        before = self.count_jobs()
        rows = {
            "batch.job": {"name": "x", "user_id": self.admin.id, "company_id": 1, "state": "pending"},
            "batch.operation": {
                "job_id": self.job_id,
                "operation_id": "x",
                "operation_type": "create",
                "model": "res.partner",
            },
            "batch.chunk": {"job_id": self.job_id, "state": "pending", "kind": "records", "payload": "{}"},
            "batch.failure": {"job_id": self.job_id},
        }
        for someone in (self.user, self.manager, self.admin):
            door = JsonRpcDoor(someone)
            for model, vals in rows.items():
                self.assertRefused(door.execute_kw, model, "create", [vals])
            for method in ("copy", "unlink"):
                self.assertRefused(door.execute_kw, "batch.job", method, [[self.job_id]])
        self.assertEqual(self.count_jobs(), before)

    def test_a_user_may_rename_his_job_and_nobody_elses(self):
        self.assertTrue(JsonRpcDoor(self.user).execute_kw("batch.job", "write", [[self.job_id], {"name": "Renamed"}]))
        self.assertEqual(self.door.call("status", self.job_id)["name"], "Renamed")
        self.assertRefused(
            JsonRpcDoor(self.other).execute_kw, "batch.job", "write", [[self.job_id], {"name": "Stolen"}]
        )

    def test_others_rows_are_in_no_search(self):
        self.work()
        for someone, count in ((self.user, 1), (self.other, 0), (self.foreign, 0), (self.manager, 1)):
            door = JsonRpcDoor(someone)
            self.assertEqual(
                door.execute_kw("batch.job", "search_count", [[("id", "=", self.job_id)]]), count, someone.login
            )
            for model in ("batch.operation", "batch.chunk", "batch.failure"):
                found = door.execute_kw(model, "search_count", [[("job_id", "=", self.job_id)]])
                self.assertEqual(bool(found), bool(count), (someone.login, model))

    def test_the_engines_own_methods_are_private(self):
        door = JsonRpcDoor(self.admin)
        for model, method in (
            ("batch.job", "_run_lane"),
            ("batch.failure", "_first_of_operations"),
            ("batch.job", "_execute"),
        ):
            self.assertRefused(door.execute_kw, model, method, [])


class TestRights(PermissionCase):
    """A batch may do what its user may do, at that moment."""

    def test_what_the_user_may_not_do_is_refused_at_once(self):
        for operation in (
            create("X", model="res.country"),
            {"operation_type": "delete", "model": "res.country", "data": [1]},
            update({"name": "x"}, 1, model="res.company"),
            {"operation_type": "load", "model": "res.country", "fields": ["name"], "data": [["x"]]},
            {
                "operation_type": "upsert",
                "model": "res.country",
                "key": ["code"],
                "data": [{"code": "QQ", "name": "x"}],
            },
            {"operation_type": "call", "model": "ir.config_parameter", "method": "get_param", "record_ids": [1]},
        ):
            error = self.assertRefused(self.door.submit, [operation], name="BatchValidationError")
            self.assertEqual(error.problems[0]["key"], "model")
            self.assertRefused(self.door.execute, [operation], name="BatchValidationError")

    def test_a_model_level_call_asks_for_rights_itself(self):
        result = self.run_job(
            [
                {
                    "operation_type": "call",
                    "model": "ir.config_parameter",
                    "method": "get_param",
                    "args": ["database.secret"],
                }
            ]
        )
        self.assertEqual(
            (result["state"], result["results"][0]["failures"][0]["error_type"]), ("failed", "AccessError")
        )

    def test_a_right_lost_meanwhile_fails_what_is_left(self):
        with self.committed() as env:
            worker = self.new_user(
                env, "batch-loser", "base.group_user", "base.group_partner_manager", "batch_executor.group_batch_user"
            )
        door = RouteDoor(worker)
        for lost, back in (
            (
                lambda user: {"group_ids": [(3, user.env.ref("base.group_partner_manager").id)]},
                lambda user: {"group_ids": [(4, user.env.ref("base.group_partner_manager").id)]},
            ),
            (
                lambda user: {"group_ids": [(3, user.env.ref("batch_executor.group_batch_user").id)]},
                lambda user: {"group_ids": [(4, user.env.ref("batch_executor.group_batch_user").id)]},
            ),
            (lambda user: {"active": False}, lambda user: {"active": True}),
        ):
            job_id = door.submit([create("Lost right")])["job_id"]
            with self.committed() as env:
                user = env["res.users"].browse(worker.id)
                user.write(lost(user))
            self.work()
            result = self.result_of(job_id, RouteDoor(self.manager))
            self.assertEqual(result["state"], "failed")
            self.assertEqual(result["results"][0]["failures"][0]["error_type"], "AccessError")
            with self.committed() as env:
                user = env["res.users"].with_context(active_test=False).browse(worker.id)
                user.write(back(user))
                self.assertFalse(env["res.partner"].search([("name", "=", "Lost right")]))

    def test_sudo_around_a_submission_gives_the_work_no_more_rights(self):
        with self.committed() as env:
            sudo = api.Environment(env.cr, self.user.id, {}, su=True)["batch.job"]
            result = sudo.execute([create("X", model="res.country")])
            self.assertEqual(result["results"][0]["failures"][0]["error_type"], "AccessError")
            status = sudo.submit([create("X", model="res.country")])
        self.work()
        self.assertEqual(self.result_of(status["job_id"])["results"][0]["failures"][0]["error_type"], "AccessError")
        with self.committed(self.user.id) as env, self.assertRaises(AccessError):
            env["res.country"].create({"name": "X"})
