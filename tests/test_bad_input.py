"""Broken input, by every door: a problem that tells what to mend, never an error of the server; and what is stored stays readable."""

import json
import re
from unittest.mock import patch

from odoo.exceptions import MissingError

from ..engine.problems import sayable
from .api_case import ApiCase
from .case import create
from .doors import DOORS, Json2Door, JsonRpcDoor, Refused, RouteDoor, SessionDoor, XmlRpcDoor, base_url

LONE, NUL, LONG = "\ud800", "\x00", "m" * 300_000
#: Bytes that any refusal fits into: what was sent by mistake does not come back.
ANSWER = 40_000
DEEP = 60_000


def nested(depth):
    return "[" * depth + "]" * depth


#: What is refused: operations, options, and what the answer must say.
REFUSED = {
    "a key with a lone surrogate": ([create("A", **{LONE: 1})], {}, "unknown key"),
    "a field with one": ([create(), {**create(), "data": [{LONE: "x"}]}], {}, "has no field"),
    "a model with one": ([create("A", model=LONE)], {}, "technical name of a model"),
    "an operation_id with one": ([create("A", operation_id=LONE)], {}, "operation_id must be a text"),
    "an option with one": ([create("A")], {LONE: 1}, "unknown option"),
    "a language with one": ([create("A")], {"context": {"lang": LONE}}, "there is no language"),
    "an operation's language with one": ([create("A", context={"lang": LONE})], {}, "there is no language"),
    "a field in a domain with one": (
        [{"operation_type": "delete", "model": "res.partner", "domain": [[LONE, "=", "x"]]}], {}, "not a valid domain",
    ),
    "a reference with one": ([create({"$ref": LONE})], {}, "there is no operation"),
    "a key with NUL": ([create("A", **{f"a{NUL}b": 1})], {}, "unknown key"),
    "a method with NUL": ([{"operation_type": "call", "model": "res.partner", "method": f"a{NUL}"}], {}, "method must be"),
    "a language that is a list": ([create("A")], {"context": {"lang": ["x"]}}, "there is no language"),
    "an operation's language that is an object": ([create("A", context={"lang": {"a": 1}})], {}, "there is no language"),
    "a time zone that is a number": ([create("A")], {"context": {"tz": 5}}, "time zone"),
    "companies that are a text": ([create("A")], {"context": {"allowed_company_ids": "1"}}, "allowed_company_ids"),
    "a model of 300 kB": ([create("A", model=LONG)], {}, "technical name of a model"),
    "an operation_id of 300 kB": ([create("A", operation_id=LONG)], {}, "256"),
    "a key of 300 kB": ([create("A", **{LONG: 1})], {}, "unknown key"),
    "a field of 300 kB": ([{**create(), "data": [{LONG: 1}]}], {}, "has no field"),
    "a dependency of 300 kB": ([create("A", depends_on=[LONG])], {}, "depends_on"),
    "a reference of 300 kB": ([create({"$ref": LONG})], {}, "there is no operation"),
    "an option of 300 kB": ([create("A")], {LONG: 1}, "unknown option"),
    "an idempotency key of 300 kB": ([create("A")], {"idempotency_key": LONG}, "256"),
    "a server action of 300 kB": ([create("A")], {"on_complete": f"{LONG}.x"}, "server action"),
    "operations that are an object": ({"a": 1}, {}, "list of objects"),
    "operations that are a text": ("abc", {}, "list of objects"),
    "operations in a list": ([[[]]], {}, "must be an object"),
    "a type that is a list": ([create("A", operation_type=["create"])], {}, "operation_type"),
    "a huge id": ([{"operation_type": "delete", "model": "res.partner", "data": ["9" * 40]}], {}, "whole number"),
    "values nested too deeply": ([create(json.loads(nested(300)))], {}, "nested too deeply"),
    "an operation's context nested too deeply": ([create("A", context={"a": json.loads(nested(300))})], {}, "nested too deeply"),
    "a context nested too deeply": ([create("A")], {"context": {"a": json.loads(nested(300))}}, "nested too deeply"),
    "a domain nested too deeply": (
        [{"operation_type": "delete", "model": "res.partner", "domain": json.loads(nested(300))}], {}, "nested too deeply",
    ),
    "a reference by a huge index": ([create("A", operation_id="a"), create({"$ref": "a", "index": 2**31})], {}, "whole number"),
    "half a domain": ([{"operation_type": "delete", "model": "res.partner", "domain": ["&", "|"]}], {}, "not a valid domain"),
}  # fmt: skip
#: What no XML can say.
NO_XML = frozenset(what for what, case in REFUSED.items() if re.search(r"\\ud800|\\u0000|2147483648", json.dumps(case)))


class TestBadInput(ApiCase):
    def test_broken_operations_and_options_are_problems_by_every_door(self):
        before = self.count_jobs()
        for door_class in DOORS:
            for what, (operations, options, text) in REFUSED.items():
                if door_class is XmlRpcDoor and what in NO_XML:
                    continue
                for verb in ("submit", "execute"):
                    if verb == "execute" and ("server action" in what or "idempotency" in what):
                        continue
                    with self.subTest(door=door_class.__name__, verb=verb, what=what):
                        self.assertProblem(door_class, verb, text, operations=operations, **options)
        self.assertEqual(self.count_jobs(), before)

    def assertProblem(self, door_class, verb, text, job_id=None, **params):
        door = door_class(self.user)
        error = self.assertRefused(door.call, verb, job_id, **params)
        self.assertIn(text, error.message)
        self.assertLess(len(error.raw), ANSWER)
        if door_class is not XmlRpcDoor:
            self.assertTrue(error.name.endswith("BatchValidationError"), error.name)
            self.assertIn(text, "\n".join(problem["message"] for problem in error.problems))
            self.assertEqual(error.status, 422 if door_class is Json2Door else 0)
        return error

    def test_append_says_the_same(self):
        job_id = self.door.submit([], draft=True)["job_id"]
        for what in ("a key with a lone surrogate", "a model of 300 kB", "operations that are a text"):
            operations, _options, text = REFUSED[what]
            self.assertProblem(RouteDoor, "append", text, job_id, operations=operations)
        self.assertProblem(RouteDoor, "append", "language", job_id, operations=[create("A")], context={"lang": ["x"]})

    def test_every_verb_refuses_a_context_that_can_not_be_used(self):
        job_id = self.door.submit([create("A")], run_at="2099-01-01")["job_id"]
        for door_class in DOORS:
            for verb in ("status", "result", "failures", "warnings", "cancel", "pause", "resume", "retry", "start"):
                for context, text in (({"lang": ["x"]}, "language"), ({"tz": []}, None), ({"tz": {"a": 1}}, "time zone")):
                    with self.subTest(door=door_class.__name__, verb=verb, context=context):
                        if text:
                            self.assertProblem(door_class, verb, text, job_id, context=context)
        for context in ([], [1], "", "x", 0, 5, 1.5, True):
            with self.subTest(context=context):
                self.assertProblem(RouteDoor, "status", "context must be an object", job_id, context=context)
                self.assertProblem(RouteDoor, "submit", "context must be an object", operations=[create()], context=context)
        for door_class in DOORS[2:]:
            for context in ([1], "x", 5):
                with self.subTest(door=door_class.__name__, context=context):
                    self.assertProblem(door_class, "status", "context must be an object", job_id, context=context)
        for context in (None, False, {}, {"self": 1, "overrides": 2}):
            self.assertEqual(self.door.call("status", job_id, context=context)["job_id"], job_id)

    def test_every_button_refuses_a_context_that_can_not_be_used(self):
        bad = {**create(), "data": [{"name": "Bad", "type": "nonsense"}]}
        job_id, other = self.run_job([bad])["job_id"], self.run_job([bad])["job_id"]
        with self.committed() as env:
            failures = env["batch.failure"].search([("job_id", "=", job_id)]).ids
        buttons = [("batch.job", f"action_{verb}", ids) for verb in ("start", "pause", "resume", "cancel", "retry") for ids in ([job_id], [job_id, other])]  # fmt: skip
        buttons += [("batch.failure", "action_retry", failures), ("batch.failure", "action_retry", list(range(1, 5_002)))]
        for door_class in (JsonRpcDoor, SessionDoor):
            for model, method, ids in buttons:
                with self.subTest(door=door_class.__name__, model=model, method=method, ids=len(ids)):
                    door = door_class(self.user)
                    error = self.assertRefused(door.execute_kw, model, method, [ids], {"context": {"lang": ["x"]}})
                    self.assertTrue(error.name.endswith("BatchValidationError"), error.name)
                    self.assertIn("there is no language", error.message)
            with self.subTest(door=door_class.__name__, method="write"):
                arguments = ("batch.failure", "write", [failures, {"message": "x"}], {"context": {"lang": ["x"]}})
                self.assertRefused(door_class(self.user).execute_kw, *arguments, name="BatchValidationError")

    def test_a_job_that_is_gone_is_told_to_the_superuser_too(self):
        with self.committed() as env:
            for verb in ("append", "start", "pause", "resume", "cancel", "retry"):
                with self.subTest(verb), self.assertRaisesRegex(MissingError, "no such batch job"):
                    getattr(env["batch.job"].browse(2**31 - 5), verb)()

    def test_what_is_no_job_or_no_parameter_is_told(self):
        for door_class in DOORS[2:]:
            for ids in ([2**40] if door_class is not XmlRpcDoor else [2**31 - 1], [-1], [0], [], [1, 2], ["x"], [None]):
                with self.subTest(door=door_class.__name__, ids=ids), self.assertRaises(Refused) as caught:
                    door = door_class(self.user)
                    if door_class is Json2Door:
                        door.named("batch.job", "status", {"ids": ids})
                    else:
                        door.execute_kw("batch.job", "status", [ids])
                self.assertLess(caught.exception.status, 500)
                self.assertRegex(caught.exception.message, "no such batch job|one job at a time|does not exist")
        for params in ({"uuid": NUL}, {"uuid": LONE}, {"uuid": LONG}, {"job_id": 1, LONE: 1}, {"job_id": 1, LONG: 1}):
            with self.subTest(params=list(params)), self.assertRaises(Refused) as caught:
                self.door.call("status", **params)
            self.assertRegex(caught.exception.name, "MissingError|UserError")
            self.assertLess(len(caught.exception.raw), ANSWER)

    def test_bodies_that_are_no_request(self):
        headers = {**self.door.headers, "Content-Type": "application/json"}
        bodies = [b'{"params": [1, 2]}', b'{"params": "x"}', b'{"params": null}', b'{"params": 5}']
        operations = '{"operations": [{"operation_type": "create", "model": "res.partner", "data": [{"name": %s}]}]}' % nested(DEEP)  # noqa: UP031
        bodies.append(b'{"params": %s}' % operations.encode())
        for body in bodies:
            response = self.door.http.post(f"{base_url()}/batch/v1/submit", data=body, headers=headers, timeout=60)
            error = response.json()["error"]["data"]
            self.assertEqual(response.status_code, 200)
            self.assertTrue(error["name"].endswith("BatchValidationError"), error["name"])
            self.assertIn("can't be read", error["arguments"][1][0]["message"])
        for body in (operations, '{"operations": [], "context": [1]}', '{"operations": [], "context": 5}'):
            response = self.door.http.post(f"{base_url()}/json/2/batch.job/submit", data=body, headers=headers, timeout=60)
            self.assertEqual(response.status_code, 422, response.text[:300])
            self.assertTrue(response.json()["name"].endswith("BatchValidationError"))

    def test_what_is_accepted_stays_readable_whatever_it_holds(self):
        cases = {
            "surrogate": '"a\\ud800b"', "NUL": '"a\\u0000b"', "control": '"a\\u0001\\uffffb"', "NaN": "NaN", "infinite": "-Infinity",
            "huge": "9" * 4000, "object": '{"a": {"b": [1]}}', "list": "[[1], {}]", "true": "true", "deep": nested(150),
        }  # fmt: skip
        headers = {**self.door.headers, "Content-Type": "application/json"}
        jobs = {}
        fields = ("name", "color", "parent_id", "category_id", "type", "partner_latitude", "active", "comment")
        for what, value in cases.items():
            rows = (f'{{"name": "x", "{field}": {value}}}' for field in fields)
            operations = ",".join(f'{{"operation_type": "create", "model": "res.partner", "data": [{row}]}}' for row in rows)
            body = f'{{"params": {{"context": {{"k\\ud800": "\\ud800"}}, "operations": [{operations}]}}}}'
            response = self.door.http.post(f"{base_url()}/batch/v1/submit", data=body, headers=headers, timeout=60)
            jobs[what] = response.json()["result"]["job_id"]
        self.work()
        doors = [door(self.user) for door in DOORS]
        for what, job_id in jobs.items():
            with self.subTest(what=what):
                for door in doors:
                    result = door.call("result", job_id)
                    failures = door.call("failures", job_id)
                    self.assertIn(result["state"], ("completed", "partial", "failed"))
                    self.assertEqual([entry["processed_records"] + entry["failed_records"] for entry in result["results"]], [1] * len(fields))
                    for failure in failures["failures"]:
                        self.assertReadable(failure["error"])
                        self.assertLess(len(failure["error"]), 13_000)
                        self.assertEqual(failure["error"], sayable(failure["error"], 13_000))
                self.assertFormsCanBeRead(job_id)

    def test_what_a_method_returned_is_carried_by_every_door(self):
        odd = {"a": f"x{LONE}{NUL}\uffff\x01", LONE: 2**40, "n": float("nan"), "deep": [[[2**31]]], "big": -(2**200), "t": b"\xff"}
        with patch.object(self.registry["res.partner"], "batch_odd", lambda partners: odd, create=True):
            operation = {"operation_type": "call", "model": "res.partner", "method": "batch_odd"}
            status = self.door.submit([operation])
            self.work()
            answers = [door(self.user).call("result", status["job_id"]) for door in DOORS]
            answers += [door(self.user).execute([operation]) for door in DOORS]
        for number, answer in enumerate(answers):
            value = answer["results"][0]["result"]
            is_xml = DOORS[number % len(DOORS)] is XmlRpcDoor
            self.assertEqual(value["a"], "x\\ud800\\u0000\\uffff\\u0001")
            self.assertEqual(value["\\ud800"], str(2**40) if is_xml else 2**40)
            self.assertEqual(value["deep"], [[[str(2**31) if is_xml else 2**31]]])
        deep = []
        for _level in range(300):
            deep = [deep]
        with patch.object(self.registry["res.partner"], "batch_odd", lambda partners: deep, create=True):
            [entry] = self.run_job([operation])["results"]
        self.assertFailsWith(entry, "no JSON form")

    def assertFormsCanBeRead(self, job_id):
        """What the backend shows of a job reaches the browser."""
        with self.committed(self.user.id) as env:
            job = env["batch.job"].browse(job_id)
            read = [
                job.read(["pretty_context", "failure_causes", "error"]),
                job.operation_ids.read(["pretty_details", "error"]),
                env["batch.failure"].search([("job_id", "=", job_id)]).read(["message", "values", "pretty_values"]),
            ]
        json.dumps(read, ensure_ascii=False).encode()
        for failure in read[2]:
            json.loads(failure["values"], parse_constant=self.fail)  # browsers do not know NaN

    def test_all_that_is_wrong_with_an_operation_is_said_at_once(self):
        for operation, keys in (
            ({"operation_type": "Create", "model": "res.partnr", "foo": 1}, ["foo", "model", "operation_type"]),
            ({"type": "create", "model": "res.partnr", "data": []}, ["model", "operation_type", "type"]),
            ({"operation_type": "create", "model": 5, "data": [{}], "priority": "x", "bar": 1}, ["bar", "model", "priority"]),
            ({"operation_type": "nope", "model": "res.partner", "context": {"lang": "xx"}}, ["context", "operation_type"]),
            ({"operation_type": "upsert", "model": "res.partnr", "data": [{}]}, ["key", "model"]),
            ({"operation_type": "create", "model": "ir.cron", "data": [{"nmae": 1}]}, ["data", "model"]),  # no right to it
        ):
            with self.subTest(operation=operation):
                error = self.assertRefused(self.door.submit, [operation, create("fine")])
                self.assertEqual(sorted(problem["key"] for problem in error.problems), keys, error.problems)

    def test_an_operation_that_is_no_good_is_still_known_to_the_others(self):
        operations = [create("A", operation_id="a", model="no.such"), create({"$ref": "a"}), create("B", operation_type="x")]
        error = self.assertRefused(self.door.submit, operations)
        self.assertEqual([problem["key"] for problem in error.problems], ["operation_type", "model"])
