"""The adapter for Zenoo RPC beside the original: the real client and operations, one server, the same answers."""

import asyncio
import inspect
import itertools
import os
import subprocess
import sys
import time
from contextlib import asynccontextmanager
from datetime import datetime, timedelta, timezone
from threading import BoundedSemaphore
from unittest.mock import patch

from odoo.tests.common import get_db_name
from odoo.tools import mute_logger

from ..run import waiting
from . import docs
from .case import PATIENCE_S
from .client_package import SOURCES, make_importable
from .doors import base_url
from .extras import is_installed, needs
from .test_docs_recipes import TWO, RecipeCase

ABSENT = 2**31 - 9


if is_installed("zenoo_rpc"):
    from zenoo_rpc import ZenooClient
    from zenoo_rpc.batch import BatchExecutor as Original
    from zenoo_rpc.batch import CreateOperation, DeleteOperation, UpdateOperation
    from zenoo_rpc.batch.exceptions import BatchExecutionError, BatchValidationError
    from zenoo_rpc.exceptions import ConnectionError as ZenooConnectionError

    make_importable()
    from odoo_batch.zenoo import BatchExecutor as Adapter
else:
    ZenooClient = object  # its tests are skipped


def shape(value):
    """A value without what differs from run to run: its keys and types, and what is true or false."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value]
    return value if isinstance(value, bool) else type(value).__name__


class LosingClient(ZenooClient):
    """A client that loses the answer to its first submission: it has arrived, but nobody knows."""

    submissions = 0

    async def execute_kw(self, model, method, args, kwargs=None, context=None):
        answer = await super().execute_kw(model, method, args, kwargs, context)
        if method == "submit":
            self.submissions += 1
            if self.submissions == 1:
                raise ZenooConnectionError("the connection is gone")
        return answer


class WatchedClient(ZenooClient):
    """A client that notes which methods are called, and when."""

    def __init__(self, *args):
        super().__init__(*args)
        self.calls = []

    async def execute_kw(self, model, method, args, kwargs=None, context=None):
        self.calls.append((method, time.monotonic()))
        return await super().execute_kw(model, method, args, kwargs, context)


@needs("zenoo_rpc")
class ZenooCase(RecipeCase):
    page = "docs/coming_from_zenoo_rpc.md"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # both log what fails
        cls.enterClassContext(mute_logger("zenoo_rpc.batch.executor", "odoo_batch.zenoo"))

    @asynccontextmanager
    async def client(self, client_class=ZenooClient):
        async with client_class(base_url()) as client:
            await client.login(get_db_name(), self.user.login, self.user.key)
            yield client

    def execute(
        self, executor_class, operations, client_class=ZenooClient, progress_callback=None, options=None, **arguments
    ):
        """What an executor makes of operations, and the executor."""

        async def run():
            async with self.client(client_class) as client:
                executor = executor_class(client, **arguments)
                return await executor.execute_operations(operations, progress_callback, **(options or {})), executor

        with self.lanes_at_work():
            return asyncio.run(asyncio.wait_for(run(), PATIENCE_S))

    def partners(self, *names):
        with self.committed() as env:
            return env["res.partner"].create([{"name": name} for name in names]).ids


class TestAdapter(ZenooCase):
    def test_its_signatures_are_the_originals(self):
        for name, more in (("__init__", set()), ("execute_operations", {"options"}), ("get_stats", set())):
            ours, theirs = (inspect.signature(getattr(cls, name)).parameters for cls in (Adapter, Original))
            self.assertEqual([key for key in ours if key not in more], list(theirs))
            for key, parameter in theirs.items():
                self.assertEqual(ours[key].default, parameter.default, key)

    def assertSame(self, make_operations, **arguments):
        """Both report the same of operations made anew for each; returns the results."""
        reports = []
        for executor_class in (Original, Adapter):
            operations = make_operations()
            report, executor = self.execute(executor_class, operations, **arguments)
            order = [operation.operation_id for operation in operations]
            report["results"].sort(key=lambda entry: order.index(entry["operation_id"]))
            reports.append(
                (
                    shape(report),
                    shape(executor.get_stats()),
                    [(operation.status, shape(operation.result), shape(operation.error)) for operation in operations],
                    [(operation.is_successful(), operation.get_duration() is not None) for operation in operations],
                )
            )
        for theirs, ours in zip(*reports, strict=True):
            self.assertEqual(ours, theirs)
        return report["results"], report["stats"]

    def test_what_succeeds_is_reported_alike(self):
        results, stats = self.assertSame(
            lambda: [
                CreateOperation("res.partner", [{"name": "A"}, {"name": "B"}]),
                UpdateOperation("res.partner", {"city": "Same"}, record_ids=self.partners("C", "D")),
                UpdateOperation("res.partner", [{"id": id_, "city": "Own"} for id_ in self.partners("E", "F")]),
                DeleteOperation("res.partner", self.partners("G", "H")),
            ]
        )
        self.assertEqual(stats["processed_records"], 8)
        self.assertEqual((stats["completed_operations"], stats["failed_operations"]), (4, 0))
        names = self.new_partners("name", "city")
        expected = [("A", False), ("B", False), ("C", "Same"), ("D", "Same"), ("E", "Own"), ("F", "Own")]
        self.assertEqual(sorted(names), sorted(2 * expected))
        self.assertEqual(len(results[0]["result"]), 2)

    def test_what_fails_is_reported_alike(self):
        results, stats = self.assertSame(
            lambda: [
                CreateOperation("res.partner", [{"name": "Kept"}, {"comment": "no name"}]),
                CreateOperation("res.partner", [{"comment": "no name"}, {"comment": "none either"}]),
                UpdateOperation(
                    "res.partner", [{"id": self.partners("I")[0], "city": "X"}, {"id": ABSENT, "city": "X"}]
                ),
                UpdateOperation("res.partner", {"parent_id": ABSENT}, record_ids=self.partners("J")),
            ]
        )
        self.assertEqual([entry["success"] for entry in results], [True, False, True, False])
        self.assertEqual((len(results[0]["result"]), results[2]["result"]), (1, False))
        self.assertEqual((stats["completed_operations"], stats["failed_operations"]), (2, 2))

    def test_failures_are_there_one_by_one(self):
        operation = CreateOperation("res.partner", [{"name": "Kept"}, {"comment": "no name"}])
        with self.assertLogs("odoo_batch.zenoo", "ERROR"):
            _report, executor = self.execute(Adapter, [operation])
        [failure] = executor.failures
        self.assertEqual((failure["operation_id"], failure["index"]), (operation.operation_id, 1))
        self.assertEqual((failure["error"], executor.job["state"]), ("Contacts require a name", "partial"))

    def test_nothing_to_do_is_reported_alike(self):
        (theirs, _o), (ours, _a) = self.execute(Original, []), self.execute(Adapter, [])
        self.assertEqual(ours, theirs)

    def test_progress_is_told_alike_to_functions_and_coroutines(self):
        told = []

        async def asynchronously(progress):
            told.append(progress)

        shapes = []
        for executor_class, callback in ((Original, asynchronously), (Adapter, asynchronously), (Adapter, told.append)):
            told.clear()
            operations = [CreateOperation("res.partner", [{"name": f"P{index}"} for index in range(30)])]
            self.execute(executor_class, operations, progress_callback=callback, max_chunk_size=10)
            self.assertEqual((told[-1]["percentage"], told[-1]["completed"]), (100.0, told[-1]["total"]))
            shapes.append({key: type(value).__name__ for key, value in told[-1].items()})
            self.assertEqual({*told[-1]["stats"]}, {*Original(None).stats})
        self.assertEqual(shapes[1], shapes[0])
        self.assertEqual(shapes[2], shapes[0])

    def test_a_failing_callback_does_not_end_the_job(self):
        def fail(_progress):
            raise RuntimeError("no")

        with self.assertLogs("odoo_batch.zenoo", "ERROR"):
            report, _executor = self.execute(
                Adapter, [CreateOperation("res.partner", [{"name": "A"}])], progress_callback=fail
            )
        self.assertTrue(report["results"][0]["success"])

    def test_a_large_operation_is_one_result(self):
        operation = CreateOperation("res.partner", [{"name": f"L{index}"} for index in range(25)])
        report, _executor = self.execute(Adapter, [operation], max_chunk_size=10)
        [entry] = report["results"]
        self.assertEqual((entry["operation_id"], entry["record_count"]), (operation.operation_id, 25))
        self.assertEqual(self.names_of(entry["result"]), [f"L{index}" for index in range(25)])

    def test_a_lost_answer_to_the_submission_doubles_nothing(self):
        before = self.count_jobs()[0]
        report, executor = self.execute(Adapter, [CreateOperation("res.partner", [{"name": "Once"}])], LosingClient)
        self.assertEqual(executor.client.submissions, 2)
        self.assertEqual((report["results"][0]["success"], self.new_partners()), (True, ["Once"]))
        self.assertEqual(self.count_jobs()[0], before + 1)

    def calls_for_a_job_of_three_seconds(self):
        async def run():
            async with self.client(WatchedClient) as client:
                due = (datetime.now(timezone.utc) + timedelta(seconds=3)).isoformat()
                await Adapter(client).execute_operations([CreateOperation("res.partner", [{"name": "A"}])], run_at=due)
                return client.calls

        with self.lanes_at_work():
            return asyncio.run(asyncio.wait_for(run(), PATIENCE_S))

    def test_it_submits_once_and_lets_the_server_wait(self):
        methods = [method for method, _when in self.calls_for_a_job_of_three_seconds()]
        self.assertEqual((methods[0], methods[-1]), ("submit", "result"))
        self.assertLess(methods.count("status"), 5)

    def test_it_looks_less_and_less_often_where_the_server_can_not_wait(self):
        with patch.object(waiting, "_threads", BoundedSemaphore(0)):
            calls = self.calls_for_a_job_of_three_seconds()
        methods = [method for method, _when in calls]
        self.assertEqual(methods, ["submit", *["status"] * (len(calls) - 2), "result"])
        looks = [when for method, when in calls if method == "status"]
        pauses = [after - before for before, after in itertools.pairwise(looks)]
        self.assertTrue(4 < len(pauses) < 15, pauses)
        self.assertGreater(pauses[-1], 4 * pauses[0])

    def test_operations_the_server_refuses_raise_the_originals_exception(self):
        before = self.count_jobs()
        with self.assertRaises(BatchValidationError) as caught:
            self.execute(Adapter, [CreateOperation("res.partner", [{"name": "A"}, {"nmae": "B"}])])
        [problem] = caught.exception.validation_errors
        self.assertEqual((problem["operation"], problem["record"], problem["key"]), (0, 1, "data"))
        self.assertIn("'nmae'", str(caught.exception))
        self.assertEqual(self.count_jobs(), before)

    def test_a_server_that_can_not_be_used_raises_the_originals_exception(self):
        async def run(client):
            await Adapter(client, retry_attempts=1).execute_operations(
                [CreateOperation("res.partner", [{"name": "A"}])]
            )

        with self.assertRaisesRegex(BatchExecutionError, "Batch execution failed: Not authenticated"):
            asyncio.run(run(ZenooClient(base_url())))

        async def gone():
            async with self.client() as client:
                client._transport._client.base_url = "http://127.0.0.1:9"
                await run(client)

        with self.assertRaisesRegex(BatchExecutionError, "Batch execution failed: Failed to connect"):
            asyncio.run(gone())

    def test_context_reaches_odoo_where_the_original_is_refused(self):
        def operations():
            return [CreateOperation("res.partner", [{"name": "C"}], context={"default_city": "Namur"})]

        theirs, _executor = self.execute(Original, operations())
        self.assertFalse(theirs["results"][0]["success"])
        ours, _executor = self.execute(Adapter, operations())
        self.assertTrue(ours["results"][0]["success"])
        self.assertEqual(self.new_partners("city"), [("Namur",)])

    def test_the_data_of_the_caller_stays_as_it_is(self):
        for executor_class, stays in ((Original, False), (Adapter, True)):
            values = [{"id": self.partners("K")[0], "city": "Own"}]
            self.execute(executor_class, [UpdateOperation("res.partner", values)])
            self.assertEqual("id" in values[0], stays)

    def test_a_bulk_update_spares_what_has_not_failed(self):
        with self.committed() as env:
            parent, child = env["res.partner"].create([{"name": "Parent"}, {"name": "Child"}])
            child.parent_id = parent
        for executor_class, options, expected in (
            (Original, {}, False),
            (Adapter, {"rollback": "chunk"}, False),
            (Adapter, {}, child.id),
        ):
            [other] = self.partners("Other")
            # the parent below its own child is a recursion: the other one is not to blame
            operation = UpdateOperation("res.partner", {"parent_id": child.id}, record_ids=[parent.id, other])
            report, _executor = self.execute(executor_class, [operation], options=options)
            self.assertFalse(report["results"][0]["success"])
            with self.committed() as env:
                found = [env["res.partner"].browse(id_).parent_id.id for id_ in (parent.id, other)]
            self.assertEqual(found, [False, expected])

    def test_the_originals_results_are_chunks_and_its_counters_add_up(self):
        operations = [CreateOperation("res.partner", [{"name": f"C{index}"} for index in range(25)])]
        theirs, _executor = self.execute(Original, operations, max_chunk_size=10)
        ours, _executor = self.execute(Adapter, operations, max_chunk_size=10)
        self.assertEqual((len(theirs["results"]), len(ours["results"])), (3, 1))
        self.assertEqual([report["stats"]["completed_operations"] for report in (theirs, ours)], [3, 1])
        self.assertNotIn(operations[0].operation_id, [entry["operation_id"] for entry in theirs["results"]])

    def test_one_object_twice_is_refused(self):
        operation = CreateOperation("res.partner", [{"name": "Twice"}])
        with self.assertRaisesRegex(BatchValidationError, "used twice"):
            self.execute(Adapter, [operation, operation])

    def test_it_needs_no_odoo(self):
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        program = "import sys, odoo_batch.zenoo; sys.exit('odoo' in sys.modules)"
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=SOURCES, env=environment, timeout=PATIENCE_S, check=False
        )
        self.assertEqual(done.returncode, 0)


class TestZenooPage(ZenooCase):
    def test_its_programs_run_as_they_stand(self):
        blocks = [block for block in self.blocks if "run" in block.settings]
        self.assertEqual(len(blocks), len(self.blocks))
        printed = []
        for block in blocks:
            self.mark_partners()
            printed.append(self.run_program(block))
            self.assertEqual(self.new_partners(), TWO)
        self.assertEqual(printed[0].splitlines()[-2:], ["100.0", "True 2"])
        self.assertEqual(printed[1:], ["", "[True, True] partial\nrecord 1: Contacts require a name\n"])

    def test_its_table_names_every_parameter(self):
        page = docs.read(self.page)
        for parameter in inspect.signature(Original.__init__).parameters:
            if parameter != "self":
                self.assertIn(parameter, page)
