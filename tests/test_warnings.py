"""What Odoo says without raising: told with its record, counted, and under `strict` a failure."""

import itertools

from odoo.tests.common import BaseCase

from ..run.warning import import_warning, warning_of
from .api_case import ApiCase
from .case import create
from .doors import DOORS, Refused, RouteDoor

WIZARD = {"type": "ir.actions.act_window", "name": "Create Backorder?", "res_model": "stock.backorder.confirmation"}
SAID = "Create Backorder?, stock.backorder.confirmation"
WARNING_KEYS = {"index", "record_id", "warning_type", "message"}
_numbers = itertools.count(1)


class WarningCase(ApiCase):
    @classmethod
    def set_up_data(cls, env):
        env["res.country.state"].create(
            [
                {"name": "Twice", "code": code, "country_id": env.ref(f"base.{country}").id}
                for code, country in (("XX1", "be"), ("XX2", "us"))
            ]
        )
        cls.partners_model = env.ref("base.model_res_partner").id

    def setUp(self):
        super().setUp()
        self.mark = f"warned-{next(_numbers)}"
        self.boss = RouteDoor(self.admin)

    def actions(self, *returned):
        """Ids of server actions: each makes a partner, then returns this."""
        with self.committed() as env:
            code = "env['res.partner'].create({'name': 'x', 'ref': '%s'})\naction = %r"
            return (
                env["ir.actions.server"]
                .create(
                    [
                        {"name": self.mark, "state": "code", "model_id": self.partners_model, "code": code % (self.mark, value)}
                        for value in returned
                    ]
                )
                .ids
            )

    def call(self, *returned, **keys):
        return {
            "operation_type": "call", "model": "ir.actions.server", "method": "run", "record_ids": self.actions(*returned),
            **keys,
        }  # fmt: skip

    def load(self, *names, **keys):
        """An import of rows, of which each named `?…` gets an ambiguous state."""
        rows = [[f"{self.mark}.{n}", name, "Twice" if name.startswith("?") else ""] for n, name in enumerate(names)]
        return {"operation_type": "load", "model": "res.partner", "fields": ["id", "name", "state_id"], "data": rows, **keys}  # fmt: skip

    def made(self):
        with self.committed() as env:
            return env["res.partner"].search_count([("ref", "=", self.mark)])

    def run_warned(self, operations, door=None, **options):
        """The result, after checking that all counts of warnings agree with those that are told."""
        door = door or self.boss
        result = self.run_job(operations, door, **options)
        told = door.call("warnings", result["job_id"])["warnings"]
        self.assertEqual(result["stats"]["warnings"], len(told))
        for entry in result["results"]:
            own = [{key: warning[key] for key in WARNING_KEYS} for warning in told if warning["operation_id"] == entry["operation_id"]]
            self.assertEqual((entry["warning_count"], entry["warnings"]), (len(own), own[:100]))
        with self.committed() as env:
            chunks = env["batch.chunk"].search([("job_id", "=", result["job_id"])])
            self.assertEqual(sum(chunks.mapped("warning_count")), len(told))
        return result


class TestWarnings(WarningCase):
    def test_an_action_that_was_returned_is_told_of_each_record_of_that_call(self):
        operations = [
            self.call(False, WIZARD, operation_id="asked"),
            self.call(False, False, operation_id="done"),
        ]
        result = self.run_warned(operations)
        asked, done = result["results"]
        self.assertEqual((asked["success"], asked["result"], self.made()), (True, True, 4))
        self.assertEqual(
            asked["warnings"],
            [
                {"index": index, "record_id": id_, "warning_type": "ActionReturned", "message": SAID}
                for index, id_ in enumerate(operations[0]["record_ids"])
            ],
        )
        self.assertEqual((done["warning_count"], done["warnings"], result["stats"]["warnings"]), (0, [], 2))

    def test_a_set_is_warned_of_and_refused_as_a_whole(self):
        for strict in (False, True):
            [entry] = self.run_warned([self.call(False, False, WIZARD, set=True, strict=strict)])["results"]
            self.assertEqual((entry["success"], entry["warning_count"]), (not strict, 0 if strict else 3))
            self.assertEqual([failure["error_type"] for failure in entry["failures"]], ["ActionReturned"] * 3 if strict else [])
        self.assertEqual(self.made(), 3)

    def test_what_only_shows_something_is_no_warning(self):
        harmless = [
            {"type": "ir.actions.act_window_close"},
            *({"type": "ir.actions.client", "tag": tag} for tag in ("display_notification", "reload", "soft_reload")),
        ]
        result = self.run_warned([self.call(value) for value in harmless])
        self.assertEqual(result["stats"]["warnings"], 0)

    def test_strict_fails_only_those_whose_call_returned_an_action(self):
        operation = self.call(*[False] * 5, WIZARD, *[False] * 6, WIZARD)
        result = self.run_warned([operation], strict=True, max_chunk_size=6)
        [entry] = result["results"]
        self.assertEqual((entry["state"], entry["processed_records"], entry["failed_records"]), ("partial", 11, 2))
        self.assertEqual([failure["index"] for failure in entry["failures"]], [5, 12])
        self.assertEqual((self.assertFailsWith(entry, SAID, index=5)["error_type"]), "ActionReturned")
        self.assertEqual((self.made(), result["stats"]["warnings"]), (11, 0))

    def test_an_operation_overrides_the_job_both_ways(self):
        for job, operation, state in ((True, False, "completed"), (False, True, "failed"), (True, None, "failed")):
            with self.subTest(job=job, operation=operation):
                result = self.run_warned([self.call(WIZARD, strict=operation)], strict=job)
                self.assertEqual(result["state"], state)
                self.assertEqual(result["stats"]["warnings"], int(state == "completed"))

    def test_a_selection_and_a_chunk_of_several_operations_are_as_strict(self):
        ids = self.actions(False, WIZARD)
        found = {
            "operation_type": "call", "model": "ir.actions.server", "method": "run", "domain": [["id", "in", ids]], "strict": True,
        }  # fmt: skip
        small = [self.call(value, strict=True) for value in (False, WIZARD, False)]
        result = self.run_warned([found, *small])
        self.assertEqual([entry["state"] for entry in result["results"]], ["partial", "completed", "failed", "completed"])

    def test_a_remark_of_the_import_is_told_with_its_row_and_field(self):
        result = self.run_warned([self.load("A", "?B", "C", "?D")], self.door)
        [entry] = result["results"]
        self.assertEqual((entry["success"], [warning["index"] for warning in entry["warnings"]]), (True, [1, 3]))
        warning = entry["warnings"][0]
        self.assertEqual((warning["record_id"], warning["warning_type"]), (entry["result"][1], "ImportWarning"))
        for text in ("state_id", "Twice", "2 matches"):
            self.assertIn(text, warning["message"])

    def test_strict_imports_all_rows_but_those(self):
        [entry] = self.run_warned([self.load("A", "?B", "C", "?D")], self.door, strict=True)["results"]
        self.assertEqual(([bool(id_) for id_ in entry["result"]], entry["warning_count"]), ([True, False, True, False], 0))
        self.assertEqual(self.assertFailsWith(entry, "state_id", "2 matches", index=3)["error_type"], "ImportWarning")

    def test_execute_says_the_same(self):
        for strict in (False, True):
            operations = [self.load("A", "?B", operation_id="rows")]
            queued = self.run_warned(operations, self.door, strict=strict)
            self.mark += "-inline"
            inline = self.door.execute([self.load("A", "?B", operation_id="rows")], strict=strict)
            for result in (queued, inline):
                for warning in result["results"][0]["warnings"]:
                    self.assertEqual(warning.pop("record_id"), result["results"][0]["result"][1])
            self.assertEqual(inline["results"][0]["warnings"], queued["results"][0]["warnings"])
            self.assertEqual(inline["results"][0]["warning_count"], 0 if strict else 1)
            self.assertEqual(inline["stats"], {**inline["stats"], "warnings": queued["stats"]["warnings"]})

    def test_what_was_undone_as_a_whole_keeps_its_warnings_but_names_no_record(self):
        bad = {**create(), "data": [{}]}
        for operations, options in (([self.load("?A")], {"dry_run": True}), ([self.load("?A"), bad], {"rollback": "job"})):
            with self.subTest(**options):
                queued, inline = self.run_warned(operations, self.door, **options), self.door.execute(operations, **options)
                for entry in (queued["results"][0], inline["results"][0]):
                    self.assertEqual((entry["warning_count"], entry["result"]), (1, [False]))
                    self.assertFalse(entry["warnings"][0]["record_id"])

    def test_what_is_run_again_starts_without_warnings(self):
        result = self.run_warned([self.load("?A"), {**create(), "data": [{}]}], self.door, rollback="job")
        with self.committed() as env:
            env["batch.failure"].search([("job_id", "=", result["job_id"])]).values = '{"name": "Mended"}'
        self.door.call("retry", result["job_id"])
        self.assertEqual(self.door.call("warnings", result["job_id"])["total"], 0)
        self.work()
        again = self.result_of(result["job_id"])
        self.assertEqual((again["state"], again["stats"]["warnings"], again["results"][0]["warning_count"]), ("completed", 1, 1))
        with self.committed() as env:
            self.assertEqual(env["batch.warning"].search_count([("job_id", "=", result["job_id"])]), 2)  # one is history

    def test_a_chunk_that_is_rolled_back_keeps_none(self):
        operation = self.load("?A", "B")
        operation["data"][1][1] = ""
        result = self.run_warned([operation], self.door, rollback="chunk")
        self.assertEqual((result["state"], result["stats"]["warnings"]), ("failed", 0))

    def test_more_than_a_hundred_are_paged(self):
        result = self.run_warned([self.load(*["?x"] * 130)], self.door)
        job_id = result["job_id"]
        self.assertEqual((result["results"][0]["warning_count"], len(result["results"][0]["warnings"])), (130, 100))
        for door_class in DOORS:
            door = door_class(self.user)
            page = door.call("warnings", job_id, offset=120, limit=5)
            self.assertEqual((page["total"], page["next_offset"]), (130, 125))
            self.assertEqual([warning["index"] for warning in page["warnings"]], list(range(120, 125)))
            self.assertFalse(door.call("warnings", job_id, offset=125)["next_offset"])
            with self.assertRaises(Refused):
                door.call("warnings", job_id, limit=0)
            with self.assertRaises(Refused):
                door_class(self.other).call("warnings", job_id)

    def test_only_the_submitter_and_managers_see_them_and_they_go_with_the_job(self):
        job_id = self.run_warned([self.load("?A")], self.door)["job_id"]
        domain = [("job_id", "=", job_id)]
        for someone, number in ((self.user, 1), (self.manager, 1), (self.other, 0)):
            with self.committed(someone.id) as env:
                self.assertEqual(env["batch.warning"].search_count(domain), number, someone.login)
        with self.committed(self.manager.id) as env:
            job = env["batch.job"].browse(job_id)
            self.assertEqual(env["batch.warning"].search(domain).job_id, job)
            job.unlink()
        with self.committed() as env:
            self.assertEqual(env["batch.warning"].search_count(domain), 0)


class TestWarningWords(BaseCase):
    class env:
        _ = staticmethod(lambda text: text)

    def test_what_is_returned_is_named_whatever_it_holds(self):
        for value, message in (
            (WIZARD, SAID),
            ({"type": "ir.actions.act_url", "url": "/x"}, "An action, /x"),
            ({"type": "ir.actions.client", "tag": "import", "name": "Import"}, "Import, import"),
            ({"type": "ir.actions.client", "tag": ["reload"], "name": "odd"}, "odd, ['reload']"),
            ({"type": "ir.actions.report", "name": "Label\x00\ud800"}, "Label\\u0000\\ud800, ir.actions.report"),
            ({"type": "ir.actions.server", "name": "x" * 5000}, "x" * 2000 + "…"),
        ):
            with self.subTest(value=value):
                warned = warning_of(value, self.env)
                self.assertEqual((warned.warning_type, warned.message), ("ActionReturned", message))
        for value in (None, True, [], [WIZARD], {}, {"type": 5}, {"type": "binary"}, "ir.actions.act_window"):
            self.assertIsNone(warning_of(value, self.env), value)

    def test_an_import_tells_field_and_hint(self):
        for moreinfo, text in (
            ("Use '1' for yes", "f: odd (Use '1' for yes)"),
            (["a", "b"], "f: odd (a, b)"),
            ({"name": "Possible Values", "help": "See all possible values"}, "f: odd (See all possible values)"),
            (None, "f: odd"),
        ):
            self.assertEqual(import_warning({"message": "odd", "field": "f", "moreinfo": moreinfo}).message, text)
        self.assertEqual(import_warning({}).message, "")
