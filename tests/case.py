"""What tests send and what they expect back, and the case whose every test is one transaction that is rolled back."""

import itertools

from odoo.tests import TransactionCase, new_test_user, tagged
from odoo.tools import mute_logger

#: Seconds any single wait of a test may take.
PATIENCE_S = 60
#: Groups of a user who may submit jobs on partners, and of one who may on products as well, where there are any.
SUBMITTER = ("base.group_user", "base.group_partner_manager", "batch_executor.group_batch_user")
WORKER = (*SUBMITTER, "product.group_product_manager")
FINAL = ("completed", "partial", "failed", "cancelled")
STATUS_KEYS = {
    "job_id", "uuid", "name", "state", "completed", "total", "percentage", "stats", "duration", "eta", "created_at",
    "started_at", "finished_at", "waiting", "error", "duplicate", "url", "origin_job_id", "traceparent",
}  # fmt: skip
ENTRY_KEYS = {
    "operation_id", "operation_type", "model", "state", "success", "record_count", "processed_records",
    "failed_records", "result", "error", "failures", "warning_count", "warnings", "duration",
}  # fmt: skip
#: What entries of create, update, upsert, load and delete have besides.
EFFECT_KEYS = {"created_records", "updated_records", "unchanged_records", "deleted_records"}
FAILURE_KEYS = {"index", "record_id", "error_type", "error", "attempts"}


def entry_keys(entry):
    """The keys that an entry of a result has."""
    return ENTRY_KEYS if entry["operation_type"] in ("call", "action") else ENTRY_KEYS | EFFECT_KEYS


def create(*names, model="res.partner", **keys):
    """A create operation of records with these names."""
    return {"operation_type": "create", "model": model, "data": [{"name": name} for name in names], **keys}


def update(values, *ids, model="res.partner", **keys):
    """An update operation of these records."""
    return {"operation_type": "update", "model": model, "data": values, "record_ids": list(ids), **keys}


def nulls_in(value, path="answer"):
    """Paths of all nulls in an answer: there must be none, XML-RPC has no such thing."""
    if value is None:
        yield path
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from nulls_in(item, f"{path}.{key}")
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from nulls_in(item, f"{path}[{place}]")


def as_dataclass_sends(**given):
    """An operation as a client's dataclass serializes: bookkeeping, defaults and nulls included."""
    return {
        "operation_id": f"client-{next(_serial)}", "status": "pending", "priority": 0, "context": None,
        "created_at": None, "started_at": None, "completed_at": None, "error": None, "result": None, **given,
    }  # fmt: skip


_serial = itertools.count(1)


@tagged("post_install", "-at_install")
class BatchCase(TransactionCase):
    """Calls the verbs as `user`, in the transaction of the test: `jobs` is `batch.job` as that user sees it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.enterClassContext(mute_logger("odoo.sql_db"))  # Odoo logs each error of SQL, and many are provoked
        cls.user = new_test_user(cls.env, "batch-inline", groups=",".join(SUBMITTER))
        cls.jobs = cls.env["batch.job"].with_user(cls.user)
