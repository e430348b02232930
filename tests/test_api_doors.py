"""One method, four doors: the same question gets the same answer through each, and no answer holds a null."""

import json
from concurrent.futures import ThreadPoolExecutor

from odoo import api

from odoo.addons.batch_executor.exceptions import BatchValidationError

from .api_case import ApiCase
from .case import EFFECT_KEYS, ENTRY_KEYS, PATIENCE_S, STATUS_KEYS, create, nulls_in, update
from .doors import DOORS, Json2Door, JsonRpcDoor, Refused, RouteDoor, SessionDoor, Someone, XmlRpcDoor, base_url

OPERATIONS = [
    create("Door A", "Door B", operation_id="a"),
    {**create(operation_id="bad"), "data": [{}]},
    update({"city": "D"}, {"$ref": "a", "index": 1}),
]


class TestDoors(ApiCase):
    def test_a_job_can_be_led_through_its_whole_life_by_each_door(self):
        for door_class in DOORS:
            with self.subTest(door=door_class.__name__):
                door = door_class(self.user)
                draft = door.submit(OPERATIONS[:1], draft=True, name=door_class.__name__)
                self.assertEqual((draft["state"], draft["name"]), ("draft", door_class.__name__))
                job_id = draft["job_id"]
                self.assertEqual(door.call("append", job_id, operations=OPERATIONS[1:])["total"], 4)
                self.assertEqual(door.call("start", job_id)["state"], "pending")
                self.assertEqual(door.call("pause", job_id)["state"], "paused")
                self.assertEqual(door.call("resume", job_id)["state"], "pending")
                self.work()
                status, result, failures = (door.call(verb, job_id) for verb in ("status", "result", "failures"))
                self.assertStatus(status)
                self.assertEqual(status["state"], "partial")
                self.assertEqual(set(result), STATUS_KEYS | {"results", "next_offset"})
                self.assertEqual([entry["state"] for entry in result["results"]], ["completed", "failed", "completed"])
                self.assertEqual(set(result["results"][0]), ENTRY_KEYS | EFFECT_KEYS)
                self.assertEqual((failures["total"], failures["failures"][0]["operation_id"]), (1, "bad"))
                self.assertEqual(
                    [path for answer in (draft, status, result, failures) for path in nulls_in(answer)], []
                )
                self.assertEqual(door.call("retry", job_id)["state"], "pending")
                self.assertEqual(door.call("cancel", job_id)["state"], "cancelled")
                self.assertEqual(len(door.call("result", job_id, offset=1, limit=1, only="failed")["results"]), 0)

    def test_execute_answers_the_same_through_each_door(self):
        shapes = set()
        for door_class in DOORS:
            result = door_class(self.user).execute(OPERATIONS)
            self.assertEqual(list(nulls_in(result)), [])
            self.assertEqual([entry["state"] for entry in result["results"]], ["completed", "failed", "completed"])
            self.assertEqual(self.names_of(result["results"][0]["result"]), ["Door A", "Door B"])
            shapes.add(json.dumps({key: type(value).__name__ for key, value in sorted(result.items())}))
        self.assertEqual(len(shapes), 1)

    def test_python_is_a_door_as_well(self):
        with self.committed(self.user.id) as env:
            status = env["batch.job"].submit(OPERATIONS)
            with self.assertRaises(BatchValidationError) as caught:
                env["batch.job"].submit([create("A", colour="red")])
        self.assertStatus(status)
        self.assertEqual(caught.exception.validation_errors[0]["key"], "colour")
        self.work()
        with self.committed(self.user.id) as env:
            job = env["batch.job"].browse(status["job_id"])
            self.assertEqual(job.result()["state"], "partial")
            self.assertEqual(job.failures()["total"], 1)
        self.assertEqual(self.door.call("status", status["job_id"])["state"], "partial")

    def test_a_refusal_tells_the_same_through_each_door(self):
        wrong = [create("A"), create("B", colour="red"), {**create(), "data": [{"nmae": "C"}]}]
        before = self.count_jobs()
        for door_class in DOORS:
            with self.subTest(door=door_class.__name__):
                with self.assertRaises(Refused) as caught:
                    door_class(self.user).submit(wrong)
                error = caught.exception
                for text in ("operation 1", "'colour'", "operation 2, record 0", "'nmae'"):
                    self.assertIn(text, error.message)
                if door_class is XmlRpcDoor:
                    continue
                self.assertTrue(error.name.endswith("BatchValidationError"), error.name)
                self.assertEqual(
                    [(p["operation"], p["record"], p["key"]) for p in error.problems],
                    [(1, False, "colour"), (2, 0, "data")],
                )
                self.assertEqual(error.status, 422 if door_class is Json2Door else 0)
        self.assertEqual(self.count_jobs(), before)

    def test_context_comes_from_the_doors_own_place(self):
        for door_class in DOORS:
            status = door_class(self.user).submit([create("A")], context={"tz": "Asia/Tokyo", "active_id": 5})
            with self.committed() as env:
                kept = json.loads(env["batch.job"].browse(status["job_id"]).context)
            self.assertEqual((kept.get("tz"), "active_id" in kept), ("Asia/Tokyo", False), door_class.__name__)

    def test_the_routes_name_a_job_by_id_or_uuid_and_nothing_else(self):
        status = self.door.submit([create("A")])
        self.assertEqual(self.door.call("status", uuid=status["uuid"]), status)
        for params in (
            {},
            {"job_id": None},
            {"job_id": str(status["job_id"])},
            {"uuid": 5},
            {"job_id": True},
            {"job_id": [status["job_id"]]},
        ):
            with self.subTest(params=params), self.assertRaises(Refused) as caught:
                self.door._jsonrpc("/batch/v1/status", params, self.door.headers)
            self.assertIn("job_id", caught.exception.message)
        for params in (
            {"job_id": 2**31 - 1},
            {"job_id": 10**12},
            {"job_id": 0},
            {"job_id": -4},
            {"job_id": 10**30},
            {"uuid": "no-such-uuid"},
        ):
            with self.subTest(params=params), self.assertRaises(Refused) as caught:
                self.door._jsonrpc("/batch/v1/status", params, self.door.headers)
            self.assertTrue(caught.exception.name.endswith("MissingError"), caught.exception.name)
            self.assertEqual(caught.exception.message, "There is no such batch job.")
        self.assertRefused(self.door.call, "status", status["job_id"], name="UserError", colour="red")
        self.assertRefused(self.door.call, "append", status["job_id"], name="UserError", operation=[])

    def test_record_verbs_take_one_job_at_a_time(self):
        first, second = (self.door.submit([create("A")])["job_id"] for _n in range(2))
        door = JsonRpcDoor(self.user)
        for ids in ([first, second], []):
            with self.assertRaises(Refused):
                door.execute_kw("batch.job", "status", [ids])


class TestCredentials(ApiCase):
    def test_no_key_a_wrong_key_and_an_archived_user_get_in_nowhere(self):
        with self.committed() as env:
            gone = self.new_user(env, "batch-archived", "base.group_user", "batch_executor.group_batch_user")
        archived_session = SessionDoor(gone)
        with self.committed() as env:
            env["res.users"].browse(gone.id).active = False
        before = self.count_jobs()
        nobody = Someone(self.user.id, self.user.login, "")
        wrong = Someone(self.user.id, self.user.login, "0123456789abcdef" * 2)
        for someone in (nobody, wrong, gone):
            for door_class in (RouteDoor, Json2Door, JsonRpcDoor, XmlRpcDoor):
                with self.subTest(someone=someone.key and someone.login, door=door_class.__name__):
                    with self.assertRaises(Refused) as caught:
                        door_class(someone).submit([create("Never")])
                    self.assertNotIn("Traceback", caught.exception.message)
        with self.assertRaises(Refused) as caught:
            archived_session.submit([create("Never")])
        self.assertEqual(caught.exception.status, 100)
        self.assertEqual(self.count_jobs(), before)

    def test_refusals_at_the_route_look_like_401(self):
        for someone in (Someone(0, "x", "wrong" * 8), Someone(0, "x", "")):
            error = self.assertRefused(RouteDoor(someone).call, "status", 1)
            self.assertRegex(error.name, "Unauthorized|AccessDenied|SessionExpired")
        response = Json2Door(self.user).http.post(
            f"{base_url()}/json/2/batch.job/submit", json={"operations": []}, timeout=20
        )
        self.assertEqual(response.status_code, 401)

    def test_a_database_that_is_gone_just_then_refuses_nobody(self):
        """As when PostgreSQL crashes: the key was not found wrong, it was not found out."""
        with ThreadPoolExecutor(1) as pool:
            # a session is looked up before Odoo takes errors for refusals
            unavailable = "werkzeug.exceptions.ServiceUnavailable"
            for door_class, error in ((RouteDoor, unavailable), (Json2Door, unavailable), (SessionDoor, "psycopg2.InterfaceError")):
                door = door_class(self.user)
                with self.subTest(door=door_class.__name__), self.registry.cursor() as cr:
                    cr.execute("LOCK TABLE res_users_apikeys, res_users")
                    answer = pool.submit(door.call, "status", 1)
                    self.wait_until(self._end_whoever_waits)
                    cr.rollback()
                    with self.assertRaises(Refused) as refused:
                        answer.result(PATIENCE_S)
                    self.assertEqual(refused.exception.name, error)

    def _end_whoever_waits(self):
        return self.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%%res_users%%'"
        )

    def test_a_key_is_one_header_and_one_call(self):
        door = RouteDoor(self.user)
        status = door.submit([create("A")])
        self.assertEqual(status["state"], "pending")
        self.assertFalse(door.http.cookies, "no session is opened")
        headers = {**door.headers, "X-Odoo-Database": self.registry.db_name}
        self.assertEqual(door._jsonrpc("/batch/v1/status", {"job_id": status["job_id"]}, headers), status)

    def test_a_session_works_without_any_key(self):
        door = SessionDoor(self.user)
        status = door.submit([create("A")])
        self.assertEqual(door.call("status", status["job_id"])["uuid"], status["uuid"])
        with self.committed() as env:
            self.assertEqual(env["batch.job"].browse(status["job_id"]).user_id.id, self.user.id)

    def test_a_route_takes_json_by_post_only(self):
        door = RouteDoor(self.user)
        url = f"{base_url()}/batch/v1/submit"
        self.assertEqual(door.http.get(url, headers=door.headers, timeout=20).status_code, 405)
        for content_type in ("text/plain", "application/x-www-form-urlencoded"):
            response = door.http.post(
                url,
                data=json.dumps({"params": {"operations": [create("A")]}}),
                headers={**door.headers, "Content-Type": content_type},
                timeout=20,
            )
            self.assertIn(response.status_code, (400, 415), content_type)


class TestEnvironmentDoor(ApiCase):
    def test_superuser_code_submits_as_its_user(self):
        with self.committed() as env:
            status = api.Environment(env.cr, self.user.id, {}, su=True)["batch.job"].submit([create("As user")])
            self.assertEqual(env["batch.job"].browse(status["job_id"]).user_id.id, self.user.id)
