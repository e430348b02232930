"""The Python client on a real server: what it hands over, what it reads back, what it raises."""

import ast
import io
import json
import subprocess
import sys
from contextlib import redirect_stderr
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

from odoo.tests.common import BaseCase, get_db_name

from .case import create, update
from .client_case import HAS_CLIENT, ClientCase
from .client_package import PACKAGE
from .docs import ROOT
from .doors import base_url
from .extras import needs

if HAS_CLIENT:
    from odoo_batch import (
        AccessDenied,
        Client,
        ConfigError,
        ConnectionFailed,
        JobFailed,
        NotFound,
        Refused,
        WaitTimeout,
        config,
        parts,
    )
    from odoo_batch._async import client as async_client
    from odoo_batch._sync import client as sync_client


class TestPackage(BaseCase):
    def test_the_synchronous_form_is_made_from_the_asynchronous_one(self):
        done = subprocess.run([sys.executable, PACKAGE / "scripts" / "make_sync.py", "--check"], check=False)
        self.assertEqual(done.returncode, 0, "run clients/odoo_batch/scripts/make_sync.py")

    def test_the_addon_and_the_package_do_not_need_each_other(self):
        for folder in ("controllers", "engine", "models", "run", "store"):
            for path in (ROOT / folder).rglob("*.py"):
                self.assertNotIn("odoo_batch", path.read_text(), path)
        for path in PACKAGE.rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
                self.assertNotIn("odoo", [name.partition(".")[0] for name in names], path)
        self.assertEqual([*(ROOT / "clients").rglob("__manifest__.py")], [])


@needs("httpx")
class TestConfig(BaseCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.enterContext(TemporaryDirectory()))

    def read(self, **values):
        file = self.folder / "connection.conf"
        lines = "".join(f"{name} = {value}\n" for name, value in values.items())
        file.write_text(f"[Connection]\n{lines}")
        return config.read_config(file)

    def test_arguments_go_over_the_environment(self):
        environ = {"ODOO_URL": "https://a.example.com/", "ODOO_KEY": "k1", "ODOO_DB": "one"}
        found = config.find_config(environ=environ)
        self.assertEqual((found.url, found.key, found.db), ("https://a.example.com", "k1", "one"))
        found = config.find_config("http://b:8069", "k2", "two", environ)
        self.assertEqual(
            found.headers | {"url": found.url},
            {"Authorization": "Bearer k2", "X-Odoo-Database": "two", "url": "http://b:8069"},
        )

    def test_an_address_may_be_copied_from_the_browser(self):
        for path in ("", "/", "/odoo", "/odoo/", "/odoo/contacts/3?debug=1", "/web#action=menu", "/web/login"):
            self.assertEqual(config.find_config(f"https://a.example.com:8069{path}", "k", environ={}).url, "https://a.example.com:8069")
        self.assertEqual(config.find_config("https://a.example.com/odoo-test", "k", environ={}).url, "https://a.example.com/odoo-test")

    def test_what_is_missing_is_named(self):
        for environ, missing in (({}, "ODOO_URL"), ({"ODOO_URL": "http://a"}, "ODOO_KEY")):
            with self.assertRaisesRegex(ConfigError, missing):
                config.find_config(environ=environ)
        for url in ("example.com", "ftp://example.com", "http://", "http://a:port"):
            with self.assertRaisesRegex(ConfigError, "no address"):
                config.find_config(url, "key", environ={})

    def test_connection_conf_of_other_tools_is_read(self):
        read = self.read(hostname="odoo.example.com", port=443, protocol="jsonrpcs", database="prod", login="me", password="50%key", uid=2)
        self.assertEqual((read.url, read.key, read.db), ("https://odoo.example.com", "50%key", "prod"))
        read = self.read(hostname="localhost", port=8069, database="prod", password="k")
        self.assertEqual(read.url, "http://localhost:8069")
        for values, missing in (({"password": "k"}, "hostname"), ({"hostname": "a"}, "password")):
            with self.assertRaisesRegex(ConfigError, f"names no {missing}"):
                self.read(**values)
        with self.assertRaisesRegex(ConfigError, "can't be read"):
            config.read_config(self.folder / "absent.conf")
        (self.folder / "other.conf").write_text("[Other]\n")
        with self.assertRaisesRegex(ConfigError, "no section"):
            config.read_config(self.folder / "other.conf")


class TestClient(ClientCase):
    def test_a_job_from_its_submission_to_its_failures(self):
        operation = {"operation_type": "create", "model": "res.partner", "data": [{"name": "A"}, {"comment": "no name"}, {"name": "C"}]}
        job = self.client.submit([operation], name="From the client")
        self.assertEqual((job.state, job.name, job.is_finished), ("pending", "From the client", False))
        self.assertEqual(job.url, f"{base_url()}/odoo/batch-jobs/{job.id}")
        told = []
        with self.lanes_at_work():
            self.assertIs(job.wait(progress=told.append), job)
        self.assertEqual((told[-1]["state"], told[-1]["completed"]), ("partial", 3))
        [entry] = job.result(outcomes=True)
        self.assertEqual(self.names_of([entry["result"][0], entry["result"][2]]), ["A", "C"])
        self.assertEqual((entry["result"][1], entry["outcomes"]), (False, ["created", False, "created"]))
        [failure] = job.failures()
        self.assertEqual((failure["operation_id"], failure["index"], failure["error"]), ("op-1", 1, "Contacts require a name"))
        with self.assertRaisesRegex(JobFailed, "2 of 3 records succeeded. The first failure: Contacts require a name") as caught:
            job.wait(check=True)
        self.assertEqual(caught.exception.failures, [failure])

    def test_the_asynchronous_client_is_the_same(self):
        async def program(client):
            job = await client.submit([create("A", "B")])
            await job.wait(check=True)
            [found] = await client.jobs(limit=1)
            return job, found, await job.result(), await client.execute([create("C")])

        job, found, [entry], executed = self.asynchronously(program)
        self.assertEqual((job.state, found.id, found.uuid), ("completed", job.id, job.uuid))
        self.assertEqual(self.names_of(entry["result"] + executed["results"][0]["result"]), ["A", "B", "C"])

    def test_steering(self):
        job = self.client.submit([create("A")], draft=True)
        self.assertEqual(job.state, "draft")
        job.append([create("B", "C"), create("D")])
        self.assertEqual(job.start().pause().state, "paused")
        self.assertEqual(job.resume().state, "pending")
        self.assertEqual([entry["operation_id"] for entry in self.finished(job).result()], ["op-1", "op-2", "op-3"])
        self.assertEqual(self.client.submit([create("E")], run_at="2030-01-01").cancel().state, "cancelled")
        later = self.client.submit([create("F")], run_at="2030-01-01").run_now()
        self.assertEqual(self.finished(later).state, "completed")

    def test_retry_plan_apply_and_undo(self):
        with self.committed() as env:
            partner = env["res.partner"].create({"name": "Old", "ref": "client-plan"})
        plan = self.client.submit([update({"name": "New"}, partner.id)], dry_run=True, track_changes=True)
        [change] = self.finished(plan).changes()
        self.assertEqual((change["before"]["name"], change["after"]["name"]), ("Old", "New"))
        job = plan.apply()
        self.assertEqual((self.finished(job).state, job.status["origin_job_id"]), ("completed", plan.id))
        self.assertEqual(self.names_of([partner.id]), ["New"])
        undo = job.undo()
        self.assertEqual((self.finished(undo).state, self.names_of([partner.id])), ("completed", ["Old"]))

        rows = [["client.child", "Child", "client.parent"]]
        job = self.client.submit([{"operation_type": "load", "model": "res.partner", "fields": ["id", "name", "parent_id/id"], "data": rows}])
        self.assertEqual(self.finished(job).state, "failed")
        self.client.execute([{"operation_type": "load", "model": "res.partner", "fields": ["id", "name"], "data": [["client.parent", "P"]]}])
        self.assertEqual(self.finished(job.retry()).state, "completed")

    def test_the_same_key_is_the_same_job(self):
        first = self.client.submit([create("Once")], idempotency_key="client-once")
        again = self.client.submit([create("Once")], idempotency_key="client-once")
        self.assertEqual((again.id, again.status["duplicate"]), (first.id, True))
        self.assertEqual(self.client.find_job("client-once").id, first.id)
        self.assertIsNone(self.client.find_job("client-onc_"))

    def test_jobs_are_found_again(self):
        job = self.client.submit([create("A")])
        for name in (job.id, str(job.id), job.uuid):
            self.assertEqual(self.client.job(name).id, job.id)
        self.assertEqual([found.id for found in self.client.jobs(state="pending", limit=1)], [job.id])
        self.assertEqual(self.client.jobs(state=["failed", "partial"], limit=5), [])
        with self.new_client(someone=self.other) as other, self.assertRaises(NotFound):
            other.job(job.id)

    def test_a_refusal_has_all_problems(self):
        before = self.count_jobs()
        operations = [create("A"), {"operation_type": "create", "model": "res.partner", "data": [{"name": "B"}, {"nmae": "C"}]}, {"model": "x"}]
        for call in (self.client.submit, self.client.execute):
            with self.assertRaisesRegex(Refused, "nmae") as caught:
                call(operations)
            problems = [(problem["operation"], problem["record"]) for problem in caught.exception.problems]
            self.assertIn((1, 1), problems)
            self.assertIn(2, [operation for operation, _record in problems])
        with self.assertRaises(Refused) as caught:
            self.client.submit([create("A"), {"data": [float("nan")]}])
        self.assertEqual([problem["operation"] for problem in caught.exception.problems], [1])
        with self.assertRaisesRegex(Refused, "Only a draft"):
            job = self.client.submit([create("A")])
            before = self.count_jobs()
            job.start()
        self.assertEqual(self.count_jobs(), before)

    def test_who_may_not_is_told_so(self):
        with Client(base_url(), "0123456789abcdef" * 2, get_db_name()) as client:
            for call in (lambda: client.submit([create("A")]), lambda: client.jobs()):
                with self.assertRaises(AccessDenied):
                    call()
        operation = {"operation_type": "create", "model": "ir.cron", "data": [{"name": "A"}]}
        with self.assertRaises((AccessDenied, Refused)):
            self.client.submit([operation])

    def test_a_wrong_address_is_told_so(self):
        with Client(f"{base_url()}/elsewhere", self.user.key, get_db_name()) as client, self.assertRaisesRegex(NotFound, "batch_executor"):
            client.submit([create("A")])
        with self.new_client("http://127.0.0.1:9", attempts=1) as client, self.assertRaisesRegex(ConnectionFailed, "can't be reached"):
            client.submit([create("A")])

    def test_waiting_has_an_end(self):
        job = self.client.submit([create("A")], run_at="2030-01-01")
        with self.assertRaisesRegex(WaitTimeout, "still pending after 0.3 s"):
            job.wait(timeout=0.3)
        with self.assertRaises(TimeoutError):
            job.wait(timeout=0)

    def test_progress_is_shown_in_lines_where_nobody_looks_on(self):
        job = self.client.submit([create("A", "B")], name="Shown")
        self.work()
        with redirect_stderr(io.StringIO()) as shown:
            job.wait(progress=True)
        self.assertEqual(shown.getvalue(), "Shown: completed, 2 of 2 records (100 %)\n")

    def test_warnings(self):
        rows = [["client.warned", "W", "X"]]
        job = self.client.submit([{"operation_type": "load", "model": "res.partner", "fields": ["id", "name", "ref"], "data": rows}])
        self.assertEqual(self.finished(job).warnings(), [])

    def test_downloads(self):
        job = self.finished(self.client.submit([{"operation_type": "create", "model": "res.partner", "data": [{"comment": "=1"}]}]))
        with TemporaryDirectory() as folder:
            path = job.download("failures.csv", Path(folder) / "failed.csv")
            self.assertIn("Contacts require a name", path.read_text())
            path = job.download("results.ndjson", Path(folder) / "failed.csv")
            self.assertEqual(json.loads(path.read_text())["_outcome"], "failed")
            with self.assertRaises(NotFound):
                job.download("elsewhere.csv", Path(folder) / "none.csv")
            self.assertEqual([file.name for file in Path(folder).iterdir()], ["failed.csv"])


class TestMoreThanARequest(ClientCase):
    """Operations are cut for requests of 2,000 bytes."""

    def setUp(self):
        super().setUp()
        for module in (sync_client, async_client):
            self.startPatcher(patch.object(module, "REQUEST_BYTES", 2_000))

    def records(self, count, prefix):
        return [{"ref": f"{prefix}-{index}", "name": f"{prefix} {index}"} for index in range(count)]

    def test_results_are_put_together(self):
        data = self.records(150, "cut")
        data[120] = {"ref": "cut-none"}
        operations = [
            {"operation_type": "create", "model": "res.partner", "data": data},
            create("Small", operation_id="small"),
            {"operation_type": "upsert", "model": "res.partner", "key": ["ref"], "data": self.records(60, "cutup"), "operation_id": "ups"},
        ]
        job = self.client.submit(operations, name="Large")
        self.assertGreater(job.status["stats"]["total_operations"], 5)
        self.finished(job)
        for entries in (job.result(outcomes=True), self.client.job(job.id).result(outcomes=True)):
            self.assertEqual([entry["operation_id"] for entry in entries], ["op-1", "small", "ups"])
            first, _small, last = entries
            self.assertEqual((first["record_count"], first["failed_records"], first["state"]), (150, 1, "partial"))
            self.assertEqual(first["result"][120], False)
            self.assertEqual(first["outcomes"], ["created"] * 120 + [False] + ["created"] * 29)
            ids = first["result"][:120] + first["result"][121:]
            self.assertEqual(self.names_of(ids), [values["name"] for values in data if "name" in values])
            self.assertEqual(([failure["index"] for failure in first["failures"]], last["success"]), ([120], True))
            self.assertEqual(first["error"], "1 of 150 records failed: Contacts require a name")
        [failure] = job.failures()
        self.assertEqual((failure["operation_id"], failure["index"]), ("op-1", 120))

    def test_the_asynchronous_client_cuts_alike(self):
        async def program(client):
            job = await client.submit([{"operation_type": "create", "model": "res.partner", "data": self.records(100, "acut")}])
            return (await job.wait()).status, await job.result()

        status, [entry] = self.asynchronously(program)
        self.assertEqual((status["state"], entry["record_count"], len(entry["result"])), ("completed", 100, 100))

    def test_a_refusal_names_the_place_in_the_input_and_starts_nothing(self):
        data = self.records(150, "refused")
        data[140] = {"nmae": "X"}
        with self.assertRaises(Refused) as caught:
            self.client.submit([create("A"), {"operation_type": "create", "model": "res.partner", "data": data}], idempotency_key="cut-once")
        [problem] = caught.exception.problems
        self.assertEqual((problem["operation"], problem["record"]), (1, 140))
        self.work()
        self.assertEqual(self.new_refs("refused-"), [])
        # what was mended is a job under the same key
        data[140] = {"name": "X"}
        job = self.client.submit([create("A"), {"operation_type": "create", "model": "res.partner", "data": data}], idempotency_key="cut-once")
        self.assertEqual(self.finished(job).state, "completed")
        again = self.client.submit([create("A"), {"operation_type": "create", "model": "res.partner", "data": data}], idempotency_key="cut-once")
        self.assertEqual((again.id, len(self.new_refs("refused-"))), (job.id, 149))

    def test_what_somebody_has_cancelled_stays_cancelled(self):
        """Also before any of its records has run: what is sent again under its key is not another job."""
        operation = {"operation_type": "create", "model": "res.partner", "data": self.records(60, "stopped")}
        job = self.client.submit([operation], idempotency_key="cut-stopped")
        self.assertGreater(job.status["stats"]["total_operations"], 1)
        job.cancel()
        again = self.client.submit([operation], idempotency_key="cut-stopped")
        self.assertEqual((again.id, again.state), (job.id, "cancelled"))
        self.work()
        self.assertEqual(self.new_refs("stopped-"), [])

    def test_what_would_mean_something_else_is_not_cut(self):
        before = self.count_jobs()
        records = self.records(100, "whole")
        rows = [[f"client.x{index}", f"X {index}", f"client.x{index - 1}" if index else ""] for index in range(100)]
        whole = {"operation_type": "create", "model": "res.partner", "data": records}
        for operations, reason in (
            ([{**whole, "operation_id": "a"}, {**create("B"), "depends_on": ["a"]}], "another operation refers to it"),
            ([{**whole, "operation_type": "upsert", "key": ["ref"], "data": [*records, records[3]]}], "records 3 and 100"),
            ([{**whole, "operation_type": "update", "data": [{"id": index % 99, "name": "x" * 20} for index in range(100)]}], "records 0 and 99"),
            ([{**whole, "operation_type": "load", "fields": ["id", "name", "parent_id/id"], "data": rows}], "refer to each other"),
            ([update({"name": "x" * 3000}, 1)], "only lists of records"),
        ):
            with self.assertRaisesRegex(Refused, reason):
                self.client.submit(operations)
        self.assertEqual(self.count_jobs(), before)

    def test_rows_stay_with_their_record(self):
        rows = [row for index in range(40) for row in ([f"Company {index}", f"Child {index}a"], ["", f"Child {index}b"], ["", f"Child {index}c"])]
        job = self.client.submit([{"operation_type": "load", "model": "res.partner", "fields": ["name", "child_ids/name"], "data": rows}])
        self.assertEqual(self.finished(job).state, "completed")
        [entry] = job.result()
        self.assertEqual(len(entry["result"]), len(rows))
        with self.committed() as env:
            companies = env["res.partner"].browse([id_ for id_ in entry["result"] if id_])
            self.assertEqual(
                [sorted(company.child_ids.mapped("name")) for company in companies],
                [[f"Child {index}{sign}" for sign in "abc"] for index in range(40)],
            )

    def test_parts_are_named_so_that_they_are_found(self):
        entry = {
            "record_count": 2, "processed_records": 2, "failed_records": 0, "warning_count": 0, "duration": 1.0, "success": True,
            "state": "completed", "result": [1, 2], "failures": [], "warnings": [], "error": False,
        }  # fmt: skip
        names = ["a#from-0", "a#from-2", "a#from-2-2", "b", "a#from-0", "c#from-0", "c#from-2"]
        merged = parts.merged([{**entry, "operation_id": name} for name in names])
        self.assertEqual([(one["operation_id"], one["record_count"]) for one in merged], [("a", 6), ("b", 2), ("a", 2), ("c", 4)])

    def test_what_is_about_rows_takes_any_rows(self):
        def reason(fields, *rows):
            return parts._reason_not_to_cut_rows({"fields": fields, "data": rows})

        self.assertIn("refer to each other", reason(["id", "parent_id:id"], ["a", ""], ["b", "a"]))
        self.assertIn("twice", reason(["name", "id"], ["A", "a"], ["B"], [], "text", ["C", "a"]))
        self.assertIsNone(reason(["name", "id", "parent_id/id"], ["A", "a"], ["B"], [], "text"))
        load = {"operation_type": "load", "fields": ["name", "child_ids:id"], "data": [["A"], ["", "x"], [], ["B", "y"]]}
        self.assertEqual(parts._starts(load, ["child_ids"]), [True, False, True, True])

    def test_the_same_key_is_for_the_same_operations_only(self):
        def submit(prefix, **options):
            operation = {"operation_type": "create", "model": "res.partner", "data": self.records(60, prefix), "group_by": "parent_id"}
            return self.client.submit([operation], idempotency_key="cut-same", **options)

        job = submit("same")
        self.assertGreater(job.status["stats"]["total_operations"], 1)
        self.assertEqual(submit("same").id, job.id)
        with self.assertRaisesRegex(Refused, "used before"):
            submit("different")
        with patch.object(sync_client, "REQUEST_BYTES", 1_500), self.assertRaisesRegex(Refused, "used before"):
            submit("same")
        self.assertEqual((self.finished(job).state, len(self.new_refs("same-"))), ("completed", 60))
