"""Requests made up from the description, good ones and bad ones: a real server answers each of them as described, and never fails."""

import copy
import itertools

import requests

from odoo.tests.common import get_db_name

from odoo.addons.batch_executor.engine.openapi import description
from odoo.addons.batch_executor.engine.verbs import VERBS

from .api_case import ApiCase
from .case import PATIENCE_S, create
from .described import fitting, with_whole_numbers
from .doors import base_url
from .extras import is_installed, needs
from .properties import given

if is_installed("schemathesis"):
    import schemathesis
    from hypothesis import Phase
    from schemathesis import GenerationMode
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import (
        content_type_conformance,
        response_schema_conformance,
        status_code_conformance,
    )

    CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]

#: Good and bad requests to each route, and to those that take operations.
EXAMPLES, MORE_EXAMPLES = 2, 8
TEXT = {"anyOf": [{"type": "string"}, {"const": False}]}
#: What some keys hold in made up requests, so that enough of them are accepted.
LIKELY = {
    "model": ["res.partner"],
    "method": ["read", "write", "action_archive", "search_count", "has_access", "copy"],
    "group_by": ["parent_id", "ref"],
    "key": [["ref"], "name", ["parent_id", "ref"]],
    "fields": [["name"], ["name", "ref"], ["id", "name"]],
    "track_fields": [["comment"], ["ref", "comment"]],
    "context": [{}, {"lang": "en_US"}, {"tracking_disable": True}],
    "depends_on": [[]],
    "on_complete": [False],
    "run_at": ["2099-01-01T00:00:00Z"],
    "wait": [0, 0.01],
}
#: JSON lines, and a CSV.
FILES = ('{"name": "Made up", "ref": "file"}\n', "name,ref\nMade up,file\n")
#: Any name: of a job, of an operation.
NAME = {"type": "string", "pattern": "^[a-z]{5,9}$"}


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
        self.jobs, self.draft = [*finished, *waiting], waiting[0]
        self.http = requests.Session()
        self.done = 0

    def tamed(self):
        """The description of the same requests about the records of this test: others stay as they are."""
        tamed = copy.deepcopy(description("0"))
        schemas = tamed["components"]["schemas"]
        schemas["JobId"] = {"enum": [*(job["job_id"] for job in self.jobs), 2**31 - 1]}
        schemas["JobUuid"] = {"enum": [*(job["uuid"] for job in self.jobs), "nobody's"]}
        schemas["Id"] = {"enum": [*self.partners, 2**31 - 1]}
        schemas["Ids"] = {"type": "array", "items": schemas["Id"], "maxItems": 3}
        schemas["Domain"] = {"enum": [[["id", "in", self.partners]], [["id", "=", self.partners[0]]]]}
        for values in (schemas["Values"], schemas["ValuesWithId"]):
            values["additionalProperties"] = False
            values["properties"] = {
                **values.get("properties", {}), "name": TEXT, "ref": TEXT, "type": TEXT, "parent_id": schemas["Id"],
            }  # fmt: skip
        for name, schema in schemas.items():
            if name.endswith(("Operation", "Params", "Body")):
                self.tame(schema)
        for item in tamed["paths"].values():
            for operation in item.values():
                operation["security"] = []
                for parameter in operation["parameters"]:
                    if parameter.get("name") in LIKELY and "schema" in parameter:
                        parameter["schema"] = {"enum": LIKELY[parameter["name"]]}
        return tamed

    def tame(self, schema):
        if isinstance(schema, dict):
            properties = schema.get("properties", {})
            for name in properties:
                if name in LIKELY:
                    properties[name] = {"enum": LIKELY[name]}
                elif properties[name].get("pattern") == r"\S":
                    properties[name] = NAME
                elif name == "operations":
                    properties[name] |= {"minItems": 1, "maxItems": 2}
                    schema["required"] = sorted({*schema["required"], name})
            schema = list(schema.values())
        if isinstance(schema, list):
            for part in schema:
                self.tame(part)

    def test_good_requests(self):
        self.send_all(GenerationMode.POSITIVE)
        self.assertGreater(self.done, 2 * len(VERBS), "most of them should be about something")

    def test_bad_requests(self):
        self.send_all(GenerationMode.NEGATIVE)

    def send_all(self, mode):
        count = 0
        for found in schemathesis.openapi.from_dict(self.tamed()).get_all_operations():
            operation = found.ok()
            examples = MORE_EXAMPLES if operation.label.rpartition("/")[2] in ("submit", "execute", "append") else EXAMPLES

            @given(operation.as_strategy(generation_mode=mode), max_examples=examples, phases=[Phase.generate], derandomize=True)
            def answer(case):
                self.send(case, is_good=mode is GenerationMode.POSITIVE)

            with self.subTest(operation.label):
                answer()
                count += 1
        self.assertGreaterEqual(count, 2 * len(VERBS))

    def send(self, case, is_good):
        """Send a request, and check what comes back."""
        params = case.body.get("params", case.body) if isinstance(case.body, dict) else {}
        if is_good and "append" in case.path:
            places = (params, case.path_parameters)
            for place, key in itertools.product(places, ("job_id", "uuid")):
                if key in place:
                    place[key] = self.draft[key]
            if "ids" in params:
                params["ids"] = [self.draft["job_id"]]
        if is_good and isinstance(case.body, str):
            case.body = FILES[case.media_type.endswith("csv")]
        elif is_good and isinstance(case.body, dict):
            for operation in params.get("operations", ()):
                fitting(operation)
            case.body = with_whole_numbers(case.body)
        elif isinstance(params, dict):
            if isinstance(params.get("wait"), (int, float)):
                params["wait"] = 0.01
            if "execute" in case.path:
                params["dry_run"] = True  # its ids may be of any records
        headers = {"Authorization": f"Bearer {self.user.key}", "X-Odoo-Database": get_db_name()}
        response = case.call(base_url=base_url(), session=self.http, headers=headers, timeout=PATIENCE_S)
        case.validate_response(response, checks=CHECKS)
        answer = response.json() if is_good and response.headers["content-type"][0].startswith("application/json") else None
        self.done += isinstance(answer, dict) and response.status_code == 200 and not answer.get("error")
