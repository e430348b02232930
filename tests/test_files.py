"""The files of a job: what became of each record, and what was changed. Those of failures: `test_failure_file.py`."""

import csv
import io
import json
import tracemalloc
from unittest.mock import patch

from ..engine.openapi_files import KINDS
from ..run import change_file, files, result_file, sorted_file
from ..run.change_file import write_changes
from ..run.forget import forget_old_values
from ..run.result_file import write_results
from ..run.sorted_file import SortedFile
from ..store import outcomes
from .api_case import ApiCase
from .case import PATIENCE_S, BatchCase, create, update
from .doors import RouteDoor, SessionDoor, base_url
from .lane_case import LaneCase
from .properties import given, st

FORMULA = '=HYPERLINK("http://evil")'


class TestSortedFile(BatchCase):
    @given(st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), st.integers(0, 9)), max_size=60))
    def test_all_come_back_in_order(self, entries):
        with patch.object(sorted_file, "RUN", 7), patch.object(sorted_file, "BLOCK", 3), SortedFile(2) as file:
            file.add(entries[:20])
            file.add(entries[20:])
            self.assertEqual(list(file), sorted(entries))


class SmallPages(LaneCase):
    """Everything is read in pages of a few."""

    def setUp(self):
        super().setUp()
        for module, name, size in ((outcomes, "CHUNKS", 3), (result_file, "PAGE", 4), (change_file, "PAGE", 2), (sorted_file, "RUN", 5), (sorted_file, "BLOCK", 2)):
            self.startPatcher(patch.object(module, name, size))

    def run_job(self, *operations, **options):
        job_id = self.submit(*operations, **options)
        self.work()
        self.check_counters(job_id)
        return job_id

    def outcomes(self, job_id):
        """What the file says, by operation."""
        found = {}
        for row in self.outcome_rows(job_id):
            found.setdefault(row["_operation"], []).append(row["_outcome"])
        return list(found.values())


class TestResults(SmallPages):
    def test_one_row_for_each_record_of_any_type(self):
        ids = self.make_partners(6)
        job_id = self.run_job(
            {"operation_type": "create", "model": "res.partner", "data": [{"name": False, "ref": f"{self.mark}-8"}, *self.creates(1)["data"]]},
            update({"comment": "x"}, *ids[:3], operation_id="written"),
            {"operation_type": "update", "model": "res.partner", "data": {"comment": "y"}, "domain": [("id", "in", ids)]},
            {"operation_type": "upsert", "model": "res.partner", "key": ["ref"],
             "data": [{"name": "X", "ref": f"{self.mark}-4"}, {"name": "Y", "ref": f"{self.mark}-9"}, {"name": "Z", "ref": f"{self.mark}-9"}]},
            {"operation_type": "load", "model": "res.partner", "fields": [".id", "name", "child_ids/name"],
             "data": [[str(ids[0]), "A", "Child"], ["", "", "Second"], ["", "B", ""]]},
            {"operation_type": "delete", "model": "res.partner", "record_ids": [ids[4], 2**31 - 5]},
            {"operation_type": "call", "model": "res.partner", "method": "open_commercial_entity", "record_ids": ids[:2]},
            {"operation_type": "call", "model": "res.partner", "method": "create_company", "record_ids": [ids[5]]},
            {"operation_type": "call", "model": "res.partner", "method": "name_create", "args": ["Made"]},
            {"operation_type": "update", "model": "res.partner", "data": {"comment": "z"}, "domain": [("id", "=", 0)]},
            max_chunk_size=2,
        )  # fmt: skip
        self.assertEqual(
            self.outcomes(job_id)[:7],
            [["failed", "created"], ["updated"] * 3, ["updated"] * 6, ["updated", "created", "failed"], ["updated", "created"],
             ["deleted", "failed"], ["succeeded"] * 2],
        )  # fmt: skip
        rows = self.outcome_rows(job_id)
        self.assertEqual([row["_index"] for row in rows if row["_operation"] == "op-5"], [0, 2], "the first row of each record")
        self.assertEqual([row["_id"] for row in rows if row["_operation"] in ("written", "op-3", "op-6")], [*ids[:3], *ids, ids[4], 2**31 - 5])
        self.assertIn("name", rows[0]["_error"])
        self.assertEqual({row["_error"] for row in rows if row["_outcome"] != "failed"}, {False})
        self.assertEqual(self.outcomes(job_id)[-1], ["succeeded"], "a call without records counts as one")

    def test_small_operations_share_chunks(self):
        ids = self.make_partners(3)
        singles = [update({"comment": str(id_)}, id_) for id_ in ids]
        creates = [create("A"), create(False), create("B", "C")]
        job_id = self.run_job(*singles, update({"comment": "x"}, *ids), update({"name": "x"}, 2**31 - 5), *creates, self.probe_of(ids[:1]))
        self.assertEqual(
            self.outcomes(job_id),
            [*[["updated"]] * 3, ["updated"] * 3, ["failed"], ["created"], ["failed"], ["created"] * 2, ["succeeded"]],
        )
        self.assertEqual([row["_id"] for row in self.outcome_rows(job_id)][:7], [*ids, *ids, 2**31 - 5])

    def probe_of(self, ids):
        return {"operation_type": "call", "model": "res.partner", "method": "open_commercial_entity", "record_ids": ids}

    def test_groups_and_imports_are_in_the_order_of_the_data(self):
        data = [{"name": f"P{number}", "ref": f"{self.mark}-{number}", "color": number % 3} for number in range(20)]
        rows = [[f"L{number}" if number % 2 == 0 else "", f"Child {number}"] for number in range(12)]
        job_id = self.run_job(
            {"operation_type": "create", "model": "res.partner", "data": data, "group_by": "color"},
            {"operation_type": "load", "model": "res.partner", "fields": ["name", "child_ids/name"], "data": rows},
            max_chunk_size=4,
        )
        self.assertEqual([row["_index"] for row in self.outcome_rows(job_id)], [*range(20), *range(0, 12, 2)])

    def test_while_it_runs_and_when_it_is_cancelled(self):
        ids = self.make_partners(4)
        by_domain = {"operation_type": "update", "model": "res.partner", "data": {"comment": "y"}, "domain": [("id", "in", ids)]}
        rows = {"operation_type": "load", "model": "res.partner", "fields": ["name", "child_ids/name"], "data": [["A", "B"], ["", "C"], ["D", ""]]}
        job_id = self.submit(self.creates(6), rows, by_domain, max_chunk_size=2, max_concurrency=1)
        self.assertEqual(self.outcomes(job_id), [["pending"] * 6, ["pending"] * 2], "what a domain will find is not known")
        with self.open_lane() as lane:
            lane.work_on(lane.claim())
            claim = lane.claim()
            self.assertEqual(self.outcomes(job_id)[0], ["created"] * 2 + ["pending"] * 4)
            self.call(job_id, "cancel")
            lane.work_on(claim)
        self.work()
        self.check_counters(job_id)
        self.assertEqual(self.outcomes(job_id), [["created"] * 4 + ["cancelled"] * 2, ["cancelled"] * 2, ["cancelled"]])
        self.call(job_id, "retry")
        self.assertEqual(self.outcomes(job_id), [["created"] * 4 + ["pending"] * 2, ["pending"] * 2])
        self.work()
        self.check_counters(job_id)
        self.assertEqual(self.outcomes(job_id), [["created"] * 6, ["created"] * 2, ["updated"] * 4])

    def test_retried_records_have_one_row(self):
        operation = self.creates(6)
        operation["data"][1]["name"] = operation["data"][4]["name"] = False
        job_id = self.run_job(operation, create(False), max_chunk_size=3)
        [first, *_rest] = self.sql("SELECT id, values FROM batch_failure WHERE job_id = %s ORDER BY id", job_id)
        self.sql("UPDATE batch_failure SET values = %s WHERE id = %s", first[1].replace('"name":false', '"name":"X"'), first[0])
        self.call(job_id, "retry")
        self.assertEqual(self.outcomes(job_id), [["created", "pending", "created", "created", "pending", "created"], ["pending"]])
        self.work()
        self.check_counters(job_id)
        self.assertEqual(self.outcomes(job_id), [["created"] * 4 + ["failed", "created"], ["failed"]])
        with self.committed(self.user_id) as env:
            env["batch.failure"].dismiss_matching([("job_id", "=", job_id)])
        self.check_outcomes(job_id)
        self.assertIn("name", self.outcome_rows(job_id)[4]["_error"], "what was dismissed is told too")

    def test_one_transaction_and_dry_runs(self):
        ids = self.make_partners(3)
        by_domain = {"operation_type": "update", "model": "res.partner", "data": {"comment": "y"}, "domain": [("id", "in", ids)]}
        work = [self.creates(5), create(False), by_domain, update({"comment": "x"}, *ids), self.probe_of(ids)]
        undone = self.run_job(*work, rollback="job", max_chunk_size=2)
        self.assertEqual(self.outcomes(undone), [["failed"] * 5, ["failed"], ["failed"] * 3, ["failed"] * 3, ["failed"] * 3])
        self.assertIn("rolled back", self.outcome_rows(undone)[0]["_error"])
        tried = self.run_job(*work, dry_run=True, max_chunk_size=2)
        self.assertEqual(self.outcomes(tried), [["created"] * 5, ["failed"], ["updated"] * 3, ["updated"] * 3, ["succeeded"] * 3])
        self.assertEqual([row["_id"] for row in self.outcome_rows(tried)][:12], [*[False] * 6, *ids, *ids], "nothing was made")
        some = update({"comment": "y"}, ids[0])
        mixed = self.run_job(some, by_domain, dry_run=True, skip_unchanged=True)
        self.assertEqual(self.outcomes(mixed), [["updated"], ["succeeded"] * 3], "some unchanged, nobody knows which")
        done = self.run_job(self.creates(5), by_domain, rollback="job", max_chunk_size=2)
        self.assertEqual(self.outcomes(done), [["created"] * 5, ["updated"] * 3])
        self.call(undone, "retry")
        self.work()
        self.check_counters(undone)

    def test_stopped_by_failures(self):
        operation = self.creates(20)
        for number in range(1, 20, 2):
            operation["data"][number]["name"] = False
        for options in ({}, {"dry_run": True}, {"rollback": "job"}):
            with self.subTest(**options):
                job_id = self.run_job(operation, max_failures="15%", max_chunk_size=2, max_concurrency=1, **options)
                good = "failed" if options.get("rollback") else "created"
                self.assertEqual(self.outcomes(job_id), [[good, "failed"] * 4 + ["cancelled"] * 12])

    def test_skipped_because_of_others(self):
        job_id = self.run_job(
            create(False, operation_id="first"),
            {**self.creates(2), "depends_on": ["first"]},
            {"operation_type": "update", "model": "res.partner", "data": {"comment": "x"}, "record_ids": {"$ref": "first"}},
            {"operation_type": "load", "model": "res.partner", "fields": ["name", "child_ids/name"], "data": [["A", "B"], ["", "C"]], "depends_on": ["first"]},
        )  # fmt: skip
        self.assertEqual(self.outcomes(job_id), [["failed"], ["skipped"] * 2, ["skipped"], ["skipped"]])
        self.assertTrue(all(row["_error"] for row in self.outcome_rows(job_id)))

    def test_plans_undos_and_dropped_values(self):
        ids = self.make_partners(4)
        plan = self.run_job(update({"city": "Bern"}, *ids), self.creates(3), dry_run=True, track_changes=True)
        applied = self.call(plan, "apply")["job_id"]
        self.work()
        self.check_counters(applied)
        undo = self.call(applied, "undo")["job_id"]
        self.work()
        self.check_counters(undo)
        before = self.outcome_rows(applied)
        self.assertEqual([row["_id"] for row in before[:4]], ids)
        with self.committed() as env, self.settings(keep_payload_days=0):
            while forget_old_values(env):
                pass
        for job_id in (plan, applied, undo):
            self.check_outcomes(job_id)
        self.assertEqual(self.outcome_rows(applied), before)

    def test_an_undo_has_a_row_for_each_record_that_it_works_on(self):
        ids = self.make_partners(6, city="Bern")
        rows = [{"id": id_, "city": city} for id_, city in zip(ids, ["A", "B", "Bern", "D", "E", "F"], strict=True)]
        rows[1] = {"id": ids[1], "name": False}  # fails
        job = self.run_job({"operation_type": "update", "model": "res.partner", "data": rows}, track_changes=True, skip_unchanged=True)
        self.assertEqual(self.outcomes(job), [["updated", "failed", "unchanged", "updated", "updated", "updated"]])
        with self.committed() as env:
            env["res.partner"].browse(ids[4]).city = "Ghent"
        undo = self.call(job, "undo")["job_id"]
        self.assertEqual(self.outcomes(undo), [["pending"] * 4])
        self.work()
        self.check_counters(undo)
        told = [[0, "succeeded", ids[0]], [3, "succeeded", ids[3]], [4, "failed", ids[4]], [5, "succeeded", ids[5]]]
        self.assertEqual([[row[name] for name in ("_index", "_outcome", "_id")] for row in self.outcome_rows(undo)], told)
        [entry] = self.call(undo, "result", outcomes=True)["results"]
        self.assertEqual((entry["record_count"], entry["failures"][0]["index"]), (4, 4))
        self.assertNotIn("outcomes", entry, "what was done to each record is in the changes")
        self.assertEqual([change["index"] for change in self.call(undo, "changes")["changes"]], [5, 3, 0])
        with self.committed() as env, self.settings(keep_payload_days=0):
            while forget_old_values(env):
                pass
        self.check_outcomes(undo)

    def test_damaged_chunks_of_an_undo(self):
        ids = self.make_partners(3)
        data = [{"id": ids[0], "city": "A"}, {"id": ids[1], "name": False}, {"id": ids[2], "city": "C"}]
        job = self.run_job({"operation_type": "update", "model": "res.partner", "data": data}, track_changes=True)
        undo = self.call(job, "undo")["job_id"]
        self.sql("UPDATE batch_chunk SET payload = 'x' WHERE job_id = %s", undo)
        with self.assertLogs("odoo.addons.batch_executor", "ERROR"):
            self.work()
        self.assertEqual((self.job(undo)["failed_records"], self.outcome_rows(undo)), (2, []), "nobody knows which records they were")

    def test_damaged_chunks(self):
        job_id = self.submit(self.creates(4), *[create(f"N{number}") for number in range(3)], max_chunk_size=4)
        self.sql("UPDATE batch_chunk SET payload = 'x' WHERE job_id = %s", job_id)
        with self.assertLogs("odoo.addons.batch_executor", "ERROR"):
            self.work()
        self.check_counters(job_id)

    def test_memory_does_not_grow_with_the_job(self):
        for module, name, size in ((outcomes, "CHUNKS", 10), (result_file, "PAGE", 100), (sorted_file, "RUN", 400), (sorted_file, "BLOCK", 20)):
            self.startPatcher(patch.object(module, name, size))
        few, many = (self.made(count) for count in (10, 60))
        self.peak(few)  # imports, caches
        self.assertLess(self.peak(many), 1.5 * self.peak(few))

    def made(self, count):
        """A job of so many finished chunks, of a hundred records each, in no order."""
        job_id = self.submit(self.creates(1))
        self.work()
        self.sql(
            """
            INSERT INTO batch_chunk (job_id, operation_id, kind, operation_type, model, sequence, state, payload, record_count, outcomes, result,
                                     processed_records, failed_records, cancelled_records, finished_at, attempt, claims, tallied)
            SELECT job_id, operation_id, kind, operation_type, model, sequence, state, repeat('x', 10000), 100, place || 'c100',
                   '[[' || (SELECT string_agg(n::text, ',') FROM generate_series(place, place + 99) AS n) || '],['
                   || (SELECT string_agg('7', ',') FROM generate_series(1, 100)) || ']]',
                   100, 0, 0, finished_at, 1, 1, true
              FROM batch_chunk
             CROSS JOIN LATERAL (SELECT 1 + 100 * mod(number * 7, %s) AS place FROM generate_series(1, %s) AS number) AS made
             WHERE job_id = %s
            """,
            count, count, job_id,
        )  # fmt: skip
        return job_id

    def peak(self, job_id):
        """The most memory in use while the file is written, into nothing."""
        rows = [0]

        class Nowhere(io.RawIOBase):
            def write(self, content):
                rows[0] += bytes(content).count(b"\n")
                return len(content)

        with self.committed() as env:
            job = env["batch.job"].browse(job_id)
            tracemalloc.start()
            try:
                write_results(job, "ndjson", Nowhere())
                _now, peak = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
        self.assertGreater(rows[0], 900)
        return peak


class TestChangesFile(SmallPages):
    def rows(self, job_id, uid=None, kind="ndjson"):
        file = io.BytesIO()
        with self.committed(uid or self.user_id) as env:
            write_changes(env["batch.job"].browse(job_id), kind, file)
        if kind == "ndjson":
            return [json.loads(line) for line in file.getvalue().splitlines()]
        return list(csv.DictReader(io.StringIO(file.getvalue().decode("utf-8-sig"), newline="")))

    def test_a_row_for_each_field_that_changed(self):
        ids = self.make_partners(3, city="Basel", color=1)
        job_id = self.run_job(
            {"operation_type": "update", "model": "res.partner", "operation_id": "both",
             "data": [{"id": ids[0], "city": FORMULA, "color": 2}, {"id": ids[1], "city": "Bern"}]},
            {"operation_type": "delete", "model": "res.partner", "record_ids": [ids[2]]},
            track_changes=True,
        )  # fmt: skip
        rows = self.rows(job_id)
        self.assertEqual(
            sorted(map(list, (row.values() for row in rows[:3]))),
            [["both", 0, "res.partner", ids[0], "update", "city", "Basel", FORMULA], ["both", 0, "res.partner", ids[0], "update", "color", 1, 2],
             ["both", 1, "res.partner", ids[1], "update", "city", "Basel", "Bern"]],
        )  # fmt: skip
        deleted = {row["field"]: (row["before"], row["after"]) for row in rows if row["_action"] == "delete"}
        self.assertEqual(deleted["city"], ("Basel", False))
        cells = {(row["_id"], row["field"]): (row["before"], row["after"]) for row in self.rows(job_id, kind="csv")}
        self.assertEqual(cells[str(ids[0]), "city"], ("Basel", f"'{FORMULA}"))
        self.assertEqual(cells[str(ids[0]), "color"], ("1", "2"))
        self.assertEqual(len(cells), len(rows))

    def test_it_says_what_the_verb_says_and_hides_what_it_hides(self):
        ids = self.make_partners(5)
        job_id = self.run_job(update({"city": "Bern", "comment": "x"}, *ids), self.creates(2), track_changes=True)
        with self.committed() as env:
            rule = env["ir.rule"].create({"name": "hidden", "model_id": env["ir.model"]._get_id("res.partner"), "domain_force": [("id", "!=", ids[1])]})
            self.addCleanup(self.remove, rule.id)
        told = self.call(job_id, "changes")["changes"]
        expected = [
            (change["record_id"], name, change["before"].get(name, False), change["after"].get(name, False))
            for change in told
            for name in dict.fromkeys([*change["before"], *change["after"]]) or [False]
        ]
        rows = self.rows(job_id)
        self.assertEqual([(row["_id"], row["field"], row["before"], row["after"]) for row in rows], expected)
        self.assertEqual([(row["field"], row["before"], row["after"]) for row in rows if row["_id"] == ids[1]], [(False, False, False)])


    def remove(self, rule_id):
        with self.committed() as env:
            env["ir.rule"].browse(rule_id).unlink()


class TestRoutes(ApiCase):
    def setUp(self):
        super().setUp()
        self.job_id = self.door.submit(
            [{**create(operation_id=FORMULA), "data": [{"name": "Fine"}, {"name": False}, {"name": FORMULA}]}], track_changes=True
        )["job_id"]
        self.work()
        self.uuid = self.door.call("status", self.job_id)["uuid"]

    def get(self, name, door=None, uuid=None):
        door = door or self.door
        path = f"{base_url()}/batch/v1/jobs/{uuid or self.uuid}/{name}"
        return door.http.get(path, headers=door.headers, timeout=PATIENCE_S, allow_redirects=False)

    def test_each_file_in_each_form(self):
        import openpyxl

        for name, column, values in (("results", "_outcome", ["created", "failed", "created"]), ("changes", "_action", None)):
            with self.subTest(name=name):
                answer = self.get(f"{name}.csv")
                self.assertEqual((answer.status_code, answer.headers["Content-Type"]), (200, KINDS["csv"]), answer.text[:300])
                self.assertEqual(answer.headers["X-Content-Type-Options"], "nosniff")
                self.assertIn(f"{name}-{self.job_id}.csv", answer.headers["Content-Disposition"])
                table = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))
                lines = [json.loads(line) for line in self.get(f"{name}.ndjson").content.splitlines()]
                self.assertEqual([row[column] for row in table], [line[column] for line in lines])
                self.assertEqual({row["_operation"] for row in table}, {f"'{FORMULA}"}, "never a formula")
                self.assertEqual({line["_operation"] for line in lines}, {FORMULA})
                self.assertEqual([row[column] for row in table], values or ["create"] * len(table))
                sheet = openpyxl.load_workbook(io.BytesIO(self.get(f"{name}.xlsx").content)).worksheets[0]
                [head, *cells] = sheet.iter_rows(values_only=True)
                self.assertEqual([dict(zip(head, (cell or "" for cell in row), strict=True)) for row in cells], table)

    def test_only_who_sees_the_job_gets_them(self):
        for name in ("results.csv", "changes.ndjson"):
            with self.subTest(name=name):
                self.assertEqual(self.get(name, SessionDoor(self.user)).status_code, 200)
                self.assertEqual(self.get(name, RouteDoor(self.manager)).status_code, 200)
                for refused in (self.get(name, RouteDoor(self.other)), self.get(name, uuid="nonsense")):
                    self.assertEqual((refused.status_code, refused.json()["error"]["type"]), (404, "MissingError"))
        for unknown in ("results.pdf", "nonsense.csv", "results"):
            self.assertEqual(self.get(unknown).status_code, 404)

    def test_more_than_a_sheet_holds(self):
        self.startPatcher(patch.object(files, "SHEET_ROWS", 3))
        refused = self.get("results.xlsx")
        self.assertEqual((refused.status_code, refused.json()["error"]["type"]), (409, "UserError"))
        self.assertIn("CSV", refused.json()["error"]["message"])
        self.assertEqual(self.get("results.csv").status_code, 200)
