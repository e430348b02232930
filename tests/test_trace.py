"""A job keeps the trace of the request that has submitted it."""

import requests

from odoo.tests.common import BaseCase

from odoo.addons.batch_executor.engine.trace import read_traceparent, trace_id

from .api_case import ApiCase
from .case import PATIENCE_S, create
from .doors import DOORS, RouteDoor, base_url

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"
OTHER = f"00-{TRACE[::-1]}-{PARENT}-00"


class TestTraceparent(BaseCase):
    def test_a_valid_header_is_kept(self):
        for flags in ("00", "01", "03"):
            self.assertEqual(read_traceparent(f"00-{TRACE}-{PARENT}-{flags}"), f"00-{TRACE}-{PARENT}-{flags}")
        self.assertEqual(read_traceparent(f" {TRACEPARENT} "), TRACEPARENT)
        self.assertEqual(trace_id(TRACEPARENT), TRACE)

    def test_one_of_a_later_version_is_read_as_far_as_it_is_known(self):
        for text in (f"01-{TRACE}-{PARENT}-01", f"cc-{TRACE}-{PARENT}-ff-what-the-future-will-be-like"):
            self.assertEqual(read_traceparent(text), TRACEPARENT)
        self.assertEqual(read_traceparent(f"01-{TRACE}-{PARENT}-fe"), f"00-{TRACE}-{PARENT}-00")

    def test_one_that_is_not_valid_is_ignored(self):
        for text in (
            None, "", "00", f"ff-{TRACE}-{PARENT}-01", f"{TRACEPARENT}-more", f"01-{TRACE}-{PARENT}-01more", TRACEPARENT.upper(),
            f"00-{'0' * 32}-{PARENT}-01", f"00-{TRACE}-{'0' * 16}-01", f"00-{TRACE[1:]}-{PARENT}-01", f"{TRACEPARENT},{OTHER}",
            f"00-{TRACE}-{PARENT}-0g", f"{TRACEPARENT}\nx",
        ):  # fmt: skip
            self.assertIsNone(read_traceparent(text), text)


class TestTrace(ApiCase):
    def test_each_door_keeps_it(self):
        for door_class in DOORS:
            with self.subTest(door=door_class.__name__):
                door = door_class(self.user)
                self.assertIs(door.submit([create("A")])["traceparent"], False)
                door.http.headers["traceparent"] = TRACEPARENT
                job_id = door.submit([create("A")])["job_id"]
                door.http.headers["traceparent"] = OTHER
                self.assertEqual(door.call("status", job_id)["traceparent"], TRACEPARENT)
                self.assertIs(door.execute([create("A")])["traceparent"], False)

    def test_a_file_keeps_it(self):
        answer = requests.post(
            base_url() + "/batch/v1/import?model=res.partner", data="name\nA\n", timeout=PATIENCE_S,
            headers={**self.door.headers, "Content-Type": "text/csv", "traceparent": TRACEPARENT},
        )  # fmt: skip
        self.assertEqual(answer.json()["traceparent"], TRACEPARENT, answer.text)

    def test_one_that_is_not_valid_is_no_fault(self):
        self.door.http.headers["traceparent"] = TRACEPARENT + "\t-x"
        self.addCleanup(self.door.http.headers.pop, "traceparent")
        self.assertIs(self.door.submit([create("A")])["traceparent"], False)

    def test_a_plan_that_is_run_for_real_belongs_to_the_request_that_does_so(self):
        door = RouteDoor(self.user)
        door.http.headers["traceparent"] = OTHER
        plan = door.submit([create("A")], dry_run=True)["job_id"]
        self.work()
        door.http.headers["traceparent"] = TRACEPARENT
        self.assertEqual(door.call("apply", plan)["traceparent"], TRACEPARENT)
        self.assertEqual(door.call("status", plan)["traceparent"], OTHER)
