"""Whatever JSON is sent as operations or options: a status, or a refusal that stores nothing. Never anything else."""

from odoo.addons.batch_executor.exceptions import BatchValidationError

from .api_case import ApiCase
from .case import FINAL, STATUS_KEYS, BatchCase, nulls_in
from .doors import RouteDoor
from .properties import given, st

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(
        ["res.partner", "name", "create", "\x00", "\ud800", "id", "$ref", "op-1", 2**31, -1, 10**30, ""]
    )
)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=8) | st.sampled_from(["$ref", "index", "id", "name"]), inner, max_size=4)
    ),
    max_leaves=12,
)
KEYS = (
    "operation_type", "model", "data", "record_ids", "domain", "key", "fields", "method", "args", "kwargs", "action", "operation_id",
    "depends_on", "priority", "group_by", "context", "return_ids", "status", "colour",
)  # fmt: skip
OPTIONS = (
    "name", "max_chunk_size", "max_concurrency", "timeout", "retry_attempts", "rollback", "max_failures", "dry_run", "priority",
    "run_at", "idempotency_key", "draft", "on_complete", "strict", "quiet", "colour",
)  # fmt: skip
REFERENCE = st.fixed_dictionaries(
    {"$ref": st.sampled_from(["op-1", "op-2", "x"])}, optional={"index": st.integers(-1, 3)}
)
VALUES = st.dictionaries(
    st.sampled_from(["name", "ref", "parent_id", "child_ids", "nope", "id"]), JSON | REFERENCE, max_size=3
)
LIKELY = {
    "operation_type": st.sampled_from(["create", "update", "upsert", "delete", "unlink", "load", "call", "action"]),
    "model": st.sampled_from(["res.partner", "res.partner.category", "mail.thread", "batch.job", "res.country"]),
    "data": st.lists(VALUES, max_size=3) | VALUES | st.lists(st.integers(1, 9) | REFERENCE, max_size=3) | st.lists(st.lists(JSON, max_size=2), max_size=3),
    "record_ids": st.lists(st.integers(1, 9) | REFERENCE, max_size=3) | REFERENCE,
    "domain": st.lists(st.tuples(st.sampled_from(["name", "id", "nope"]), st.sampled_from(["=", "in", "ilike", "??"]), JSON) | st.sampled_from(["&", "|", "!"]), max_size=3),
    "key": st.lists(st.sampled_from(["name", "ref", "parent_id", "child_ids"]), max_size=2),
    "fields": st.lists(st.sampled_from(["name", "id", ".id", "parent_id/id", "child_ids/name", "/", "name/x"]), max_size=2),
    "method": st.sampled_from(["read", "write", "search", "_write", "env", "ids", "search_count", ""]),
    "args": st.lists(JSON | REFERENCE, max_size=2),
    "kwargs": st.dictionaries(st.text(max_size=4), JSON | REFERENCE, max_size=2),
    "depends_on": st.lists(st.sampled_from(["op-1", "op-2", "op-9"]), max_size=2),
    "group_by": st.sampled_from(["parent_id", "name", "child_ids", "nope"]),
    "action": st.sampled_from([1, 2**40, "web.download_contact", "base.nothing", ".", "x"]),
}  # fmt: skip
OPERATION = st.fixed_dictionaries(
    {"operation_type": LIKELY["operation_type"], "model": LIKELY["model"]},
    optional={key: LIKELY.get(key, JSON) | JSON for key in KEYS if key not in ("operation_type", "model")},
)
# what is mostly accepted, so that what comes after the checks is tried as well; ids are those of nobody
ID = st.sampled_from([1000001, 1000002, 2**31 - 1, 2**40]) | REFERENCE
VALUE = JSON | REFERENCE | st.lists(st.tuples(st.integers(0, 6), ID, VALUES), max_size=2)
ROW = st.dictionaries(
    st.sampled_from(["name", "ref", "parent_id", "child_ids", "category_id", "type"]), VALUE, max_size=3
)
DOMAIN = st.sampled_from([[], [["id", "in", [1000001]]], [["name", "=", "fuzz"]], [["ref", "ilike", "\ud800"]]])
TARGETS = st.fixed_dictionaries({"record_ids": st.lists(ID, max_size=3)}) | st.fixed_dictionaries(
    {"domain": st.sampled_from([[["id", "=", 1000001]], [["ref", "=", "\ud800"]]])}
)
COMMON = {
    "context": st.dictionaries(
        st.sampled_from(["lang", "tz", "x", "active_test", "tracking_disable"]), JSON, max_size=2
    ),
    "depends_on": st.lists(st.sampled_from(["op-1", "op-2"]), max_size=1),
    "priority": st.integers(-2, 2),
    "return_ids": st.just(True),
}

def plausible(kind, more=None, **keys):
    fixed = {"operation_type": st.just(kind), "model": st.just("res.partner"), **keys}
    optional = {key: value for key, value in COMMON.items() if key != "return_ids" or kind == "create"}
    operation = st.fixed_dictionaries(fixed, optional=optional)
    return operation if more is None else st.tuples(operation, more).map(lambda parts: {**parts[0], **parts[1]})

PLAUSIBLE = st.one_of(
    plausible("create", data=st.lists(ROW, max_size=4)),
    plausible("create", data=st.lists(ROW, max_size=4), group_by=st.sampled_from(["parent_id", "ref"])),
    plausible("update", TARGETS, data=ROW),
    plausible("update", data=st.lists(st.tuples(ID, ROW).map(lambda pair: {**pair[1], "id": pair[0]}), max_size=3)),
    plausible("delete", TARGETS),
    plausible(
        "upsert",
        key=st.just(["ref"]),
        data=st.lists(st.tuples(ROW, VALUE).map(lambda p: {**p[0], "ref": p[1]}), max_size=3),
    ),
    plausible("load", fields=st.just(["name", "parent_id/id"]), data=st.lists(st.tuples(JSON, JSON), max_size=3)),
    plausible("load", fields=st.just(["name", "child_ids/name"]), data=st.lists(st.tuples(JSON, JSON), max_size=3)),
    plausible("call", TARGETS, method=st.sampled_from(["write", "read", "copy"]), args=st.lists(VALUE, max_size=2)),
    plausible("action", TARGETS, action=st.just("web.download_contact")),
    plausible(
        "call",
        method=st.sampled_from(["search", "search_count", "name_search"]),
        args=st.lists(DOMAIN | VALUE, max_size=2),
    ),
)
OPERATIONS = (
    st.lists(PLAUSIBLE, max_size=3)
    | st.lists(OPERATION, max_size=3)
    | st.lists(st.dictionaries(st.sampled_from(KEYS), JSON, max_size=5) | JSON, max_size=3)
    | JSON
)


class TestFuzz(BatchCase):
    def check(self, operations, options):
        """Submit; undo what was stored, so that one example does not see another."""
        before = self.count()
        savepoint = self.env.cr.savepoint()
        try:
            status = self.jobs.submit(operations, **options)
        except BatchValidationError as error:
            self.assertEqual(self.count(), before, "refused, and yet something is stored")
            self.assertTrue(str(error).strip())
            self.assertTrue(error.validation_errors)
            for problem in error.validation_errors:
                self.assertEqual(set(problem), {"operation", "record", "key", "message"})
        else:
            self.assertEqual(set(status), STATUS_KEYS)
            self.assertEqual(list(nulls_in(status)), [])
            result = self.jobs.browse(status["job_id"]).result()
            self.assertEqual(len(result["results"]), status["stats"]["total_operations"])
        finally:
            savepoint.close(rollback=True)
            self.env.invalidate_all()

    def count(self):
        self.env.cr.execute(
            "SELECT (SELECT count(*) FROM batch_job), (SELECT count(*) FROM batch_operation), (SELECT count(*) FROM batch_chunk)"
        )
        return self.env.cr.fetchone()

    @given(OPERATIONS, max_examples=200, derandomize=True)
    def test_any_operations_are_accepted_or_refused(self, operations):
        self.check(operations, {})

    @given(st.dictionaries(st.sampled_from(OPTIONS), JSON, max_size=4), max_examples=200, derandomize=True)
    def test_any_options_are_accepted_or_refused(self, options):
        self.check([{"operation_type": "create", "model": "res.partner", "data": [{"name": "x"}]}], options)

    @given(OPERATIONS, max_examples=100, derandomize=True)
    def test_any_operations_execute_or_are_refused(self, operations):
        savepoint = self.env.cr.savepoint()
        try:
            result = self.jobs.execute(operations, dry_run=True)
        except BatchValidationError as error:
            self.assertTrue(error.validation_errors)
        else:
            self.assertEqual(list(nulls_in(result)), [])
            self.assertEqual(result["completed"], result["total"])
        finally:
            savepoint.close(rollback=True)
            self.env.invalidate_all()


class TestFuzzedJobs(ApiCase):
    JOB_OPTIONS = st.fixed_dictionaries(
        {},
        optional={
            "rollback": st.sampled_from(["record", "chunk", "job"]),
            "dry_run": st.booleans(),
            "max_failures": st.integers(0, 2),
            "max_chunk_size": st.integers(0, 3),
            "max_concurrency": st.integers(1, 2),
        },
    )

    @given(st.lists(PLAUSIBLE, min_size=1, max_size=4), JOB_OPTIONS, max_examples=60, derandomize=True)
    def test_what_was_accepted_comes_to_an_end_with_counters_that_agree(self, operations, options):
        try:
            with self.committed(self.user.id) as env:
                job_id = env["batch.job"].submit(operations, **options)["job_id"]
        except BatchValidationError:
            return
        self.work()
        result = self.result_of(job_id, RouteDoor(self.manager))
        self.assertIn(result["state"], FINAL)
        self.assertEqual(result["completed"], result["total"])
        stats, entries = result["stats"], result["results"]
        self.assertEqual(result["percentage"] == 100.0, not stats["cancelled_records"])
        for name in ("processed_records", "failed_records"):
            self.assertEqual(stats[name], sum(entry[name] for entry in entries))
        self.assertEqual(stats["total_records"], sum(entry["record_count"] for entry in entries))
        self.assertEqual(stats["completed_operations"], sum(entry["success"] for entry in entries))
        for failure in (failure for entry in entries for failure in entry["failures"]):
            self.assertNotEqual(failure["error_type"], "InternalError", failure)
            self.assertReadable(failure["error"])
