"""How far a job is and how fast: the figures that the API and the backend show alike."""

from datetime import datetime

from . import states
from .forecast import InFlight, expected_end, worked_s

#: Columns of a job that a status tells as they are.
COUNTERS = (
    "total_operations", "completed_operations", "failed_operations",
    "total_records", "processed_records", "failed_records", "cancelled_records",
)  # fmt: skip


def counts(job) -> dict[str, int]:
    """The counters of a job, a `JobRow` or a record, as of `report.status`."""
    return {**{name: getattr(job, name) for name in COUNTERS}, "warnings": job.warning_count}


def figures(job, in_flight: InFlight | None, lanes: int, now: datetime) -> dict:
    """What `progress` says of a job, a `JobRow` or a record, and its `eta`.

    :param in_flight: None where it does not run
    :param lanes: how many lanes there are
    :param now: naive, in UTC
    """
    shown = progress(counts(job), job.state, worked_s(job, now), job.earlier_records, job.earlier_operations)
    return {**shown, "eta": expected_end(job, in_flight, lanes, now)}


def progress(counts: dict, state: str, worked_s: float, earlier_records: int = 0, earlier_operations: int = 0) -> dict:
    """Percentage, duration in seconds, and rates.

    :param counts: as of `report.status`
    :param worked_s: seconds it was worked on: neither paused, nor over, nor waiting to begin
    :param earlier_records: what was run in that time and was, or will be, run again
    :param earlier_operations: the operations that had ended by that
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
    """Share of the records that have run, rounded down: 100 means all."""
    if total:
        return int(10_000 * min(run, total) / total) / 100
    return 100.0 if state in states.JOB_FINAL and state != states.CANCELLED else 0.0


def _rate(count, worked_s):
    return round(count / worked_s, 2) if worked_s else 0.0
