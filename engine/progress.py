"""Progress and speed of a job: the same figures for the API and the backend."""

from datetime import datetime

from . import states
from .effects import EFFECT_COLUMNS
from .forecast import InFlight, expected_end, worked_s

#: Columns of a job that a status shows unchanged.
COUNTERS = (
    "total_operations", "completed_operations", "failed_operations",
    "total_records", "processed_records", "failed_records", "cancelled_records",
    *EFFECT_COLUMNS,
)  # fmt: skip


def counts(job) -> dict[str, int]:
    """The `counts` of `report.status`.

    :param job: a `JobRow` or a `batch.job` record
    """
    return {**{name: getattr(job, name) for name in COUNTERS}, "warnings": job.warning_count}


def figures(job, in_flight: InFlight | None, lanes: int, now: datetime) -> dict:
    """The result of `progress` and the `eta` (a naive datetime in UTC, or None) of a job.

    :param job: a `JobRow` or a `batch.job` record
    :param in_flight: None for a job that does not run
    :param lanes: number of lanes in the database
    :param now: naive, in UTC
    """
    shown = progress(counts(job), job.state, worked_s(job, now), job.earlier_records, job.earlier_operations)
    return {**shown, "eta": expected_end(job, in_flight, lanes, now)}


def progress(counts: dict, state: str, worked_s: float, earlier_records: int = 0, earlier_operations: int = 0) -> dict:
    """Percentage, duration (seconds) and rates (per second) of a job.

    :param counts: as in `report.status`
    :param worked_s: seconds the job was worked on, see `forecast.worked_s`
    :param earlier_records: records run in that time that a retry has put back: the counters no longer include them
    :param earlier_operations: likewise, operations
    """
    run = counts["processed_records"] + counts["failed_records"]
    ended = counts["completed_operations"] + counts["failed_operations"]
    return {
        "percentage": percentage(counts["total_records"], run, state),
        "duration": round(worked_s, 3),
        "operations_per_second": _rate(ended + earlier_operations, worked_s),
        "records_per_second": _rate(run + earlier_records, worked_s),
    }


def percentage(total: int, run: int, state: str) -> float:
    """Percentage of the records that have run, rounded down: 100 means all.

    :param total: records of the job
    :param run: records that have succeeded or failed
    :param state: of the job; decides where it has no records
    """
    if total:
        return int(10_000 * min(run, total) / total) / 100
    return 100.0 if state in states.JOB_FINAL and state != states.CANCELLED else 0.0


def _rate(count, worked_s):
    return round(count / worked_s, 2) if worked_s else 0.0
