"""A request larger than the server takes: each door says so, and `draft` with `append` is the way around."""

import json

from . import docs
from .api_case import ApiCase
from .case import create
from .doors import JsonRpcDoor, SessionDoor, base_url

MIB = 1 << 20
WAY_AROUND = (
    "The request has 2.0 MiB, the server takes 1.0 (system parameter web.max_file_upload_size). Send it in several"
)


class TestSize(ApiCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with cls.committed() as env:
            parameters = env["ir.config_parameter"]
            before = parameters.get_param("web.max_file_upload_size")
            parameters.set_param("web.max_file_upload_size", MIB)
        cls.addClassCleanup(cls._set_limit, before)

    @classmethod
    def _set_limit(cls, value):
        with cls.committed() as env:
            env["ir.config_parameter"].set_param("web.max_file_upload_size", value)

    def post(self, path, body, **headers):
        key = {"Authorization": f"Bearer {self.user.key}", "Content-Type": "application/json"}
        return self.door.http.post(base_url() + path, data=body, headers={**key, **headers}, timeout=60)

    def test_the_routes_name_the_limit_and_the_way_around(self):
        before = self.count_jobs()
        for door in (self.door, SessionDoor(self.user)):
            for verb, keys in (("submit", {}), ("append", {"job_id": 1}), ("execute", {})):
                error = self.assertRefused(door.call, verb, operations=[create("x" * 2 * MIB)], **keys)
                self.assertEqual((error.name, error.status), ("werkzeug.exceptions.RequestEntityTooLarge", 0))
                self.assertIn(WAY_AROUND, error.message)
        self.assertEqual(self.count_jobs(), before)
        told = error.message.partition(": ")[2].replace(" 2.0 ", " 130.2 ").replace(" 1.0 ", " 128.0 ").strip()
        self.assertIn(
            told, " ".join(docs.read("docs/api.md").replace("\n> ", " ").split()), "as the documentation has it"
        )

    def test_json_2_answers_with_status_413_and_the_same_words(self):
        response = self.post("/json/2/batch.job/submit", json.dumps({"operations": [create("x" * 2 * MIB)]}))
        self.assertEqual(response.status_code, 413)
        self.assertIn(WAY_AROUND, response.json()["message"])
        response = self.post("/json/2/res.partner/create", json.dumps({"vals_list": [{"name": "x" * 2 * MIB}]}))
        self.assertEqual(response.status_code, 413)
        self.assertNotIn("draft", response.json()["message"], "requests of others are not ours to explain")

    def test_the_generic_doors_say_what_odoo_says(self):
        error = self.assertRefused(JsonRpcDoor(self.user).submit, [create("x" * 2 * MIB)])
        self.assertEqual(error.name, "werkzeug.exceptions.RequestEntityTooLarge")
        response = self.post("/xmlrpc/2/object", "x" * 2 * MIB, **{"Content-Type": "text/xml"})
        self.assertEqual(response.status_code, 413)

    def test_without_a_key_nothing_is_told(self):
        response = self.post("/batch/v1/submit", "x" * 2 * MIB, Authorization="")
        self.assertNotIn("MiB", response.text)
        self.assertEqual(response.json()["error"]["code"], 100)

    def test_an_answer_comes_even_where_far_more_is_sent(self):
        error = self.assertRefused(self.door.submit, [create("x" * 40 * MIB)])
        self.assertIn("The request has 40.0 MiB", error.message)

    def test_a_draft_takes_in_pieces_what_one_request_can_not_hold(self):
        job_id = self.door.submit([], draft=True)["job_id"]
        comment = "x" * (MIB // 2)
        for name in ("First", "Second", "Third", "Fourth"):
            operation = {
                "operation_type": "create",
                "model": "res.partner",
                "data": [{"name": name, "comment": comment}],
            }
            self.door.call("append", job_id, operations=[operation])
        self.door.call("start", job_id)
        self.work()
        result = self.result_of(job_id)
        self.assertEqual(result["state"], "completed", result)
        ids = [record_id for entry in result["results"] for record_id in entry["result"]]
        self.assertEqual(self.names_of(ids), ["First", "Second", "Third", "Fourth"])
