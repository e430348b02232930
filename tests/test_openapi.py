"""The description of the API that machines read says what requests are read by, and what is answered."""

import copy
import inspect
import json
import re

import requests

from odoo.modules.module import Manifest
from odoo.tests.common import BaseCase

from odoo.addons.batch_executor.engine.openapi import as_text, description
from odoo.addons.batch_executor.engine.options import QUEUED_ONLY, READERS
from odoo.addons.batch_executor.engine.problems import UNSAYABLE, Problems
from odoo.addons.batch_executor.engine.reader import absent
from odoo.addons.batch_executor.engine.spec import KNOWN, parse_operations
from odoo.addons.batch_executor.engine.values import texts_in
from odoo.addons.batch_executor.engine.verbs import MAX_LIMIT, VERBS
from odoo.addons.batch_executor.models.batch_job_verbs import BatchJob

from . import docs
from .api_case import ApiCase
from .case import BatchCase, create
from .described import differences, fitting, with_whole_numbers
from .doors import Json2Door, Refused, base_url
from .extras import is_installed, needs
from .properties import given, st

if is_installed("schemathesis"):
    import schemathesis

    def examples_of(name):
        """Values as the schema of this name describes them."""
        body = {"required": True, "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}}
        route = {"post": {"requestBody": body, "responses": {"200": {"description": "Done."}}}}
        api = schemathesis.openapi.from_dict({**description("0"), "paths": {"/": route}})
        return api["/"]["POST"].as_strategy().map(lambda case: with_whole_numbers(case.body))

else:
    examples_of = st

SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.floats(allow_nan=False) | st.text(max_size=3) | st.just("a.b")
JSON = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(st.sampled_from(["id", "$ref", "index"]), SCALARS, max_size=2)


def spelt_out(rule):
    """The paths of a route: one for each of several words that a part of it may be."""
    words = re.search(r"<any\(([^)]*)\):\w+>", rule)
    if not words:
        return [re.sub(r"<(\w+)>", r"{\1}", rule)]
    return [path for word in words[1].split(",") for path in spelt_out(rule.replace(words[0], word.strip(), 1))]


def is_sayable(value):
    """Whether a value has no text with characters that are refused everywhere, which no schema says."""
    return not UNSAYABLE.search("".join(texts_in(value)))


def problems_of(operation):
    """What the engine says of the shape of an operation, as texts."""
    problems = Problems()
    parse_operations([operation], problems)
    return problems.lines()


@needs("schemathesis")
class TestDescribedOperations(BaseCase):
    """The engine reads operations and options as they are described."""

    @given(examples_of("Operation"), max_examples=60, derandomize=True)
    def test_what_is_described_is_accepted(self, operation):
        if is_sayable(operation):
            self.assertEqual(problems_of(fitting(operation)), [], operation)

    @given(examples_of("Operation"), st.data(), max_examples=100, derandomize=True)
    def test_what_is_accepted_is_described(self, operation, data):
        operation = fitting(copy.deepcopy(operation))
        key = data.draw(st.sampled_from(sorted(operation)))
        operation[key] = data.draw(JSON)
        if not problems_of(operation):
            given = {key: value for key, value in operation.items() if not absent(value)}
            self.assertEqual(differences("Operation", given), [], given)

    @given(st.sampled_from(sorted(READERS)), JSON, max_examples=300, derandomize=True)
    def test_options_that_are_accepted_are_described(self, name, value):
        try:
            READERS[name].read(value)
        except ValueError:
            return
        self.assertEqual(differences("SubmitParams", {name: value}), [])

    @given(examples_of("SubmitParams"), max_examples=20, derandomize=True)
    def test_options_that_are_described_are_accepted(self, params):
        for name in READERS.keys() & params.keys():
            if is_sayable(params[name]):
                READERS[name].read(params[name])


class TestDescription(BaseCase):
    def test_the_page_is_as_served(self):
        served = description(Manifest.for_addon("batch_executor").version)
        self.assertEqual(docs.read("docs/openapi.json"), as_text(served), "it is renewed by scripts/openapi")

    def test_parameters_are_those_of_the_verbs(self):
        for name, verb in VERBS.items():
            parameters = inspect.signature(getattr(BatchJob, name)).parameters
            own = {parameter for parameter in parameters if parameter not in ("self", "options")}
            if "options" in parameters:
                own |= READERS.keys() - (QUEUED_ONLY if name == "execute" else ())
            self.assertEqual(verb.parameters.keys(), own, name)

    def test_every_key_of_an_operation_is_described(self):
        schemas = description("0")["components"]["schemas"]
        kinds = [schemas[one["$ref"].rpartition("/")[2]] for one in schemas["Operation"]["oneOf"]]
        described = {key for kind in kinds for form in kind.get("oneOf", [kind]) for key in form["properties"]}
        self.assertEqual(described, KNOWN)

    def test_every_reference_leads_to_a_schema(self):
        whole = description("0")
        text = json.dumps(whole)
        for part, named in whole["components"].items():
            for name in named:
                if part != "securitySchemes":
                    self.assertIn(f'"#/components/{part}/{name}"', text, "nothing refers to it")


class TestDescribedParameters(BatchCase):
    def test_bounds_of_pages(self):
        job = self.jobs.browse(self.jobs.submit([create("A")])["job_id"])
        for name in ("offset", "limit"):
            schema = VERBS["failures"].parameters[name]
            for value in (schema["minimum"], MAX_LIMIT + 1, schema["maximum"]):
                job.failures(**{name: value})
            for value in (schema["minimum"] - 1, schema["maximum"] + 1):
                with self.assertRaisesRegex(Exception, "whole number"):
                    job.failures(**{name: value})


class TestDescribedAnswers(ApiCase):
    """The doors of these tests hold each answer to a verb against the description; here are those that are seldom seen."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.json2 = Json2Door(cls.user)

    def test_the_description_is_served_to_anybody(self):
        response = requests.get(f"{base_url()}/batch/v1/openapi.json", timeout=60)
        self.assertEqual(response.status_code, 200, response.text[:300])
        self.assertEqual(response.headers["Content-Type"], "application/json; charset=utf-8")
        self.assertEqual(response.text, json.dumps(json.loads(docs.read("docs/openapi.json")), ensure_ascii=False))

    def test_entries_of_all_types(self):
        load = {"operation_type": "load", "model": "res.partner", "fields": ["name"], "row_numbers": [2, 3], "data": [["L"], [""]]}
        for door in (self.door, self.json2):
            status = door.submit(
                [
                    create("A", False, "B", operation_id="made", return_ids=False),
                    create("C", operation_id="one"),
                    {"operation_type": "upsert", "model": "res.partner", "key": "name", "data": [{"name": "A"}]},
                    {"operation_type": "update", "model": "res.partner", "data": [{"id": {"$ref": "one", "index": 0}, "ref": "x"}]},
                    {"operation_type": "call", "model": "res.partner", "method": "open_commercial_entity", "record_ids": {"$ref": "one"}},
                    {"operation_type": "call", "model": "res.partner", "method": "search_count", "args": [[]]},
                    {"operation_type": "delete", "model": "res.partner", "record_ids": {"$ref": "one"}},
                    load,
                ],
                track_changes=True,
            )
            self.work()
            for outcomes in (False, True):
                result = door.call("result", status["job_id"], outcomes=outcomes)
            self.assertEqual(result["stats"]["failed_records"], 2)
            self.assertTrue(result["stats"]["warnings"])
            failures = door.call("failures", status["job_id"])["failures"]
            self.assertEqual([failure.get("row") for failure in failures], [None, 3])
            self.assertTrue(door.call("warnings", status["job_id"])["warnings"])
            self.assertTrue(door.call("changes", status["job_id"])["changes"])
            self.assertTrue(door.call("undo", status["job_id"])["origin_job_id"])
            self.work()

    def test_every_route_is_described_and_every_described_one_is_there(self):
        described = {path for path in description("0")["paths"] if path.startswith("/batch/")}
        found = set()
        with self.committed() as env:
            for rule in env["ir.http"].routing_map().iter_rules():
                if rule.rule.startswith("/batch/v1/"):
                    found |= set(spelt_out(rule.rule))
        # neither is for callers of the API
        self.assertEqual(found - {"/batch/v1/openapi.json", "/batch/v1/metrics"}, described)

    def test_at_once_with_changes(self):
        for door in (self.door, self.json2):
            self.assertTrue(door.execute([create("A")], track_changes=True)["changes"])

    def test_refusals(self):
        with self.assertRaises(Refused) as caught:
            self.door.submit([{"operation_type": "nonsense"}], quiet="perhaps")
        self.assertEqual(len(caught.exception.problems), 3)
        for problem in caught.exception.problems:
            self.assertEqual(differences("Problem", problem), [])
