"""Requests made up from the description, good ones and bad ones: a real server answers each of them as described, and never fails."""

import copy

import requests

from odoo.tests.common import get_db_name

from odoo.addons.batch_executor.engine.openapi import description
from odoo.addons.batch_executor.engine.verbs import VERBS

from .api_case import ApiCase
from .case import PATIENCE_S, create
from .doors import base_url
from .extras import is_installed, needs
from .properties import given

if is_installed("schemathesis"):
    import schemathesis
    from schemathesis import GenerationMode
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import (
        content_type_conformance,
        response_schema_conformance,
        status_code_conformance,
    )

    CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]

#: Requests to each route, of each kind.
EXAMPLES = 4
MODELS = ["res.partner", "mail.thread", "no.such.model"]
METHODS = ["read", "write", "action_archive", "search_count", "has_access", "copy", "_write", "no_such_method"]
TEXT = {"anyOf": [{"type": "string"}, {"const": False}]}


@needs("schemathesis")
class TestSchemathesis(ApiCase):
    @classmethod
    def set_up_data(cls, env):
        super().set_up_data(env)
        cls.partners = env["res.partner"].create([{"name": f"Made up {number}"} for number in range(5)]).ids

    def setUp(self):
        super().setUp()
        bad = create("A", False, "B")
        finished = [self.door.submit([bad], **options) for options in ({}, {"track_changes": True}, {"dry_run": True})]
        self.work()
        waiting = [self.door.submit([bad], **options) for options in ({"draft": True}, {"run_at": "2099-01-01"}, {})]
        self.door.call("pause", waiting[-1]["job_id"])
        self.jobs = [*finished, *waiting]
        self.http = requests.Session()

    def tamed(self):
        """The description of the same requests about the records of this test: others stay as they are."""
        tamed = copy.deepcopy(description("0"))
        schemas = tamed["components"]["schemas"]
        schemas["JobId"] = {"enum": [*(job["job_id"] for job in self.jobs), 2**31 - 1]}
        schemas["JobUuid"] = {"enum": [*(job["uuid"] for job in self.jobs), "nobody's"]}
        schemas["Id"] = {"enum": [*self.partners, 2**31 - 1]}
        schemas["Domain"] = {"enum": [[["id", "in", self.partners]], [["id", "=", self.partners[0]]], [["nope", "=", 1]], ["&"]]}
        for values in (schemas["Values"], schemas["ValuesWithId"]):
            values["additionalProperties"] = False
            values["properties"] = {
                **values.get("properties", {}), "name": TEXT, "ref": TEXT, "type": TEXT, "parent_id": schemas["Ids"], "no_field": {},
            }  # fmt: skip
        self.tame(schemas)
        return tamed

    def tame(self, schema):
        if isinstance(schema, dict):
            for name, values in (("model", MODELS), ("method", METHODS)):
                if name in schema.get("properties", {}):
                    schema["properties"][name] = {"enum": values}
            schema = list(schema.values())
        if isinstance(schema, list):
            for part in schema:
                self.tame(part)

    def test_good_requests(self):
        self.send_all(GenerationMode.POSITIVE)

    def test_bad_requests(self):
        self.send_all(GenerationMode.NEGATIVE)

    def send_all(self, mode):
        count = 0
        for found in schemathesis.openapi.from_dict(self.tamed()).get_all_operations():
            operation = found.ok()

            @given(operation.as_strategy(generation_mode=mode), max_examples=EXAMPLES, derandomize=True)
            def answer(case):
                self.send(case, keep=mode is GenerationMode.POSITIVE)

            with self.subTest(operation.label):
                answer()
                count += 1
        self.assertGreaterEqual(count, 2 * len(VERBS))

    def send(self, case, keep):
        """Send a request, and check what comes back.

        :param keep: what it does at once may stay in the database
        """
        params = case.body.get("params", case.body) if isinstance(case.body, dict) else {}
        if isinstance(params, dict):
            if "wait" in params and not isinstance(params["wait"], str):
                params["wait"] = 0.01
            if "execute" in case.operation.path and not keep:
                params["dry_run"] = True
        headers = {"Authorization": f"Bearer {self.user.key}", "X-Odoo-Database": get_db_name()}
        response = case.call(base_url=base_url(), session=self.http, headers=headers, timeout=PATIENCE_S)
        case.validate_response(response, checks=CHECKS)
