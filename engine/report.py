"""Builds the answers of the API from plain values: the same format for queued jobs and inline runs."""

from datetime import datetime

from .effects import EFFECT_COLUMNS
from .operation import CALL
from .operations import HAS_EFFECTS, PRODUCES_IDS
from .states import COMPLETED

#: Parameters of a call whose result is the return value of its method.
ANSWERED = ("model_level", "set")
#: Failures, and warnings, listed with an operation; the verbs `failures` and `warnings` return all, in pages.
FAILURES_SHOWN = WARNINGS_SHOWN = 100


def instant(value: datetime | None) -> str | bool:
    """A naive UTC datetime as ISO-8601 text with milliseconds; False for None."""
    return value.isoformat(timespec="milliseconds") + "Z" if value else False


def status(
    *,
    counts: dict,
    progress: dict,
    state: str,
    job_id=False,
    uuid=False,
    name=False,
    created_at=None,
    started_at=None,
    finished_at=None,
    eta=None,
    waiting=False,
    error=False,
    duplicate=False,
    url=False,
    origin_job_id=False,
    traceparent=False,
) -> dict:
    """The status of a job.

    :param counts: total_operations, completed_operations, failed_operations, total_records, processed_records,
        failed_records, cancelled_records, those of `EFFECT_COLUMNS`, warnings
    :param progress: percentage, duration (seconds), operations_per_second, records_per_second
    """
    return {
        "job_id": job_id,
        "uuid": uuid,
        "name": name,
        "state": state,
        "completed": counts["processed_records"] + counts["failed_records"] + counts["cancelled_records"],
        "total": counts["total_records"],
        "percentage": progress["percentage"],
        "stats": {
            **counts,
            "operations_per_second": progress["operations_per_second"],
            "records_per_second": progress["records_per_second"],
        },
        "duration": progress["duration"],
        "eta": instant(eta),
        "created_at": instant(created_at),
        "started_at": instant(started_at),
        "finished_at": instant(finished_at),
        "waiting": waiting or False,
        "error": error or False,
        "duplicate": duplicate,
        "url": url,
        "origin_job_id": origin_job_id,
        "traceparent": traceparent,
    }


def finding(entry: dict, row: int | None) -> dict:
    """An entry of a failure or a warning, with the row of its file where that is known."""
    return {**entry, "row": row} if row else entry


def operation_entry(
    operation: dict, ids: list | None, failures: list[dict], warnings: list[dict], outcomes: list | None = None
) -> dict:
    """One entry of a result.

    :param operation: operation_id, operation_type, model, state, record_count, processed_records, failed_records,
        cancelled_records, those of `EFFECT_COLUMNS`, warning_count, data_length, return_ids, has_answer, duration, error
    :param ids: the ids it has produced, aligned with its data (False where there is none), or the return value of its
        method as the only element; None where there are none
    :param failures: the first of them, as the API returns them
    :param warnings: likewise
    :param outcomes: what became of its records, aligned with its data; None: not asked for
    """
    success = operation["state"] == COMPLETED
    return {
        "operation_id": operation["operation_id"],
        "operation_type": operation["operation_type"],
        "model": operation["model"],
        "state": operation["state"],
        "success": success,
        "record_count": operation["record_count"],
        "processed_records": operation["processed_records"],
        "failed_records": operation["failed_records"],
        **_effects(operation, outcomes),
        "result": _result(operation, ids, success),
        "error": False if success else _error(operation, failures),
        "failures": failures,
        "warning_count": operation["warning_count"] or 0,
        "warnings": warnings,
        "duration": round(operation["duration"] or 0.0, 3),
    }


def _effects(operation, outcomes):
    if operation["operation_type"] not in HAS_EFFECTS:
        return {}
    counts = {column: operation[column] or 0 for column in EFFECT_COLUMNS}
    return counts if outcomes is None else {**counts, "outcomes": outcomes}


def _result(operation, ids, success):
    kind = operation["operation_type"]
    if kind in PRODUCES_IDS and operation["return_ids"]:
        return ids if ids is not None else []
    if kind == CALL and operation["has_answer"]:
        return ids[0] if success and ids else False
    return success


def _error(operation, failures):
    failed, count, first = operation["failed_records"], operation["record_count"], operation["error"]
    first = first or (failures[0]["error"] if failures else None)
    if failed and count > 1:
        return f"{failed} of {count} records failed: {first}" if first else f"{failed} of {count} records failed"
    return first or False
